/// GGUF and parameter files with random bytes changed.
#include "Mutate.h"
#include "binq/Checkpoint/Parameters.h"
#include "support/ModelFile.h"

static bool use_parameters(const char *path) {
  binq_parameters *parameters = NULL;
  binq_status status = binq_parameters_open(path, &parameters);
  if (status) {
    check_message(path, status);
    return false;
  }
  uint64_t sum = 0;
  for (size_t i = 0; i < binq_parameters_count(parameters); i++) {
    const binq_parameter *parameter = binq_parameters_at(parameters, i);
    for (size_t j = 0; j < parameter->size; j++)
      sum += parameter->data[j];
    CHECK(binq_parameters_find(parameters, parameter->name) == parameter);
  }
  CHECK(sum > 0);
  binq_parameters_close(parameters);
  return true;
}

static void mutate_model(bool sentencepiece) {
  model_file_options options = model_file_defaults();
  options.sentencepiece = sentencepiece;
  options.hidden = 32;
  options.ffn = 32;
  options.layers = 1;
  options.vocabulary = sentencepiece ? 300 : 265;
  model_file *file = model_file_create(&options);
  size_t size = 0;
  uint8_t *bytes = model_file_bytes(file, &size);
  REQUIRE(model_file_write(file, "mutated.gguf"));
  mutate("mutated.gguf", bytes, size, file->data_begin, "mutated.gguf", use_model);
  free(bytes);
  model_file_destroy(file);
}

static void mutate_parameters(void) {
  static const char path[] = "mutated.safetensors";
  static const int64_t shapes[][2] = {{2, 64}, {64, 2}, {4, 16}};
  binq_parameter_writer *writer = NULL;
  uint8_t data[256];
  memset(data, 1, sizeof data);
  CHECK_STATUS_OK(binq_parameter_writer_create(path, &writer));
  CHECK_STATUS_OK(binq_parameter_writer_add(writer, "a", BINQ_DTYPE_U8, 2, shapes[0], data));
  CHECK_STATUS_OK(binq_parameter_writer_add(writer, "b", BINQ_DTYPE_U16, 2, shapes[1], data));
  CHECK_STATUS_OK(binq_parameter_writer_add(writer, "c", BINQ_DTYPE_F32, 2, shapes[2], data));
  CHECK_STATUS_OK(binq_parameter_writer_commit(writer));
  uint8_t bytes[4096];
  FILE *file = fopen(path, "rb");
  REQUIRE(file);
  size_t size = fread(bytes, 1, sizeof bytes, file);
  REQUIRE(fclose(file) == 0);
  mutate(path, bytes, size, size - 640, path, use_parameters);
}

int main(void) {
  mutate_model(false);
  mutate_model(true);
  mutate_parameters();
  return check_result();
}

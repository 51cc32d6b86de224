/// Files with random bytes changed: they may be read or refused, but reading must stay inside them.
/// Most of what goes wrong shows in a build with BINQ_SANITIZE only.
#include "Check.h"
#include "binq/Checkpoint/Model.h"
#include "binq/Checkpoint/Parameters.h"
#include "binq/Checkpoint/TextTokens.h"
#include "support/ModelFile.h"
#include <fcntl.h>
#include <unistd.h>

enum { ROUNDS = 20000, MOST_CHANGES = 4 };

static uint64_t random_state = 7;

static uint64_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  return random_state ^= random_state << 17;
}

/// Values that are at the edge of something, and any others.
static uint8_t odd_byte(uint8_t old) {
  static const uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0x20, 0x22, 0x5b};
  switch (next_random() % 4) {
  case 0:
    return edges[next_random() % sizeof edges];
  case 1:
    return (uint8_t)(old + 1 - 2 * (int)(next_random() % 2));
  case 2:
    return (uint8_t)(old ^ 1 << next_random() % 8);
  default:
    return (uint8_t)next_random();
  }
}

static void check_message(const char *path, binq_status status) {
  const char *message = binq_status_message(status);
  CHECK(strncmp(message, path, strlen(path)) == 0);
  for (; *message; message++)
    CHECK((unsigned char)*message >= ' ');
  binq_status_free(status);
}

/// Whatever a vocabulary that was accepted holds, its tables can be made and used.
static void use_vocabulary(const binq_vocabulary *vocabulary) {
  static const char text[] = "the rain  \xe2\x96\x81 in <s>Spain\xff\xe6\x97\xa5 <unk>";
  binq_text_tokenizer *tokenizer = NULL;
  int32_t *tokens = NULL;
  size_t count = 0;
  CHECK_STATUS_OK(binq_text_tokenizer_create(vocabulary, &tokenizer));
  CHECK_STATUS_OK(binq_text_tokens(tokenizer, text, sizeof text - 1, &tokens, &count));
  for (size_t i = 0; i < count; i++)
    CHECK(tokens[i] >= 0 && (uint32_t)tokens[i] < vocabulary->token_count);
  free(tokens);
  binq_text_tokenizer_destroy(tokenizer);
}

/// Touches everything that a reader of the model may touch. Returns whether it was accepted.
static bool use_model(const char *path) {
  const binq_model *model = NULL;
  binq_status status = binq_model_open(path, &model);
  if (status) {
    check_message(path, status);
    return false;
  }
  uint64_t sum = 0;
  for (size_t i = 0; i < model->tensor_count; i++) {
    const binq_tensor *tensor = &model->tensors[i];
    float *row = malloc((size_t)tensor->columns * sizeof *row);
    REQUIRE(row);
    for (int64_t j = 0; j < tensor->rows; j++)
      binq_tensor_dequantize(tensor, j, j + 1, row);
    free(row);
    CHECK(binq_model_tensor(model, tensor->name) == tensor);
  }
  const binq_vocabulary *vocabulary = &model->vocabulary;
  for (uint32_t i = 0; i < vocabulary->token_count; i++)
    for (uint32_t j = 0; j < vocabulary->tokens[i].length; j++)
      sum += vocabulary->tokens[i].bytes[j];
  for (uint32_t i = 0; i < vocabulary->merge_count; i++) {
    const binq_merge *merge = &vocabulary->merges[i];
    CHECK(merge->left < vocabulary->token_count && merge->right < vocabulary->token_count &&
          merge->result < vocabulary->token_count);
  }
  CHECK(sum > 0);
  // Byte-level tables hold the classes of all characters, which takes a while each time.
  if (vocabulary->pre_tokenizer == BINQ_PRE_TOKENIZER_SENTENCEPIECE)
    use_vocabulary(vocabulary);
  CHECK(model->head_count % model->kv_head_count == 0);
  CHECK(vocabulary->bos < vocabulary->token_count && vocabulary->eos < vocabulary->token_count);
  binq_model_close(model);
  return true;
}

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

/// Changes some bytes, tries the file, changes them back. Three times of four the change is before
/// `tables`, where the numbers are that the rest hangs on.
static void mutate(const char *path, const uint8_t *bytes, size_t size, size_t tables,
                   bool (*use)(const char *path)) {
  int descriptor = open(path, O_RDWR | O_CLOEXEC);
  REQUIRE(descriptor >= 0);
  int accepted = 0;
  for (int round = 0; round < ROUNDS; round++) {
    size_t positions[MOST_CHANGES];
    int changes = 1 + (int)(next_random() % MOST_CHANGES);
    for (int i = 0; i < changes; i++) {
      positions[i] = next_random() % (next_random() % 4 ? tables : size);
      uint8_t changed = odd_byte(bytes[positions[i]]);
      REQUIRE(pwrite(descriptor, &changed, 1, (off_t)positions[i]) == 1);
    }
    accepted += use(path);
    for (int i = 0; i < changes; i++)
      REQUIRE(pwrite(descriptor, &bytes[positions[i]], 1, (off_t)positions[i]) == 1);
  }
  // Both must happen, or the changes test nothing.
  CHECK(accepted > ROUNDS / 100 && accepted < ROUNDS * 99 / 100);
  CHECK(use(path));
  close(descriptor);
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
  mutate("mutated.gguf", bytes, size, file->data_begin, use_model);
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
  mutate(path, bytes, size, size - 640, use_parameters);
}

int main(void) {
  mutate_model(false);
  mutate_model(true);
  mutate_parameters();
  return check_result();
}

/// Parameter files: what is written is read, byte for byte and in order.
#include "binq/Checkpoint/Parameters.h"
#include "Check.h"
#include "binq/Support/File.h"
#include <dirent.h>
#include <stdbool.h>
#include <unistd.h>

static const char path[] = "round.safetensors";

static void add(binq_parameter_writer *writer, const char *name, binq_dtype dtype, int rank,
                const int64_t *shape, const void *data) {
  CHECK_STATUS_OK(binq_parameter_writer_add(writer, name, dtype, rank, shape, data));
}

static void check_parameter(const binq_parameter *parameter, const char *name, binq_dtype dtype,
                            int rank, const int64_t *shape, size_t size) {
  CHECK_EQ_STR(parameter->name, name);
  CHECK_EQ_INT(parameter->dtype, dtype);
  CHECK_EQ_INT(parameter->rank, rank);
  for (int i = 0; i < rank; i++)
    CHECK_EQ_INT(parameter->shape[i], shape[i]);
  CHECK_EQ_INT(parameter->size, size);
}

static const int64_t shapes[][4] = {{64}, {3, 64}, {2, 16}, {2, 2, 2, 2}, {32}, {1 << 21}};

static void write_file(uint8_t *bytes, float *floats, uint8_t *large) {
  binq_parameter_writer *writer = NULL;
  CHECK_STATUS_OK(binq_parameter_writer_create(path, &writer));
  // Names in no alphabetical order, with what JSON has to escape.
  add(writer, "blk.1.z", BINQ_DTYPE_U8, 1, shapes[0], bytes);
  add(writer, "blk.0.a\"\\", BINQ_DTYPE_I8, 2, shapes[1], bytes);
  add(writer, "Wörter", BINQ_DTYPE_F32, 2, shapes[2], floats);
  add(writer, "b", BINQ_DTYPE_I32, 4, shapes[3], floats);
  add(writer, "a", BINQ_DTYPE_U16, 1, shapes[4], bytes);
  add(writer, "large", BINQ_DTYPE_U8, 1, shapes[5], large);
  CHECK(access(path, F_OK) != 0); // nothing is there before the end
  CHECK_STATUS_OK(binq_parameter_writer_commit(writer));
}

static void test_round_trip(void) {
  uint8_t bytes[192], *large = malloc(1 << 21);
  float floats[32];
  REQUIRE(large);
  for (int i = 0; i < 192; i++)
    bytes[i] = (uint8_t)(i * 5);
  for (int i = 0; i < 32; i++)
    floats[i] = 1.5f * (float)i;
  for (int i = 0; i < 1 << 21; i++)
    large[i] = (uint8_t)(i * 7 + i / 251);
  unlink(path);
  write_file(bytes, floats, large);
  binq_parameters *parameters = NULL;
  CHECK_STATUS_OK(binq_parameters_open(path, &parameters));
  REQUIRE(binq_parameters_count(parameters) == 6);
  check_parameter(binq_parameters_at(parameters, 0), "blk.1.z", BINQ_DTYPE_U8, 1, shapes[0], 64);
  check_parameter(binq_parameters_at(parameters, 1), "blk.0.a\"\\", BINQ_DTYPE_I8, 2, shapes[1],
                  192);
  check_parameter(binq_parameters_at(parameters, 2), "Wörter", BINQ_DTYPE_F32, 2, shapes[2], 128);
  check_parameter(binq_parameters_at(parameters, 3), "b", BINQ_DTYPE_I32, 4, shapes[3], 64);
  check_parameter(binq_parameters_at(parameters, 4), "a", BINQ_DTYPE_U16, 1, shapes[4], 64);
  check_parameter(binq_parameters_at(parameters, 5), "large", BINQ_DTYPE_U8, 1, shapes[5], 1 << 21);
  const void *const data[] = {bytes, bytes, floats, floats, bytes, large};
  size_t end = 0, size = 0;
  const uint8_t *section = binq_parameters_data(parameters, &size);
  for (size_t i = 0; i < 6; i++) {
    const binq_parameter *parameter = binq_parameters_at(parameters, i);
    CHECK(memcmp(parameter->data, data[i], parameter->size) == 0);
    CHECK(parameter->data == section + parameter->offset);
    CHECK_EQ_INT((uintptr_t)parameter->data % 64, 0);
    CHECK_EQ_INT(parameter->offset, end);
    CHECK(binq_parameters_find(parameters, parameter->name) == parameter);
    end += parameter->size;
  }
  CHECK_EQ_INT(size, end);
  CHECK(binq_parameters_find(parameters, "missing") == NULL);
  binq_parameters_close(parameters);
  binq_parameters_close(NULL);
  free(large);
}

/// The bytes of a file, so that a change of the format shows.
static void test_bytes(void) {
  binq_parameter_writer *writer = NULL;
  uint8_t data[64] = {1, 2, 3};
  CHECK_STATUS_OK(binq_parameter_writer_create("golden.safetensors", &writer));
  add(writer, "w", BINQ_DTYPE_I8, 2, (int64_t[]){4, 16}, data);
  CHECK_STATUS_OK(binq_parameter_writer_commit(writer));
  char *bytes = NULL;
  size_t size = 0;
  CHECK_STATUS_OK(binq_read_file("golden.safetensors", &bytes, &size));
  static const char header[] =
      "{\"w\":{\"dtype\":\"I8\",\"shape\":[4,16],\"data_offsets\":[0,64]}}";
  REQUIRE(size == 128 + 64);
  CHECK(memcmp(bytes, "\x78\0\0\0\0\0\0\0", 8) == 0);
  CHECK(memcmp(bytes + 8, header, strlen(header)) == 0);
  for (size_t i = 8 + strlen(header); i < 128; i++)
    CHECK(bytes[i] == ' ');
  CHECK(memcmp(bytes + 128, data, 64) == 0);
  free(bytes);
}

static void test_empty(void) {
  binq_parameter_writer *writer = NULL;
  CHECK_STATUS_OK(binq_parameter_writer_create("none.safetensors", &writer));
  CHECK_STATUS_OK(binq_parameter_writer_commit(writer));
  binq_parameters *parameters = NULL;
  CHECK_STATUS_OK(binq_parameters_open("none.safetensors", &parameters));
  CHECK_EQ_INT(binq_parameters_count(parameters), 0);
  CHECK(binq_parameters_find(parameters, "a") == NULL);
  binq_parameters_close(parameters);
}

static void test_refused_tensors(void) {
  binq_parameter_writer *writer = NULL;
  uint8_t data[64] = {0};
  CHECK_STATUS_OK(binq_parameter_writer_create("refused.safetensors", &writer));
  add(writer, "w", BINQ_DTYPE_U8, 1, shapes[0], data);
  static const struct {
    const char *name;
    int rank;
    int64_t shape[5];
    const char *expected;
  } cases[] = {
      {"w", 1, {64}, "refused.safetensors: w: this tensor is there already"},
      {"", 1, {64}, "this cannot be the name of a tensor"},
      {"a\nb", 1, {64}, "this cannot be the name of a tensor"},
      {"\xff", 1, {64}, "this cannot be the name of a tensor"},
      {"__metadata__", 1, {64}, "this cannot be the name of a tensor"},
      {"v", 0, {64}, "v: shape: 0 dimensions, must be 1 to 4"},
      {"v", 5, {64, 1, 1, 1, 1}, "v: shape: 5 dimensions, must be 1 to 4"},
      {"v", 2, {64, 0}, "v: shape: dimension 1 is 0"},
      {"v", 2, {-64, 1}, "v: shape: dimension 0 is -64"},
      {"v", 1, {63}, "v: shape: 63 bytes are not a multiple of 64"},
      {"v", 3, {INT64_MAX, INT64_MAX, 64}, "v: shape: a size of"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    CHECK_STATUS_FAILS(binq_parameter_writer_add(writer, cases[i].name, BINQ_DTYPE_U8,
                                                 cases[i].rank, cases[i].shape, data),
                       cases[i].expected);
  binq_parameter_writer_discard(writer);
  binq_parameter_writer_discard(NULL);
  CHECK(access("refused.safetensors", F_OK) != 0);
}

/// Places that cannot be written to, noticed at the latest at the end.
static void test_no_place(void) {
  binq_parameter_writer *writer = NULL;
  CHECK_STATUS_FAILS(binq_parameter_writer_create("no/folder", &writer), "no/folder: cannot write");
  CHECK_STATUS_OK(binq_parameter_writer_create("/dev/full", &writer));
  uint8_t data[64] = {0};
  add(writer, "w", BINQ_DTYPE_U8, 1, shapes[0], data);
  CHECK_STATUS_FAILS(binq_parameter_writer_commit(writer),
                     "/dev/full: cannot write: No space left");
}

/// Neither temporaries nor refused files may be left.
static void test_folder(void) {
  static const char *const expected[] = {"round.safetensors", "golden.safetensors",
                                         "none.safetensors"};
  DIR *folder = opendir(".");
  REQUIRE(folder);
  for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
    bool known = entry->d_name[0] == '.';
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
      known = known || strcmp(entry->d_name, expected[i]) == 0;
    if (!known)
      CHECK_FAIL("%s was left behind", entry->d_name);
  }
  closedir(folder);
}

int main(void) {
  test_round_trip();
  test_bytes();
  test_empty();
  test_refused_tensors();
  test_no_place();
  test_folder();
  return check_result();
}

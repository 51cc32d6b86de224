// A model whose weights are a file: what `open` makes of good and bad ones.
#include "Check.h"
#include "binq/Support/File.h"
#include "tiny_c.h"
#include <sys/stat.h>
#include <unistd.h>

static tiny_c_error open_bytes(const char *bytes, size_t size) {
  tiny_c_model *model = NULL;
  FILE *file = fopen("bad.weights", "wb");
  REQUIRE(file && fwrite(bytes, 1, size, file) == size && !fclose(file));
  tiny_c_error error = tiny_c_open("bad.weights", &model);
  CHECK(!error == !!model);
  tiny_c_close(model);
  return error;
}

static void test_damage(char *bytes, size_t size) {
  CHECK_EQ_INT(open_bytes(bytes, size), TINY_C_OK);
  const size_t places[] = {0, 1, 63, 64, size / 2, size - 1};
  for (size_t i = 0; i < sizeof places / sizeof *places; ++i) {
    bytes[places[i]] ^= 4;
    CHECK_EQ_INT(open_bytes(bytes, size), TINY_C_ERROR_WEIGHTS);
    bytes[places[i]] ^= 4;
  }
  const size_t sizes[] = {0, 1, 64, size / 2, size - 64, size - 1};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i)
    CHECK_EQ_INT(open_bytes(bytes, sizes[i]), TINY_C_ERROR_WEIGHTS);
  char *longer = calloc(size + 1, 1);
  REQUIRE(longer);
  memcpy(longer, bytes, size);
  CHECK_EQ_INT(open_bytes(longer, size + 1), TINY_C_ERROR_WEIGHTS);
  free(longer);
}

static void test_no_file(void) {
  tiny_c_model *model;
  CHECK_EQ_INT(tiny_c_open(NULL, &model), TINY_C_ERROR_ARGUMENT);
  CHECK_EQ_INT(tiny_c_open("absent", &model), TINY_C_ERROR_FILE);
  CHECK_EQ_INT(tiny_c_open(".", &model), TINY_C_ERROR_FILE);
  CHECK(!mkfifo("pipe", 0600) || access("pipe", F_OK) == 0);
  CHECK_EQ_INT(tiny_c_open("pipe", &model), TINY_C_ERROR_FILE);
  CHECK(!model);
}

int main(int argc, char **argv) {
  char *bytes;
  size_t size;
  REQUIRE(argc == 2);
  CHECK_EQ_STR(TINY_C_WEIGHTS_FILE, "tiny_c.weights");
  CHECK_STATUS_OK(binq_read_file(argv[1], &bytes, &size));
  CHECK_EQ_INT(size, TINY_C_WEIGHTS_SIZE);
  test_damage(bytes, size);
  free(bytes);
  test_no_file();

  tiny_c_model *model;
  tiny_c_context *context;
  const int32_t token = 9;
  REQUIRE(!tiny_c_open(argv[1], &model) && !tiny_c_context_create(model, 1, 1, &context));
  CHECK_EQ_INT(tiny_c_feed(context, &token, 1), TINY_C_OK);
  CHECK_EQ_INT(tiny_c_logits(context)[1], (7 * (6 + 9) + 13) % 97);
  tiny_c_context_destroy(context);
  tiny_c_close(model);
  return check_result();
}

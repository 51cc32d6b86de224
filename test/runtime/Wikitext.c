// Whole texts with a model people use: BINQ_TEST_DATA is a folder with text/wikitext2-*.txt,
// BINQ_TEST_MODEL the GGUF file of SmolLM2-135M. The expected tokens are those of the model's own
// tokenizer.
#include "Check.h"
#include "binq/Checkpoint/TokenizerTables.h"
#include "binq/Support/File.h"
#include "runtime/Tokenizer.h"
#include <nettle/sha2.h>

static void check_text(const binq_tokenizer *tokenizer, const char *data, const char *name,
                       size_t expected_count, const char *expected_hash) {
  char path[4096], *text;
  size_t length, count;
  snprintf(path, sizeof path, "%s/text/%s", data, name);
  CHECK_STATUS_OK(binq_read_file(path, &text, &length));
  int32_t *tokens = malloc(length * sizeof *tokens);
  REQUIRE(tokens);
  CHECK_EQ_INT(binq_tokenizer_encode(tokenizer, text, length, 0, tokens, length, &count), 0);
  CHECK_EQ_INT(count, expected_count);
  struct sha256_ctx sha;
  uint8_t digest[SHA256_DIGEST_SIZE];
  char hex[2 * SHA256_DIGEST_SIZE + 1];
  sha256_init(&sha);
  sha256_update(&sha, count * sizeof *tokens, (const uint8_t *)tokens);
  sha256_digest(&sha, sizeof digest, digest);
  for (size_t i = 0; i < sizeof digest; i++)
    snprintf(hex + 2 * i, 3, "%02x", digest[i]);
  CHECK_EQ_STR(hex, expected_hash);
  free(tokens);
  free(text);
}

int main(void) {
  const char *data = getenv("BINQ_TEST_DATA"), *path = getenv("BINQ_TEST_MODEL");
  if (!data || !path) {
    puts("skipped: BINQ_TEST_DATA or BINQ_TEST_MODEL is not set");
    return 0;
  }
  const binq_model *model;
  CHECK_STATUS_OK(binq_model_open(path, &model));
  uint8_t *tables;
  size_t size;
  CHECK_STATUS_OK(binq_tokenizer_tables(&model->vocabulary, &tables, &size));
  binq_tokenizer tokenizer;
  REQUIRE(binq_tokenizer_open(tables, size, &tokenizer) == 0);
  check_text(&tokenizer, data, "wikitext2-test.txt", 312144,
             "6ecb49cc3609ae7d45af51ecf05d3413f7671c6005fb9b75420854f1834e5ad8");
  check_text(&tokenizer, data, "wikitext2-valid.txt", 273868,
             "b6d2cfa62c23c103a2932b23947049e850cdc755b6ae8c85dd01277c56b3b3d9");
  free(tables);
  binq_model_close(model);
  return check_result();
}

/// A folder that people use: BINQ_TEST_DATA is a folder with models/TinyStories-656K and
/// text/tinystories-train-head.txt. The expected tokens are those of the package tokenizers, which
/// tokenizer.json was written for; 173 of them are the unknown token.
#include "Check.h"
#include "binq/Checkpoint/Hash.h"
#include "binq/Checkpoint/TextTokens.h"

static void check_tokens(const binq_vocabulary *vocabulary, const char *path) {
  binq_text_tokenizer *tokenizer = NULL;
  int32_t *tokens = NULL;
  size_t count = 0, unknown = 0;
  char hash[65];
  CHECK_STATUS_OK(binq_text_tokenizer_create(vocabulary, &tokenizer));
  CHECK_STATUS_OK(binq_file_tokens(tokenizer, path, &tokens, &count));
  CHECK_EQ_INT(count, 50124);
  binq_sha256(tokens, count * sizeof *tokens, hash);
  CHECK_EQ_STR(hash, "01c3de30127ec924c66cd676008bf5b9ba499a7d86eaf0d81f47dd21676b78fe");
  for (size_t i = 0; i < count; i++)
    unknown += tokens[i] == vocabulary->unknown;
  CHECK_EQ_INT(unknown, 173);
  free(tokens);
  binq_text_tokenizer_destroy(tokenizer);
}

int main(void) {
  const char *data = getenv("BINQ_TEST_DATA");
  char path[4096];
  if (!data) {
    puts("skipped: BINQ_TEST_DATA is not set");
    return 0;
  }
  snprintf(path, sizeof path, "%s/models/TinyStories-656K", data);
  const binq_model *model = NULL;
  CHECK_STATUS_OK(binq_model_open(path, &model));
  CHECK_EQ_STR(model->name, "TinyStories-656K");
  CHECK_EQ_INT(model->layer_count, 2);
  CHECK(model->tied_embedding);
  CHECK_EQ_INT(model->vocabulary.bos, 1);
  CHECK_EQ_INT(model->vocabulary.eos, 2);
  CHECK(model->vocabulary.add_bos);
  snprintf(path, sizeof path, "%s/text/tinystories-train-head.txt", data);
  check_tokens(&model->vocabulary, path);
  binq_model_close(model);
  return check_result();
}

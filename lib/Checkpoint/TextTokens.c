#include "binq/Checkpoint/TextTokens.h"

#include "binq/Checkpoint/TokenizerTables.h"
#include "binq/Support/File.h"
#include "binq/Support/Memory.h"
#include "runtime/Tokenizer.h"
#include <stdlib.h>
#include <string.h>

struct binq_text_tokenizer {
  uint8_t *tables; ///< NULL: they are somebody else's
  binq_tokenizer tokenizer;
};

binq_status binq_text_tokenizer_create(const binq_vocabulary *vocabulary,
                                       binq_text_tokenizer **out) {
  binq_text_tokenizer *made;
  BINQ_TRY(binq_allocate(1, sizeof *made, "a tokenizer", (void *)&made));
  size_t size;
  binq_status status = binq_tokenizer_tables(vocabulary, &made->tables, &size);
  if (!status && binq_tokenizer_open(made->tables, size, &made->tokenizer) != 0)
    status = binq_errorf("the tokenizer's tables are damaged");
  if (status)
    binq_text_tokenizer_destroy(made);
  else
    *out = made;
  return status;
}

binq_status binq_text_tokenizer_open(const uint8_t *tables, size_t size,
                                     binq_text_tokenizer **out) {
  binq_text_tokenizer *made;
  BINQ_TRY(binq_allocate(1, sizeof *made, "a tokenizer", (void *)&made));
  if (binq_tokenizer_open(tables, size, &made->tokenizer) != 0) {
    free(made);
    return binq_errorf("the tokenizer's tables are damaged");
  }
  *out = made;
  return BINQ_OK;
}

void binq_text_tokenizer_destroy(binq_text_tokenizer *tokenizer) {
  if (!tokenizer)
    return;
  free(tokenizer->tables);
  free(tokenizer);
}

binq_status binq_text_tokens(const binq_text_tokenizer *tokenizer, const char *text, size_t length,
                             int32_t **tokens, size_t *count) {
  // A token stands for at least one byte, or for a space that is put before one.
  bool spaces = tokenizer->tokenizer.header->prefix != BINQ_PREFIX_NEVER;
  int32_t *made;
  size_t most;
  BINQ_TRY(binq_size_multiply(length, spaces ? 2 : 1, "the tokens of a text", &most));
  BINQ_TRY(binq_allocate(most, sizeof *made, "the tokens of a text", &made));
  int error = binq_tokenizer_encode(&tokenizer->tokenizer, text, length, 0, made, most, count);
  if (error) {
    free(made);
    return binq_errorf("the text cannot be split into tokens: %s", strerror(error));
  }
  *tokens = made;
  return BINQ_OK;
}

binq_status binq_file_tokens(const binq_text_tokenizer *tokenizer, const char *path,
                             int32_t **tokens, size_t *count) {
  binq_mapping *text;
  BINQ_TRY(binq_mapping_open(path, &text));
  binq_status status = binq_text_tokens(tokenizer, (const char *)binq_mapping_data(text),
                                        binq_mapping_size(text), tokens, count);
  binq_mapping_close(text);
  return binq_annotate(status, "%s", path);
}

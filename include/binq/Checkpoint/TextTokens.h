/// Texts as tokens of a model, at compile time.
#ifndef BINQ_CHECKPOINT_TEXTTOKENS_H
#define BINQ_CHECKPOINT_TEXTTOKENS_H

#include "binq/Checkpoint/Model.h"

typedef struct binq_text_tokenizer binq_text_tokenizer;

/// Builds the tokenizer of a vocabulary, which need not outlive it.
binq_status binq_text_tokenizer_create(const binq_vocabulary *vocabulary,
                                       binq_text_tokenizer **out);
/// The same from the tables of a parameter file (binq_tokenizer_tables), which must outlive it.
binq_status binq_text_tokenizer_open(const uint8_t *tables, size_t size, binq_text_tokenizer **out);
/// NULL is ignored.
void binq_text_tokenizer_destroy(binq_text_tokenizer *tokenizer);

/// Splits a text, without special tokens: *tokens is freed with free().
binq_status binq_text_tokens(const binq_text_tokenizer *tokenizer, const char *text, size_t length,
                             int32_t **tokens, size_t *count);

/// The same of a file's text; errors name the file.
binq_status binq_file_tokens(const binq_text_tokenizer *tokenizer, const char *path,
                             int32_t **tokens, size_t *count);

#endif

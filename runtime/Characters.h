/// What merging begins with in a SentencePiece vocabulary: characters.
#ifndef BINQ_RUNTIME_CHARACTERS_H
#define BINQ_RUNTIME_CHARACTERS_H

#include "runtime/BytePairs.h"

/// Length of a piece that `text` begins with and that can be encoded by itself: as short as the
/// vocabulary allows. length >= 1
size_t binq_characters_piece(const binq_tokenizer *tokenizer, const uint8_t *text, size_t length);

/// Whether a space is put before the text between special tokens that begins at `at` and ends at
/// `end`.
bool binq_characters_prefix(const binq_tokenizer *tokenizer, const uint8_t *text, size_t end,
                            size_t at);

/// Adds the tokens of characters; `pairs` has room for one for each byte of them.
void binq_characters_add(const binq_tokenizer *tokenizer, binq_byte_pairs *pairs,
                         const uint8_t *text, size_t length);

#endif

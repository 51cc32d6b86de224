/// Byte-pair merging of one piece of text.
#ifndef BINQ_RUNTIME_BYTEPAIRS_H
#define BINQ_RUNTIME_BYTEPAIRS_H

#include "runtime/Tokenizer.h"

/// Memory that grows to what the longest piece needs. Starts as all zeros.
typedef struct {
  void *memory;
  size_t capacity; ///< bytes of text it is enough for
} binq_byte_pairs;

void binq_byte_pairs_free(binq_byte_pairs *pairs);

/// Merges the bytes of a piece (length < 2^31) into tokens: always the pair of lowest rank, the
/// leftmost of those, until no pair is left. *tokens are in `pairs` until its next use; -1 stands
/// for a byte without a token. Takes n log n steps. 0 or ENOMEM.
int binq_byte_pairs_merge(const binq_tokenizer *tokenizer, binq_byte_pairs *pairs,
                          const uint8_t *text, size_t length, const int32_t **tokens,
                          size_t *count);

#endif

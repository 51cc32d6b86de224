/// Merging pairs of one piece of text.
#ifndef BINQ_RUNTIME_BYTEPAIRS_H
#define BINQ_RUNTIME_BYTEPAIRS_H

#include "runtime/Tokenizer.h"

/// Tokens in a doubly linked list, by the place of their first one; a merged pair stays in place of
/// its left half.
typedef struct {
  int32_t token; ///< -1: none, or merged into the one before
  int32_t previous, next;
} binq_symbol;

/// The tokens that merging begins with, in memory that grows to what the longest piece needs.
/// Starts as all zeros.
typedef struct {
  binq_symbol *symbols;
  size_t capacity, count;
} binq_byte_pairs;

void binq_byte_pairs_free(binq_byte_pairs *pairs);

/// Begins a piece of at most `most` tokens (< 2^31). 0 or ENOMEM.
int binq_byte_pairs_begin(binq_byte_pairs *pairs, size_t most);

/// Adds a token to the piece; -1 is text without a token, that nothing merges with.
static inline void binq_byte_pairs_add(binq_byte_pairs *pairs, int32_t token) {
  pairs->symbols[pairs->count++].token = token;
}

/// Merges always the pair of lowest rank, the leftmost of those, until no pair is left. *tokens are
/// in `pairs` until its next use. Takes n log n steps.
void binq_byte_pairs_merge(const binq_tokenizer *tokenizer, binq_byte_pairs *pairs,
                           const int32_t **tokens, size_t *count);

#endif

/// What the tokenizer's tests share: a made-up vocabulary and odd texts.
#ifndef BINQ_TEST_RUNTIME_VOCABULARY_H
#define BINQ_TEST_RUNTIME_VOCABULARY_H

#include "binq/Checkpoint/Model.h"

/// Tokens of a made-up vocabulary, by what they are for.
enum {
  TEST_FIRST_BYTE =
      3,           ///< the token of byte b is TEST_FIRST_BYTE + (b * 5) % 256; byte 0xff has none
  TEST_END = 0,    ///< "<|end|>", control
  TEST_ENDING = 1, ///< "<|end|>ing", user-defined
  TEST_SPACES = 2, ///< four spaces, user-defined
};

/// 256 bytes and `merge_count` random merges of them and their results, the same for the same seed.
binq_vocabulary test_vocabulary(uint32_t merge_count, uint64_t seed);
void test_vocabulary_free(const binq_vocabulary *vocabulary);

/// The next number of a sequence, below `limit`.
uint32_t test_random(uint64_t *state, uint32_t limit);

/// A text of odd pieces, at most `capacity` bytes, which are UTF-8 if `valid`; returns its length.
size_t test_text(uint64_t *state, char *out, size_t capacity, bool valid);

#endif

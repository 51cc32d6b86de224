#include "runtime/Characters.h"
#include "runtime/Utf8.h"

enum { WRITTEN_SPACE = 0x2581 }; ///< what SentencePiece writes for a space, and reads as one

/// Length of the character at `text`, of which `length` >= 1 bytes are left; bytes that are not
/// UTF-8 are characters of their own.
static size_t character(const uint8_t *text, size_t length, bool *space) {
  uint32_t code_point;
  int size = binq_utf8_decode(text, length, &code_point);
  *space = size > 0 && (code_point == ' ' || code_point == WRITTEN_SPACE);
  return size > 0 ? (size_t)size : 1;
}

size_t binq_characters_piece(const binq_tokenizer *tokenizer, const uint8_t *text, size_t length) {
  if (!tokenizer->header->by_words)
    return length;
  // Spaces and what comes behind them, up to the next space.
  bool space, word = false;
  size_t at = 0;
  for (size_t size; at < length; at += size) {
    size = character(text + at, length - at, &space);
    if (word && space)
      break;
    word |= !space;
  }
  return at;
}

bool binq_characters_prefix(const binq_tokenizer *tokenizer, const uint8_t *text, size_t end,
                            size_t at) {
  bool space;
  if (at == end || tokenizer->header->prefix == BINQ_PREFIX_NEVER)
    return false;
  if (tokenizer->header->prefix == BINQ_PREFIX_ALWAYS)
    return true;
  character(text + at, end - at, &space);
  return at == 0 && !space;
}

/// A character that is no token: its bytes, if all of them are tokens.
static void add_spelled(const binq_tokenizer *t, binq_byte_pairs *pairs, const uint8_t *text,
                        size_t length) {
  bool complete = true;
  for (size_t i = 0; i < length; i++)
    complete &= t->byte_tokens[text[i]] >= 0;
  if (complete) {
    for (size_t i = 0; i < length; i++)
      binq_byte_pairs_add(pairs, t->byte_tokens[text[i]]);
    return;
  }
  int32_t unknown = (int32_t)t->header->unknown;
  if (pairs->count == 0 || unknown < 0 || pairs->symbols[pairs->count - 1].token != unknown)
    binq_byte_pairs_add(pairs, unknown);
}

void binq_characters_add(const binq_tokenizer *tokenizer, binq_byte_pairs *pairs,
                         const uint8_t *text, size_t length) {
  bool space;
  for (size_t at = 0, size; at < length; at += size) {
    size = character(text + at, length - at, &space);
    const uint8_t *bytes = space ? (const uint8_t *)" " : text + at;
    size_t count = space ? 1 : size;
    int32_t token = binq_tokenizer_find_word(tokenizer, bytes, count);
    if (token >= 0)
      binq_byte_pairs_add(pairs, token);
    else
      add_spelled(tokenizer, pairs, bytes, count);
  }
}

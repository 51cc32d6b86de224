#include "runtime/Tokenizer.h"
#include "runtime/BytePairs.h"
#include "runtime/Characters.h"
#include "runtime/Splitter.h"
#include <errno.h>
#include <string.h>

/// Where tokens go: all are counted, those there is room for are stored.
typedef struct {
  int32_t *tokens;
  size_t capacity, count;
} sink;

static void put(sink *out, int32_t token) {
  if (out->count < out->capacity)
    out->tokens[out->count] = token;
  out->count++;
}

int binq_tokenizer_token_bytes(const binq_tokenizer *tokenizer, int64_t token,
                               const uint8_t **bytes, size_t *length) {
  if (token < 0 || token >= tokenizer->token_count)
    return EINVAL;
  const uint32_t *starts = tokenizer->token_starts + token;
  *bytes = tokenizer->token_bytes + starts[0];
  *length = starts[1] - starts[0];
  return 0;
}

bool binq_tokenizer_is_control(const binq_tokenizer *tokenizer, int64_t token) {
  return token >= 0 && token < tokenizer->token_count &&
         tokenizer->token_kinds[token] == BINQ_KIND_CONTROL;
}

/// Byte `at` of a token, -1 behind its end.
static int byte_of(const binq_tokenizer *tokenizer, int32_t token, size_t at) {
  const uint32_t *starts = tokenizer->token_starts + token;
  return at < starts[1] - starts[0] ? tokenizer->token_bytes[starts[0] + at] : -1;
}

/// The first token from `low` on, before `high`, whose byte `at` is not below `byte`; all of them
/// are the same before it.
static size_t lower_bound(const binq_tokenizer *t, size_t low, size_t high, size_t at, int byte) {
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (byte_of(t, t->specials[middle], at) < byte)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/// The longest special token the text begins with, -1 for none.
static int32_t find_special(const binq_tokenizer *t, const uint8_t *text, size_t length,
                            bool control) {
  int32_t found = -1;
  size_t low = 0, high = t->header->sections[BINQ_SECTION_SPECIALS].count;
  for (size_t at = 0; at < length && low < high; at++) {
    low = lower_bound(t, low, high, at, text[at]);
    high = lower_bound(t, low, high, at, text[at] + 1);
    if (low < high && byte_of(t, t->specials[low], at + 1) < 0 &&
        (control || !binq_tokenizer_is_control(t, t->specials[low])))
      found = t->specials[low];
  }
  return found;
}

int32_t binq_tokenizer_find_word(const binq_tokenizer *t, const uint8_t *text, size_t length) {
  size_t low = 0, high = t->header->sections[BINQ_SECTION_WORDS].count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const uint32_t *starts = t->token_starts + t->words[middle];
    size_t size = starts[1] - starts[0];
    int order = memcmp(t->token_bytes + starts[0], text, size < length ? size : length);
    if (order == 0 && size == length)
      return t->words[middle];
    if (order < 0 || (order == 0 && size < length))
      low = middle + 1;
    else
      high = middle;
  }
  return -1;
}

/// Merges what is in `pairs`.
static void put_merged(const binq_tokenizer *t, binq_byte_pairs *pairs, sink *out) {
  const int32_t *tokens;
  size_t count;
  binq_byte_pairs_merge(t, pairs, &tokens, &count);
  for (size_t i = 0; i < count; i++)
    if (tokens[i] >= 0)
      put(out, tokens[i]);
}

/// Text between special tokens.
static int encode_bytes(const binq_tokenizer *t, binq_byte_pairs *pairs, const uint8_t *text,
                        size_t length, sink *out) {
  for (size_t at = 0, size; at < length; at += size) {
    size = binq_split_piece(t, text + at, length - at);
    int32_t whole = binq_tokenizer_find_word(t, text + at, size);
    if (whole >= 0) {
      put(out, whole);
      continue;
    }
    int error = binq_byte_pairs_begin(pairs, size);
    if (error)
      return error;
    for (size_t i = 0; i < size; i++)
      binq_byte_pairs_add(pairs, t->byte_tokens[text[at + i]]);
    put_merged(t, pairs, out);
  }
  return 0;
}

/// The same with SentencePiece; `space` is put before it.
static int encode_characters(const binq_tokenizer *t, binq_byte_pairs *pairs, const uint8_t *text,
                             size_t length, bool space, sink *out) {
  for (size_t at = 0, size; at < length; at += size) {
    size = binq_characters_piece(t, text + at, length - at);
    int error = binq_byte_pairs_begin(pairs, size + 1);
    if (error)
      return error;
    if (space && at == 0)
      binq_characters_add(t, pairs, (const uint8_t *)" ", 1);
    binq_characters_add(t, pairs, text + at, size);
    put_merged(t, pairs, out);
  }
  return 0;
}

/// Where in the text the next special token begins, or its end; *token is that token or -1.
static size_t next_special(const binq_tokenizer *t, const uint8_t *text, size_t length, size_t at,
                           bool control, int32_t *token) {
  *token = -1;
  for (; at < length; at++) {
    if (!t->special_starts[text[at]])
      continue;
    *token = find_special(t, text + at, length - at, control);
    if (*token >= 0)
      break;
  }
  return at;
}

int binq_tokenizer_encode(const binq_tokenizer *tokenizer, const char *text, size_t length,
                          unsigned options, int32_t *tokens, size_t capacity, size_t *count) {
  *count = 0;
  if (length >= INT32_MAX)
    return EFBIG;
  sink out = {tokens, capacity, 0};
  if (options & BINQ_ENCODE_BOS && tokenizer->header->add_bos && tokenizer->bos >= 0)
    put(&out, (int32_t)tokenizer->bos);
  binq_byte_pairs pairs = {0};
  int error = 0;
  const uint8_t *bytes = (const uint8_t *)text;
  for (size_t at = 0; at < length && !error;) {
    int32_t special;
    size_t end =
        next_special(tokenizer, bytes, length, at, options & BINQ_ENCODE_SPECIAL, &special);
    if (tokenizer->header->split == BINQ_SPLIT_SENTENCEPIECE)
      error = encode_characters(tokenizer, &pairs, bytes + at, end - at,
                                binq_characters_prefix(tokenizer, bytes, end, at), &out);
    else
      error = encode_bytes(tokenizer, &pairs, bytes + at, end - at, &out);
    at = end;
    if (special >= 0) {
      put(&out, special);
      at += tokenizer->token_starts[special + 1] - tokenizer->token_starts[special];
    }
  }
  binq_byte_pairs_free(&pairs);
  *count = out.count;
  return error;
}

/// Whether the bytes begin with a space that encoding put before the text.
static bool has_added_space(const binq_tokenizer *t, const binq_text_stream *stream, int64_t token,
                            const uint8_t *bytes, size_t length) {
  return stream->start && t->header->prefix != BINQ_PREFIX_NEVER &&
         t->token_kinds[token] != BINQ_KIND_USER_DEFINED && length > 0 && bytes[0] == ' ';
}

int binq_tokenizer_decode(const binq_tokenizer *tokenizer, binq_text_stream *stream, int64_t token,
                          char *out, size_t *length) {
  const uint8_t *bytes;
  size_t size;
  int error = binq_tokenizer_token_bytes(tokenizer, token, &bytes, &size);
  if (error)
    return error;
  *length = 0;
  if (!binq_tokenizer_is_control(tokenizer, token)) {
    size_t added = has_added_space(tokenizer, stream, token, bytes, size);
    *length = binq_utf8_push(&stream->characters, bytes + added, size - added, out);
  }
  stream->start = token == tokenizer->bos;
  return 0;
}

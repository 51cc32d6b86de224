#include "SentencePiece.h"
#include "Internal.h"
#include <stdlib.h>
#include <string.h>

enum {
  TEXT_LIMIT = 1024, ///< bytes of a token that is cut: keeps the time short that this takes
};

static const uint8_t written_space[] = {0xe2, 0x96, 0x81};

/// The value of a hexadecimal digit, -1 for other characters.
static int digit(uint8_t c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// The byte that "<0xNN>" stands for, -1 for another text.
static int byte_of(const uint8_t *text, size_t length) {
  if (length != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>')
    return -1;
  int high = digit(text[3]), low = digit(text[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

binq_status binq_sentencepiece_decode(binq_arena *arena, binq_token *token, bool *valid) {
  char *copy;
  BINQ_TRY(binq_arena_copy_string(arena, (const char *)token->bytes, token->length, &copy));
  uint8_t *out = (uint8_t *)copy;
  uint32_t length = 0;
  *valid = true;
  if (token->kind == BINQ_TOKEN_BYTE) {
    int byte = byte_of(token->bytes, token->length);
    *valid = byte >= 0;
    out[length++] = (uint8_t)byte;
  } else {
    for (uint32_t i = 0; i < token->length;) {
      bool space = token->length - i >= sizeof written_space &&
                   memcmp(token->bytes + i, written_space, sizeof written_space) == 0;
      if (token->bytes[i] == ' ')
        token->kind = BINQ_TOKEN_UNUSED;
      out[length++] = space ? ' ' : token->bytes[i];
      i += space ? sizeof written_space : 1;
    }
  }
  token->bytes = out;
  token->length = length;
  return BINQ_OK;
}

/// Whether merges may lead to a token, or go on from it.
static bool can_merge(const binq_scored_tokens *tokens, const binq_vocabulary *vocabulary,
                      int64_t token) {
  if (token < 0 || memchr(tokens->texts[token].bytes, ' ', tokens->texts[token].length))
    return false;
  binq_token_kind kind = vocabulary->tokens[token].kind;
  return kind == BINQ_TOKEN_NORMAL || kind == BINQ_TOKEN_UNUSED;
}

static bool begins_character(binq_bytes text, size_t at) {
  return (((const uint8_t *)text.bytes)[at] & 0xc0) != 0x80;
}

/// How many ways there are to cut all tokens between two characters.
static binq_status count_cuts(const binq_scored_tokens *tokens, const binq_vocabulary *v,
                              size_t *count) {
  *count = 0;
  for (uint32_t i = 0; i < v->token_count; i++) {
    binq_bytes text = tokens->texts[i];
    if (!can_merge(tokens, v, i))
      continue;
    if (text.length > TEXT_LIMIT)
      return binq_errorf("token %u has %zu bytes, tokens with scores at most %d", i, text.length,
                         TEXT_LIMIT);
    for (size_t at = 1; at < text.length; at++)
      *count += begins_character(text, at);
  }
  if (*count > BINQ_TOKEN_COUNT_LIMIT)
    return binq_errorf("the tokens can be cut in %zu ways, %d are supported", *count,
                       BINQ_TOKEN_COUNT_LIMIT);
  return BINQ_OK;
}

typedef struct {
  float score;
  uint32_t token;
} scored;

/// The highest score first.
static int compare_scores(const void *left, const void *right) {
  const scored *a = left, *b = right;
  return (a->score < b->score) - (a->score > b->score);
}

/// Numbers the scores from the highest on; equal ones are the same number.
static binq_status rank_scores(const float *scores, uint32_t count, binq_arena *arena,
                               uint32_t **ranks) {
  scored *sorted;
  BINQ_TRY(binq_arena_allocate(arena, count, sizeof **ranks, ranks));
  BINQ_TRY(binq_allocate(count, sizeof *sorted, "scores of tokens", &sorted));
  for (uint32_t i = 0; i < count; i++)
    sorted[i] = (scored){scores[i], i};
  qsort(sorted, count, sizeof *sorted, compare_scores);
  for (uint32_t i = 0, rank = 0; i < count; i++) {
    rank += i > 0 && sorted[i].score != sorted[i - 1].score;
    (*ranks)[sorted[i].token] = rank;
  }
  free(sorted);
  return BINQ_OK;
}

/// The merges that lead to one token.
static void add_merges(const binq_scored_tokens *tokens, const binq_vocabulary *v, uint32_t token,
                       uint32_t rank, binq_merge *merges, uint32_t *count) {
  binq_bytes text = tokens->texts[token];
  for (size_t at = 1; at < text.length; at++) {
    if (!begins_character(text, at))
      continue;
    int64_t left = binq_name_table_find(tokens->names, (binq_bytes){text.bytes, at});
    if (!can_merge(tokens, v, left))
      continue;
    binq_bytes rest = {(const uint8_t *)text.bytes + at, text.length - at};
    int64_t right = binq_name_table_find(tokens->names, rest);
    if (can_merge(tokens, v, right))
      merges[(*count)++] = (binq_merge){(uint32_t)left, (uint32_t)right, token, rank};
  }
}

binq_status binq_sentencepiece_merges(const binq_scored_tokens *tokens, binq_arena *arena,
                                      binq_vocabulary *vocabulary) {
  size_t cuts;
  BINQ_TRY(count_cuts(tokens, vocabulary, &cuts));
  uint32_t *ranks;
  BINQ_TRY(rank_scores(tokens->scores, vocabulary->token_count, arena, &ranks));
  binq_merge *merges;
  BINQ_TRY(binq_arena_allocate(arena, cuts, sizeof *merges, &merges));
  vocabulary->merges = merges;
  for (uint32_t i = 0; i < vocabulary->token_count; i++)
    if (can_merge(tokens, vocabulary, i))
      add_merges(tokens, vocabulary, i, ranks[i], merges, &vocabulary->merge_count);
  return BINQ_OK;
}

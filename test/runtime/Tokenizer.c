#include "runtime/Tokenizer.h"
#include "Check.h"
#include "Vocabulary.h"
#include "binq/Checkpoint/TokenizerTables.h"
#include "runtime/Splitter.h"
#include <errno.h>

enum { TEXTS = 3000, MAX_TEXT = 300, MERGES = 600, MUTATIONS = 10000 };

typedef struct {
  binq_vocabulary vocabulary;
  uint8_t *tables;
  size_t size;
  binq_tokenizer tokenizer;
} fixture;

static void build(fixture *f, binq_pre_tokenizer pre_tokenizer, uint32_t merges, uint64_t seed) {
  f->vocabulary = test_vocabulary(merges, seed);
  f->vocabulary.pre_tokenizer = pre_tokenizer;
  CHECK_STATUS_OK(binq_tokenizer_tables(&f->vocabulary, &f->tables, &f->size));
  REQUIRE(binq_tokenizer_open(f->tables, f->size, &f->tokenizer) == 0);
}

static void release(fixture *f) {
  test_vocabulary_free(&f->vocabulary);
  free(f->tables);
}

/// A list of tokens.
typedef struct {
  int32_t tokens[MAX_TEXT + 1];
  size_t count;
} list;

/// The merge of two tokens that comes first in the vocabulary, or NULL.
static const binq_merge *merge_of(const binq_vocabulary *v, int32_t left, int32_t right) {
  for (uint32_t i = 0; i < v->merge_count; i++)
    if (v->merges[i].left == (uint32_t)left && v->merges[i].right == (uint32_t)right)
      return &v->merges[i];
  return NULL;
}

/// The definition: merge the first of the pairs of lowest rank, until there is none.
static void merge_slowly(const binq_vocabulary *v, list *piece) {
  for (;;) {
    const binq_merge *best = NULL;
    size_t at = 0;
    for (size_t i = 0; i + 1 < piece->count; i++) {
      const binq_merge *merge = merge_of(v, piece->tokens[i], piece->tokens[i + 1]);
      if (merge && (!best || merge < best)) {
        best = merge;
        at = i;
      }
    }
    if (!best)
      return;
    piece->tokens[at] = (int32_t)best->result;
    piece->count--;
    memmove(piece->tokens + at + 1, piece->tokens + at + 2,
            (piece->count - at - 1) * sizeof(int32_t));
  }
}

/// The normal token spelled like that, -1 for none.
static int32_t token_of(const binq_vocabulary *v, const char *text, size_t length) {
  for (uint32_t i = 0; i < v->token_count; i++)
    if (v->tokens[i].kind == BINQ_TOKEN_NORMAL && v->tokens[i].length == length &&
        memcmp(v->tokens[i].bytes, text, length) == 0)
      return (int32_t)i;
  return -1;
}

/// Text without special tokens.
static void encode_slowly(const fixture *f, const char *text, size_t length, list *out) {
  const binq_vocabulary *v = &f->vocabulary;
  for (size_t at = 0, size; at < length; at += size) {
    size = binq_split_piece(&f->tokenizer, (const uint8_t *)text + at, length - at);
    list piece = {.count = 0};
    int32_t whole = token_of(v, text + at, size);
    if (v->pre_tokenizer == BINQ_PRE_TOKENIZER_LLAMA_BPE && whole >= 0)
      piece.tokens[piece.count++] = whole;
    else
      for (size_t i = 0; i < size; i++)
        piece.tokens[piece.count++] = token_of(v, text + at + i, 1);
    merge_slowly(v, &piece);
    for (size_t i = 0; i < piece.count; i++)
      if (piece.tokens[i] >= 0)
        out->tokens[out->count++] = piece.tokens[i];
  }
}

/// The longest special token at `text`, -1 for none.
static int32_t special_of(const char *text, size_t length, bool control) {
  if (length >= 10 && memcmp(text, "<|end|>ing", 10) == 0)
    return TEST_ENDING;
  if (control && length >= 7 && memcmp(text, "<|end|>", 7) == 0)
    return TEST_END;
  return length >= 4 && memcmp(text, "    ", 4) == 0 ? TEST_SPACES : -1;
}

static void encode_all_slowly(const fixture *f, const char *text, size_t length, bool control,
                              list *out) {
  size_t begin = 0;
  for (size_t at = 0; at <= length; at++) {
    int32_t special = special_of(text + at, length - at, control);
    if (special < 0 && at < length)
      continue;
    encode_slowly(f, text + begin, at - begin, out);
    if (special < 0)
      return;
    out->tokens[out->count++] = special;
    begin = at + f->vocabulary.tokens[special].length;
    at = begin - 1;
  }
}

/// The tokens spell the text, but for the byte the vocabulary lacks.
static void check_spelling(const fixture *f, const char *text, size_t length, const list *l) {
  size_t at = 0;
  for (size_t i = 0; i < l->count; i++) {
    const uint8_t *bytes;
    size_t size;
    REQUIRE(binq_tokenizer_token_bytes(&f->tokenizer, l->tokens[i], &bytes, &size) == 0);
    for (size_t j = 0; j < size; j++) {
      while (at < length && (uint8_t)text[at] == 0xff)
        at++;
      CHECK(at < length && (uint8_t)text[at] == bytes[j]);
      at++;
    }
  }
  while (at < length && (uint8_t)text[at] == 0xff)
    at++;
  CHECK_EQ_INT(at, length);
}

static void check_against_definition(binq_pre_tokenizer pre_tokenizer) {
  fixture f;
  build(&f, pre_tokenizer, MERGES, 3 + pre_tokenizer);
  uint64_t state = pre_tokenizer;
  for (int i = 0; i < TEXTS && !check_failures; i++) {
    char text[MAX_TEXT];
    size_t length = test_text(&state, text, sizeof text, i % 2);
    bool control = i % 3 == 0;
    list expected = {.count = 0}, found;
    encode_all_slowly(&f, text, length, control, &expected);
    CHECK_EQ_INT(binq_tokenizer_encode(&f.tokenizer, text, length,
                                       control ? BINQ_ENCODE_SPECIAL : 0, found.tokens, MAX_TEXT,
                                       &found.count),
                 0);
    CHECK_EQ_INT(found.count, expected.count);
    CHECK(memcmp(found.tokens, expected.tokens, expected.count * sizeof *found.tokens) == 0);
    check_spelling(&f, text, length, &found);
  }
  release(&f);
}

static void check_interface(void) {
  fixture f;
  build(&f, BINQ_PRE_TOKENIZER_GPT2, 20, 1);
  const binq_tokenizer *t = &f.tokenizer;
  int32_t tokens[8] = {-7, -7, -7, -7, -7, -7, -7, -7};
  size_t count;
  CHECK_EQ_INT(binq_tokenizer_encode(t, "", 0, 0, NULL, 0, &count), 0);
  CHECK_EQ_INT(count, 0);
  CHECK_EQ_INT(binq_tokenizer_encode(t, NULL, 0, BINQ_ENCODE_BOS, tokens, 8, &count), 0);
  CHECK_EQ_INT(count, 1);
  CHECK_EQ_INT(tokens[0], TEST_END);
  // All are counted, no more than there is room for are written.
  CHECK_EQ_INT(binq_tokenizer_encode(t, "qzqzqzqz", 8, BINQ_ENCODE_BOS, tokens, 3, &count), 0);
  CHECK_EQ_INT(count, 9);
  CHECK_EQ_INT(tokens[1], TEST_FIRST_BYTE + 'q' * 5 % 256);
  CHECK_EQ_INT(tokens[2], TEST_FIRST_BYTE + 'z' * 5 % 256);
  CHECK_EQ_INT(tokens[3], -7);
  // Longest first; control tokens on demand.
  CHECK_EQ_INT(
      binq_tokenizer_encode(t, "<|end|>ing<|end|>", 17, BINQ_ENCODE_SPECIAL, tokens, 8, &count), 0);
  CHECK_EQ_INT(count, 2);
  CHECK_EQ_INT(tokens[0], TEST_ENDING);
  CHECK_EQ_INT(tokens[1], TEST_END);
  CHECK_EQ_INT(binq_tokenizer_encode(t, "<|end|>", 7, 0, tokens, 8, &count), 0);
  CHECK(count > 1 && tokens[0] != TEST_END);
  CHECK_EQ_INT(binq_tokenizer_encode(t, "", (size_t)1 << 31, 0, tokens, 8, &count), EFBIG);

  const uint8_t *bytes;
  size_t length;
  CHECK_EQ_INT(binq_tokenizer_token_bytes(t, TEST_ENDING, &bytes, &length), 0);
  CHECK(length == 10 && memcmp(bytes, "<|end|>ing", 10) == 0);
  CHECK_EQ_INT(binq_tokenizer_token_bytes(t, -1, &bytes, &length), EINVAL);
  CHECK_EQ_INT(binq_tokenizer_token_bytes(t, t->token_count, &bytes, &length), EINVAL);
  CHECK(binq_tokenizer_is_control(t, TEST_END));
  CHECK(!binq_tokenizer_is_control(t, TEST_ENDING));
  CHECK(!binq_tokenizer_is_control(t, t->token_count));
  CHECK_EQ_INT(t->bos, TEST_END);

  // The same bytes every time.
  uint8_t *again;
  size_t size;
  CHECK_STATUS_OK(binq_tokenizer_tables(&f.vocabulary, &again, &size));
  CHECK(size == f.size && memcmp(again, f.tables, size) == 0);
  free(again);
  // A vocabulary that contradicts itself is refused.
  f.vocabulary.bos = f.vocabulary.token_count;
  CHECK_STATUS_FAILS(binq_tokenizer_tables(&f.vocabulary, &again, &size),
                     "no token of the vocabulary");
  release(&f);
}

/// Without merges and special tokens there are bytes still.
static void check_small_vocabulary(void) {
  binq_token token = {(const uint8_t *)"a", 1, BINQ_TOKEN_NORMAL};
  binq_vocabulary v = {.pre_tokenizer = BINQ_PRE_TOKENIZER_LLAMA_BPE,
                       .tokens = &token,
                       .token_count = 1,
                       .bos = -1,
                       .eos = -1,
                       .add_bos = true,
                       .unknown = -1};
  uint8_t *tables;
  size_t size, count;
  CHECK_STATUS_OK(binq_tokenizer_tables(&v, &tables, &size));
  binq_tokenizer t;
  REQUIRE(binq_tokenizer_open(tables, size, &t) == 0);
  int32_t tokens[4];
  CHECK_EQ_INT(binq_tokenizer_encode(&t, "aba\xff", 4, BINQ_ENCODE_BOS, tokens, 4, &count), 0);
  CHECK_EQ_INT(count, 2);
  CHECK(tokens[0] == 0 && tokens[1] == 0);
  free(tables);
}

/// A piece of a million bytes: this would take hours if it took n^2 steps.
static void check_long_piece(void) {
  enum { LENGTH = 1000000 };
  fixture f;
  build(&f, BINQ_PRE_TOKENIZER_SMOLLM, MERGES, 5);
  char *text = malloc(LENGTH);
  REQUIRE(text);
  uint64_t state = 1;
  for (int i = 0; i < LENGTH; i++)
    text[i] = "etaoinsrhl"[test_random(&state, 10)];
  size_t count;
  CHECK_EQ_INT(binq_tokenizer_encode(&f.tokenizer, text, LENGTH, 0, NULL, 0, &count), 0);
  CHECK(count > LENGTH / 12 && count < LENGTH);
  free(text);
  release(&f);
}

/// Opens tables in a block of exactly their size, and if they pass, uses all of them.
static void use(const uint8_t *tables, size_t size) {
  uint8_t *block = malloc(size ? size : 1);
  REQUIRE(block);
  memcpy(block, tables, size);
  binq_tokenizer t;
  if (binq_tokenizer_open(block, size, &t) == 0) {
    static const char text[] = "It's <|end|>ing    the \xe3\x80\x80\n\n 'inset' 0123 \xc3\xa9\xff!";
    int32_t tokens[sizeof text];
    size_t count, length;
    binq_tokenizer_encode(&t, text, sizeof text - 1, BINQ_ENCODE_SPECIAL | BINQ_ENCODE_BOS, tokens,
                          sizeof text, &count);
    const uint8_t *bytes;
    volatile uint8_t sum = 0;
    for (int64_t token = 0; token < t.token_count; token++) {
      REQUIRE(binq_tokenizer_token_bytes(&t, token, &bytes, &length) == 0);
      for (size_t i = 0; i < length; i++)
        sum ^= bytes[i];
    }
  }
  free(block);
}

static void check_truncation(const fixture *f) {
  uint8_t *tables = malloc(f->size);
  REQUIRE(tables);
  memcpy(tables, f->tables, f->size);
  binq_tokenizer_header *header = (binq_tokenizer_header *)tables;
  binq_tokenizer t;
  for (size_t size = 0; size < f->size; size++) {
    header->size = f->size;
    CHECK_EQ_INT(binq_tokenizer_open(tables, size, &t), EINVAL);
    header->size = size;
    if (size % 61 == 0 || size < 2 * sizeof *header)
      use(tables, size);
    CHECK_EQ_INT(binq_tokenizer_open(tables, size, &t), EINVAL);
  }
  CHECK_EQ_INT(binq_tokenizer_open(NULL, f->size, &t), EINVAL);
  free(tables);
}

/// Random bytes, or words of extreme values, in the header half of the time, else anywhere.
static void check_mutations(const fixture *f, uint64_t state) {
  static const uint64_t extremes[] = {
      0,          1,         UINT64_MAX, INT64_MAX, (uint64_t)INT64_MAX + 1,
      UINT32_MAX, INT32_MAX, 8,          -8ull,     (uint64_t)1 << 60};
  uint8_t *tables = malloc(f->size);
  REQUIRE(tables);
  for (int i = 0; i < MUTATIONS; i++) {
    memcpy(tables, f->tables, f->size);
    uint32_t range = (uint32_t)(i % 2 ? sizeof(binq_tokenizer_header) : f->size);
    for (uint32_t n = 1 + test_random(&state, 4); n > 0; n--) {
      if (test_random(&state, 2))
        memcpy(tables + (size_t)test_random(&state, range / 8) * 8,
               &extremes[test_random(&state, 10)], 8);
      else
        tables[test_random(&state, range)] = (uint8_t)test_random(&state, 256);
    }
    use(tables, f->size);
  }
  free(tables);
}

static void *section_of(uint8_t *tables, binq_tokenizer_section section) {
  return tables + ((binq_tokenizer_header *)tables)->sections[section].offset;
}

/// The tables are good, but not with that value in the field, a little-endian integer of `width`
/// bytes.
static void check_refused(const uint8_t *tables, size_t size, void *field, size_t width,
                          uint64_t value, const char *what) {
  uint64_t whole = 0;
  binq_tokenizer t;
  CHECK_EQ_INT(binq_tokenizer_open(tables, size, &t), 0);
  memcpy(&whole, field, width);
  memcpy(field, &value, width);
  if (binq_tokenizer_open(tables, size, &t) != EINVAL)
    CHECK_FAIL("accepted: %s", what);
  memcpy(field, &whole, width);
}

#define REFUSED(field, value)                                                                      \
  check_refused(tables, f->size, &(field), sizeof(field), (uint64_t)(value), #field " = " #value)

/// A value that no field may hold, in each of them.
static void check_damage(const fixture *f) {
  uint8_t *tables = malloc(f->size);
  REQUIRE(tables);
  memcpy(tables, f->tables, f->size);
  binq_tokenizer_header *header = (binq_tokenizer_header *)tables;
  binq_tokenizer t;
  int32_t tokens = (int32_t)f->vocabulary.token_count;
  REFUSED(header->magic, header->magic + 1);
  REFUSED(header->size, f->size + 1);
  REFUSED(header->split, BINQ_SPLIT_COUNT);
  REFUSED(header->bos, tokens);
  REFUSED(header->eos, -2);
  REFUSED(header->add_bos, 2);
  REFUSED(header->prefix, BINQ_PREFIX_ALWAYS); // for SentencePiece only
  REFUSED(header->by_words, 1);
  REFUSED(header->unknown, 0);
  for (int i = 0; i < BINQ_SECTION_COUNT; i++) {
    REFUSED(header->sections[i].offset, header->sections[i].offset + 1);
    REFUSED(header->sections[i].offset, header->size + 8);
    REFUSED(header->sections[i].count, header->size);
    REFUSED(header->sections[i].count, UINT64_MAX / 2);
  }
  REFUSED(header->sections[BINQ_SECTION_TOKEN_KINDS].count, (uint64_t)tokens - 1);
  REFUSED(header->sections[BINQ_SECTION_BYTE_TOKENS].count, 255);
  REFUSED(header->sections[BINQ_SECTION_MERGES].count, 0);
  REFUSED(header->sections[BINQ_SECTION_MERGES].count, 3);
  REFUSED(header->sections[BINQ_SECTION_PAGES].count, BINQ_PAGE_COUNT - 1);
  REFUSED(((uint32_t *)section_of(tables, BINQ_SECTION_TOKEN_STARTS))[5], UINT32_MAX);
  REFUSED(((uint32_t *)section_of(tables, BINQ_SECTION_TOKEN_STARTS))[tokens], UINT32_MAX);
  REFUSED(((uint8_t *)section_of(tables, BINQ_SECTION_TOKEN_KINDS))[7], BINQ_KIND_COUNT);
  REFUSED(((int32_t *)section_of(tables, BINQ_SECTION_BYTE_TOKENS))[65], tokens);
  REFUSED(((int32_t *)section_of(tables, BINQ_SECTION_BYTE_TOKENS))[65], -2);
  REFUSED(((int32_t *)section_of(tables, BINQ_SECTION_SPECIALS))[0], tokens);
  REFUSED(((int32_t *)section_of(tables, BINQ_SECTION_WORDS))[0], -1);
  REFUSED(((uint16_t *)section_of(tables, BINQ_SECTION_PAGES))[0x4e], UINT16_MAX);
  REFUSED(((uint8_t *)section_of(tables, BINQ_SECTION_CLASSES))[65], BINQ_CLASS_COUNT);
  // A hash table without an empty slot, where a search would never end.
  binq_tokenizer_merge *slots = section_of(tables, BINQ_SECTION_MERGES), *used = slots;
  while (used->left < 0)
    used++;
  for (uint64_t i = 0; i < header->sections[BINQ_SECTION_MERGES].count; i++)
    if (slots[i].left < 0)
      slots[i] = *used;
  CHECK_EQ_INT(binq_tokenizer_open(tables, f->size, &t), EINVAL);
  memcpy(tables, f->tables, f->size);
  used->result = tokens;
  CHECK_EQ_INT(binq_tokenizer_open(tables, f->size, &t), EINVAL);
  free(tables);
}

/// What is special in the tables of SentencePiece.
static void check_sentencepiece_damage(const fixture *f) {
  uint8_t *tables = malloc(f->size);
  REQUIRE(tables);
  memcpy(tables, f->tables, f->size);
  binq_tokenizer_header *header = (binq_tokenizer_header *)tables;
  int32_t tokens = (int32_t)f->vocabulary.token_count;
  REFUSED(header->prefix, BINQ_PREFIX_COUNT);
  REFUSED(header->prefix, UINT64_MAX);
  REFUSED(header->by_words, 2);
  REFUSED(header->unknown, tokens);
  REFUSED(header->unknown, -2);
  REFUSED(header->split, BINQ_SPLIT_GPT2);
  REFUSED(header->sections[BINQ_SECTION_PAGES].count, 1);
  REFUSED(header->sections[BINQ_SECTION_CLASSES].count, 1);
  free(tables);
}

int main(void) {
  check_interface();
  check_small_vocabulary();
  check_against_definition(BINQ_PRE_TOKENIZER_GPT2);
  check_against_definition(BINQ_PRE_TOKENIZER_SMOLLM);
  check_against_definition(BINQ_PRE_TOKENIZER_LLAMA_BPE);
  check_against_definition(BINQ_PRE_TOKENIZER_QWEN2);
  check_long_piece();
  fixture f;
  build(&f, BINQ_PRE_TOKENIZER_LLAMA_BPE, 100, 9);
  check_damage(&f);
  check_truncation(&f);
  check_mutations(&f, 11);
  release(&f);
  build(&f, BINQ_PRE_TOKENIZER_SENTENCEPIECE, 100, 9);
  check_sentencepiece_damage(&f);
  check_truncation(&f);
  check_mutations(&f, 12);
  release(&f);
  return check_result();
}

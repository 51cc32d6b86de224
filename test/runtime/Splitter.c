#include "runtime/Splitter.h"
#include "Check.h"
#include "Vocabulary.h"
#include "binq/Checkpoint/TokenizerTables.h"
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { TEXTS = 20000, MAX_TEXT = 200 };

// The expressions as the models' authors publish them, as one pass or two. Theirs takes \s to be
// White_Space, but PCRE2's has U+180E too.
#define S "\\p{White_Space}"
#define GPT2                                                                                       \
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" S "\\p{L}\\p{N}]+|" S                         \
  "+(?!\\P{White_Space})|" S "+"
#define LLAMA(digits)                                                                              \
  "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+"        \
  "|" digits "| ?[^" S "\\p{L}\\p{N}]+[\\r\\n]*|" S "*[\\r\\n]+|" S "+(?!\\P{White_Space})|" S "+"

static const struct {
  const char *name;
  binq_split split;
  const char *first, *second;
} models[] = {
    {"gpt2", BINQ_SPLIT_GPT2, GPT2, NULL},
    {"smollm", BINQ_SPLIT_SMOLLM, "\\p{N}", GPT2},
    {"llama-bpe", BINQ_SPLIT_LLAMA_BPE, LLAMA("\\p{N}{1,3}"), NULL},
    {"qwen2", BINQ_SPLIT_QWEN2, LLAMA("\\p{N}"), NULL},
};

/// Ends of pieces.
typedef struct {
  size_t ends[MAX_TEXT], count;
} cuts;

static pcre2_code *compile(const char *expression) {
  int error;
  PCRE2_SIZE at;
  pcre2_code *code = pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED,
                                   PCRE2_UTF | PCRE2_UCP, &error, &at, NULL);
  REQUIRE(code);
  return code;
}

/// Cuts text[begin, end) into matches and what is between them; each is cut again by `second` if
/// there is one.
static void cut(pcre2_code *first, pcre2_code *second, const char *text, size_t begin, size_t end,
                cuts *out) {
  if (!first) {
    out->ends[out->count++] = end;
    return;
  }
  pcre2_match_data *match = pcre2_match_data_create_from_pattern(first, NULL);
  const PCRE2_SIZE *range = pcre2_get_ovector_pointer(match);
  size_t at = begin;
  // Each pass sees the piece it works on as a text of its own.
  while (at < end && pcre2_match(first, (PCRE2_SPTR)text + begin, end - begin, at - begin, 0, match,
                                 NULL) > 0) {
    size_t from = begin + range[0], to = begin + range[1];
    if (from > at)
      cut(second, NULL, text, at, from, out);
    cut(second, NULL, text, from, to, out);
    at = to;
  }
  if (at < end)
    cut(second, NULL, text, at, end, out);
  pcre2_match_data_free(match);
}

static void print_difference(const char *name, const char *text, size_t length,
                             const cuts *expected, const cuts *found) {
  CHECK_FAIL("%s cuts a text of %zu bytes otherwise", name, length);
  for (size_t i = 0; i < length; i++)
    fprintf(stderr, "\\x%02x", (unsigned char)text[i]);
  for (int k = 0; k < 2; k++) {
    const cuts *c = k ? found : expected;
    fprintf(stderr, "\n%s:", k ? "found" : "expected");
    for (size_t i = 0; i < c->count; i++)
      fprintf(stderr, " %zu", c->ends[i]);
  }
  fputc('\n', stderr);
}

static void split(const binq_tokenizer *tokenizer, const char *text, size_t length, cuts *out) {
  out->count = 0;
  for (size_t at = 0; at < length;) {
    size_t size = binq_split_piece(tokenizer, (const uint8_t *)text + at, length - at);
    REQUIRE(size > 0 && size <= length - at);
    at += size;
    out->ends[out->count++] = at;
  }
}

/// The tables of a small vocabulary, which the caller makes those of another model by its header.
static binq_tokenizer_header *make_tables(void) {
  binq_vocabulary vocabulary = test_vocabulary(10, 1);
  uint8_t *tables;
  size_t size;
  CHECK_STATUS_OK(binq_tokenizer_tables(&vocabulary, &tables, &size));
  test_vocabulary_free(&vocabulary);
  return (binq_tokenizer_header *)tables;
}

static void check_model(size_t number, binq_tokenizer_header *tables) {
  tables->split = models[number].split;
  binq_tokenizer tokenizer;
  REQUIRE(binq_tokenizer_open(tables, tables->size, &tokenizer) == 0);
  pcre2_code *first = compile(models[number].first);
  pcre2_code *second = models[number].second ? compile(models[number].second) : NULL;
  uint64_t state = number + 1;
  for (int i = 0; i < TEXTS && !check_failures; i++) {
    char text[MAX_TEXT];
    size_t length = test_text(&state, text, sizeof text, true);
    cuts expected = {.count = 0}, found;
    cut(first, second, text, 0, length, &expected);
    split(&tokenizer, text, length, &found);
    if (found.count != expected.count ||
        memcmp(found.ends, expected.ends, found.count * sizeof *found.ends) != 0)
      print_difference(models[number].name, text, length, &expected, &found);
    // Other bytes are cut somewhere too, and none is lost.
    length = test_text(&state, text, sizeof text, false);
    split(&tokenizer, text, length, &found);
  }
  pcre2_code_free(first);
  pcre2_code_free(second);
}

/// Every code point is in the class that PCRE2 has it in.
static void check_classes(const binq_tokenizer_header *tables) {
  binq_tokenizer t;
  REQUIRE(binq_tokenizer_open(tables, tables->size, &t) == 0);
  static const struct {
    uint32_t code_point;
    binq_class class;
  } cases[] = {
      {'a', BINQ_CLASS_LETTER},      {'Z', BINQ_CLASS_LETTER},
      {'5', BINQ_CLASS_NUMBER},      {' ', BINQ_CLASS_WHITESPACE},
      {'\n', BINQ_CLASS_WHITESPACE}, {'_', BINQ_CLASS_OTHER},
      {0, BINQ_CLASS_OTHER},         {0x1c, BINQ_CLASS_OTHER},
      {0x85, BINQ_CLASS_WHITESPACE}, {0xa0, BINQ_CLASS_WHITESPACE},
      {0xaa, BINQ_CLASS_LETTER},     {0xb2, BINQ_CLASS_NUMBER},
      {0x301, BINQ_CLASS_OTHER},     {0x180e, BINQ_CLASS_OTHER},
      {0x200b, BINQ_CLASS_OTHER},    {0x2028, BINQ_CLASS_WHITESPACE},
      {0x2167, BINQ_CLASS_NUMBER},   {0x3000, BINQ_CLASS_WHITESPACE},
      {0x4e00, BINQ_CLASS_LETTER},   {0xac00, BINQ_CLASS_LETTER},
      {0xd800, BINQ_CLASS_OTHER},    {0xfeff, BINQ_CLASS_OTHER},
      {0x1d7d8, BINQ_CLASS_NUMBER},  {0x1f600, BINQ_CLASS_OTHER},
      {0x20000, BINQ_CLASS_LETTER},  {0x10ffff, BINQ_CLASS_OTHER},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint32_t c = cases[i].code_point;
    CHECK_EQ_INT(t.classes[t.pages[c / BINQ_PAGE_SIZE] * BINQ_PAGE_SIZE + c % BINQ_PAGE_SIZE],
                 cases[i].class);
  }
}

int main(void) {
  binq_tokenizer_header *tables = make_tables();
  check_classes(tables);
  for (size_t i = 0; i < sizeof models / sizeof *models; i++)
    check_model(i, tables);
  free(tables);
  return check_result();
}

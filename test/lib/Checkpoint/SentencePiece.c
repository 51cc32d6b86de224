/// SentencePiece vocabularies from a GGUF file to tokens and back: against a tokenizer in the
/// plainest way, which knows tokens by their texts only, and against tokens found by hand.
#include "Check.h"
#include "binq/Checkpoint/Model.h"
#include "binq/Checkpoint/TokenizerTables.h"
#include "runtime/Tokenizer.h"
#include "support/ModelFile.h"
#include <unistd.h>

enum { MOST_TOKENS = 600, TOKEN_SIZE = 48, MOST_TEXT = 160, MOST_PARTS = 4 * MOST_TEXT };

enum { NORMAL = 1, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE }; // as GGUF numbers them

/// A vocabulary as it is written.
typedef struct {
  char texts[MOST_TOKENS][TOKEN_SIZE];
  int32_t types[MOST_TOKENS];
  float scores[MOST_TOKENS];
  int count;
  int unknown; ///< -1: none
  binq_space space;
} written;

static uint32_t next_random(uint64_t *state, uint32_t limit) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)((*state >> 33) % limit);
}

static int find_text(const written *w, const char *text, size_t length) {
  for (int i = 0; i < w->count; i++)
    if (strlen(w->texts[i]) == length && memcmp(w->texts[i], text, length) == 0)
      return i;
  return -1;
}

static void add_token(written *w, const char *text, int32_t type, float score) {
  if (find_text(w, text, strlen(text)) >= 0)
    return;
  REQUIRE(w->count < MOST_TOKENS);
  snprintf(w->texts[w->count], TOKEN_SIZE, "%s", text);
  w->types[w->count] = type;
  w->scores[w->count++] = score;
}

/// What is opened, checked and tokenizes.
typedef struct {
  const binq_model *model;
  uint8_t *tables;
  binq_tokenizer tokenizer;
} opened;

static void open_written(const written *w, opened *out) {
  static const char path[] = "sentencepiece.gguf";
  model_file_options options = model_file_defaults();
  options.sentencepiece = true;
  options.vocabulary = 259;
  model_file *file = model_file_create(&options);
  const char *texts[MOST_TOKENS];
  for (int i = 0; i < w->count; i++)
    texts[i] = w->texts[i];
  size_t count = (size_t)w->count;
  model_file_set_strings(file, "tokenizer.ggml.tokens", texts, count);
  model_file_set_i32s(file, "tokenizer.ggml.token_type", w->types, count);
  model_file_set_f32s(file, "tokenizer.ggml.scores", w->scores, count);
  model_file_remove(file, "tokenizer.ggml.unknown_token_id");
  if (w->unknown >= 0)
    model_file_set_u32(file, "tokenizer.ggml.unknown_token_id", (uint32_t)w->unknown);
  if (w->space == BINQ_SPACE_NEVER)
    model_file_set_bool(file, "tokenizer.ggml.add_space_prefix", false);
  model_file_set_bool(file, "tokenizer.ggml.add_bos_token", true);
  model_file_set_u32(file, "llama.vocab_size", (uint32_t)w->count);
  model_file_tensor_remove(file, "token_embd.weight");
  model_file_tensor_add(file, "token_embd.weight", w->count, options.hidden);
  REQUIRE(model_file_write(file, path));
  model_file_destroy(file);
  CHECK_STATUS_OK(binq_model_open(path, &out->model));
  REQUIRE(unlink(path) == 0);
  binq_vocabulary vocabulary = out->model->vocabulary;
  if (w->space == BINQ_SPACE_FIRST) // which GGUF has no field for
    vocabulary.space = BINQ_SPACE_FIRST;
  size_t size;
  CHECK_STATUS_OK(binq_tokenizer_tables(&vocabulary, &out->tables, &size));
  REQUIRE(binq_tokenizer_open(out->tables, size, &out->tokenizer) == 0);
}

static void release(opened *o) {
  free(o->tables);
  binq_model_close(o->model);
}

/// A list of tokens.
typedef struct {
  int32_t tokens[MOST_PARTS];
  int count;
} list;

static void put(list *l, int32_t token) {
  REQUIRE(l->count < MOST_PARTS);
  l->tokens[l->count++] = token;
}

/// A part of the text while it is merged, as it is written in vocabularies.
typedef struct {
  char text[TOKEN_SIZE];
  bool token;
} part;

/// Tokens that merges lead to and that are merged.
static bool can_merge(const written *w, int token) {
  return token >= 0 && (w->types[token] == NORMAL || w->types[token] == UNUSED);
}

/// The bytes of a character by the form of UTF-8; those that are none are tried one by one.
static size_t character_size(const char *text, size_t length) {
  uint8_t first = (uint8_t)text[0];
  size_t size = 1;
  if (first >= 0xc0)
    size += 1 + (size_t)(first >= 0xe0) + (size_t)(first >= 0xf0);
  return size <= length ? size : 1;
}

static int cut_characters(const written *w, const char *text, size_t length, part *parts) {
  int count = 0;
  for (size_t at = 0, size; at < length; at += size, count++) {
    size = character_size(text + at, length - at);
    if (text[at] == ' ')
      snprintf(parts[count].text, TOKEN_SIZE, "▁");
    else
      snprintf(parts[count].text, TOKEN_SIZE, "%.*s", (int)size, text + at);
    int token = find_text(w, parts[count].text, strlen(parts[count].text));
    parts[count].token = token >= 0 && w->types[token] == NORMAL;
  }
  return count;
}

/// The merged text is a token, both parts are, and none of the merges to the left is as good.
static int merge_slowly(const written *w, part *parts, int count) {
  for (;;) {
    int best = -1, best_token = -1;
    char best_text[2 * TOKEN_SIZE];
    for (int i = 0; i + 1 < count; i++) {
      char joined[2 * TOKEN_SIZE];
      snprintf(joined, sizeof joined, "%s%s", parts[i].text, parts[i + 1].text);
      int token = find_text(w, joined, strlen(joined));
      if (!parts[i].token || !parts[i + 1].token || !can_merge(w, token))
        continue;
      if (best < 0 || w->scores[token] > w->scores[best_token]) {
        best = i;
        best_token = token;
        memcpy(best_text, joined, sizeof joined);
      }
    }
    if (best < 0)
      return count;
    snprintf(parts[best].text, TOKEN_SIZE, "%.47s", best_text);
    memmove(parts + best + 1, parts + best + 2, (size_t)(count - best - 2) * sizeof *parts);
    count--;
  }
}

/// A character that is no token: as the tokens of its bytes, or as the unknown one.
static void spell(const written *w, const char *text, bool after_unknown, list *out) {
  if (strcmp(text, "▁") == 0)
    text = " ";
  list bytes = {.count = 0};
  for (const char *byte = text; *byte; byte++) {
    char name[8];
    snprintf(name, sizeof name, "<0x%02X>", (uint8_t)*byte);
    int token = find_text(w, name, strlen(name));
    if (token >= 0)
      put(&bytes, token);
  }
  if (bytes.count == (int)strlen(text))
    for (int i = 0; i < bytes.count; i++)
      put(out, bytes.tokens[i]);
  else if (w->unknown >= 0 && !after_unknown)
    put(out, w->unknown);
}

static bool is_unknown(const written *w, const char *text) {
  list spelled = {.count = 0};
  spell(w, text, false, &spelled);
  return spelled.count == 0 || spelled.tokens[0] == w->unknown;
}

static void encode_part(const written *w, const char *text, size_t length, bool first, list *out) {
  static part parts[MOST_TEXT + 1];
  char spaced[MOST_TEXT + 2] = " ";
  bool begins = text[0] == ' ' || (length >= 3 && memcmp(text, "▁", 3) == 0);
  bool space = w->space == BINQ_SPACE_ALWAYS || (w->space == BINQ_SPACE_FIRST && first && !begins);
  memcpy(spaced + space, text, length);
  int count = merge_slowly(w, parts, cut_characters(w, spaced, length + space, parts));
  for (int i = 0; i < count; i++) {
    if (parts[i].token)
      put(out, find_text(w, parts[i].text, strlen(parts[i].text)));
    else
      spell(w, parts[i].text, i > 0 && !parts[i - 1].token && is_unknown(w, parts[i - 1].text),
            out);
  }
}

/// The longest special token at `text`, or -1.
static int special_at(const written *w, const char *text, size_t length, bool control) {
  int found = -1;
  size_t longest = 0;
  for (int i = 0; i < w->count; i++) {
    size_t size = strlen(w->texts[i]);
    bool special = w->types[i] == USER_DEFINED ||
                   (control && (w->types[i] == CONTROL || w->types[i] == UNKNOWN));
    if (special && size > longest && size <= length && memcmp(w->texts[i], text, size) == 0) {
      found = i;
      longest = size;
    }
  }
  return found;
}

static void encode_slowly(const written *w, const char *text, size_t length, bool control,
                          list *out) {
  size_t begin = 0;
  for (size_t at = 0; at <= length;) {
    int special = at < length ? special_at(w, text + at, length - at, control) : -1;
    if ((special >= 0 || at == length) && begin < at)
      encode_part(w, text + begin, at - begin, begin == 0, out);
    if (special >= 0) {
      put(out, special);
      begin = at += strlen(w->texts[special]);
    } else {
      at++;
    }
  }
}

static size_t decode_all(const binq_tokenizer *t, const int32_t *tokens, size_t count, bool start,
                         char *out) {
  binq_text_stream stream = {.start = start};
  size_t length = 0;
  for (size_t i = 0; i < count; i++) {
    size_t size;
    REQUIRE(binq_tokenizer_decode(t, &stream, tokens[i], out + length, &size) == 0);
    length += size;
  }
  return length + binq_utf8_end(&stream.characters, out + length);
}

static const char *const characters[] = {"▁", "a",  "b", "c", "d", "e",
                                         "é", "日", "!", "0", "x", "<"};

/// Characters, bytes, special tokens, and tokens made of others, some in another order than their
/// scores, which are often the same.
static void make_random(written *w, uint64_t seed, bool across_words, bool all_bytes) {
  *w = (written){.unknown = 0, .space = (binq_space)next_random(&seed, 3)};
  add_token(w, "<unk>", UNKNOWN, 0);
  add_token(w, "<s>", CONTROL, 0);
  add_token(w, "</s>", CONTROL, 0);
  for (int i = 0; i < 256; i++) {
    char name[8];
    snprintf(name, sizeof name, "<0x%02X>", (unsigned)i);
    if (all_bytes || next_random(&seed, 2))
      add_token(w, name, BYTE, 0);
  }
  if (next_random(&seed, 4) == 0)
    w->unknown = -1;
  for (size_t i = 0; i < sizeof characters / sizeof *characters; i++)
    if (next_random(&seed, 8))
      add_token(w, characters[i], next_random(&seed, 20) ? NORMAL : UNUSED, -1000);
  add_token(w, "<ud>", USER_DEFINED, 0);
  add_token(w, "<ud>ab", USER_DEFINED, 0);
  add_token(w, "a b", NORMAL, 5); // not as encoded texts are written
  int first = find_text(w, "<ud>ab", 6) + 1;
  for (int tries = 0; tries < 2000 && w->count < 500; tries++) {
    char joined[2 * TOKEN_SIZE];
    const char *parts[2];
    for (int i = 0; i < 2; i++)
      parts[i] = next_random(&seed, 2) || w->count == first
                     ? characters[next_random(&seed, sizeof characters / sizeof *characters)]
                     : w->texts[first + (int)next_random(&seed, (uint32_t)(w->count - first))];
    snprintf(joined, sizeof joined, "%s%s", parts[0], parts[1]);
    if (strlen(joined) > 12 || (!across_words && strstr(joined + 1, "▁")))
      continue;
    add_token(w, joined, next_random(&seed, 30) ? NORMAL : UNUSED,
              (float)next_random(&seed, 40) * -0.5f);
  }
}

static size_t make_text(uint64_t *state, char *out) {
  static const char *const odd[] = {" ",     "  ",   "ß",      "\n",     "<s>", "</s>",
                                    "<unk>", "<ud>", "<ud>ab", "<0x61>", "ab",  "▁",
                                    "😀",    "q",    "a b",    "日a",    "é",   "<ud"};
  size_t length = 0, limit = next_random(state, MOST_TEXT);
  for (;;) {
    const char *piece = next_random(state, 3)
                            ? characters[next_random(state, sizeof characters / sizeof *characters)]
                            : odd[next_random(state, sizeof odd / sizeof *odd)];
    if (strlen(piece) > limit - length)
      return length;
    for (; *piece; piece++)
      out[length++] = *piece;
  }
}

/// Texts that are spelled completely come back; an underlined space comes back as a space.
static void check_text(const written *w, const opened *o, const char *text, size_t length,
                       bool control) {
  static list expected;
  static int32_t tokens[MOST_PARTS];
  size_t count;
  expected.count = 0;
  encode_slowly(w, text, length, control, &expected);
  CHECK_EQ_INT(binq_tokenizer_encode(&o->tokenizer, text, length, control ? BINQ_ENCODE_SPECIAL : 0,
                                     tokens, MOST_PARTS, &count),
               0);
  CHECK(count <= 2 * length + 2);
  if (count != (size_t)expected.count ||
      memcmp(tokens, expected.tokens, count * sizeof *tokens) != 0)
    CHECK_FAIL("\"%.*s\": other tokens than expected", (int)length, text);
}

static void check_against_definition(void) {
  enum { VOCABULARIES = 40, TEXTS = 60 };
  static written w;
  opened o;
  uint64_t state = 7;
  int by_words = 0;
  for (int i = 0; i < VOCABULARIES && !check_failures; i++) {
    make_random(&w, (uint64_t)i, i % 2, i % 3);
    open_written(&w, &o);
    by_words += o.tokenizer.header->by_words == 1;
    for (int j = 0; j < TEXTS; j++) {
      char text[MOST_TEXT];
      size_t length = make_text(&state, text);
      check_text(&w, &o, text, length, j % 2);
    }
    release(&o);
  }
  CHECK(by_words > VOCABULARIES / 8 && by_words < VOCABULARIES / 2 + 1); // both ways were taken
}

/// With all bytes a text is what it was, whatever its tokens, in every way to add a space.
static void check_round_trip(void) {
  static written w;
  opened o;
  uint64_t state = 9;
  for (int i = 0; i < 30; i++) {
    make_random(&w, (uint64_t)i + 100, i % 2, true);
    w.space = (binq_space)(i % 3);
    open_written(&w, &o);
    for (int j = 0; j < 40; j++) {
      char text[MOST_TEXT], out[20 * MOST_TEXT];
      int32_t tokens[MOST_PARTS];
      size_t length = make_text(&state, text), count;
      bool start_by_bos = j % 2;
      REQUIRE(binq_tokenizer_encode(&o.tokenizer, text, length, start_by_bos ? BINQ_ENCODE_BOS : 0,
                                    tokens, MOST_PARTS, &count) == 0);
      size_t found = decode_all(&o.tokenizer, tokens, count, !start_by_bos, out);
      // An underlined space comes back as a space, one at the start may be cut, and those that
      // were added inside a text are not told from others.
      bool changed = w.space == BINQ_SPACE_FIRST && length > 0 && text[0] == ' ';
      for (size_t at = 0; at + 3 <= length; at++)
        changed |= memcmp(text + at, "▁", 3) == 0;
      for (size_t at = 0; at + 4 <= length && w.space == BINQ_SPACE_ALWAYS; at++)
        changed |= memcmp(text + at, "<ud>", 4) == 0;
      if (!changed && (found != length || memcmp(out, text, length) != 0))
        CHECK_FAIL("\"%.*s\" came back as \"%.*s\"", (int)length, text, (int)found, out);
    }
    release(&o);
  }
}

/// A vocabulary that can be followed by eye.
static void make_small(written *w) {
  *w = (written){.unknown = 0, .space = BINQ_SPACE_ALWAYS};
  add_token(w, "<unk>", UNKNOWN, 0);     // 0
  add_token(w, "<s>", CONTROL, 0);       // 1
  add_token(w, "</s>", CONTROL, 0);      // 2
  add_token(w, "<0xC3>", BYTE, 0);       // 3
  add_token(w, "<0xA9>", BYTE, 0);       // 4
  add_token(w, "▁", NORMAL, -9);         // 5
  add_token(w, "a", NORMAL, -9);         // 6
  add_token(w, "b", NORMAL, -9);         // 7
  add_token(w, "ab", NORMAL, -2);        // 8
  add_token(w, "ba", NORMAL, -1);        // 9
  add_token(w, "▁a", NORMAL, -3);        // 10
  add_token(w, "aa", NORMAL, -2);        // 11
  add_token(w, "▁ab", NORMAL, -4);       // 12
  add_token(w, "<ud>", USER_DEFINED, 0); // 13
  add_token(w, "▁▁", NORMAL, -5);        // 14
}

static void check_golden(void) {
  static const struct {
    const char *text;
    int count;
    int32_t tokens[8];
  } cases[] = {
      {"", 0, {0}},
      {"a", 1, {10}},
      {"ab", 1, {12}},        // ab first, it has the higher score; then with the space
      {"aba", 2, {10, 9}},    // ba before ab
      {"aaa", 3, {5, 11, 6}}, // the leftmost of two equal ones
      {"aab", 3, {5, 11, 7}}, // aa and ab have the same score
      {" a", 2, {5, 10}},     // not the two spaces, their score is lower
      {"  ", 2, {14, 5}},
      {"é", 3, {5, 3, 4}},
      {"日本ß", 2, {5, 0}}, // a run of unknown characters, some of whose bytes are known
      {"b日b", 4, {5, 7, 0, 7}},
      {"\xc3", 2, {5, 3}},         // no UTF-8
      {"a<ud>a", 3, {10, 13, 10}}, // a space after it, too
      {"<s>", 2, {5, 0}},          // control tokens are not read from texts
  };
  static written w;
  opened o;
  make_small(&w);
  open_written(&w, &o);
  CHECK_EQ_INT(o.model->vocabulary.unknown, 0);
  CHECK_EQ_INT(o.model->vocabulary.space, BINQ_SPACE_ALWAYS);
  CHECK(o.model->vocabulary.add_bos);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int32_t tokens[16];
    size_t count;
    const char *text = cases[i].text;
    REQUIRE(binq_tokenizer_encode(&o.tokenizer, text, strlen(text), 0, tokens, 16, &count) == 0);
    if (count != (size_t)cases[i].count ||
        memcmp(tokens, cases[i].tokens, count * sizeof *tokens) != 0)
      CHECK_FAIL("\"%s\": other tokens than expected", text);
  }
  release(&o);
}

static void check_decoded(const opened *o, bool start, const int32_t *tokens, size_t count,
                          const char *expected) {
  char out[256];
  size_t length = decode_all(&o->tokenizer, tokens, count, start, out);
  out[length] = 0;
  CHECK_EQ_STR(out, expected);
}

static void check_decoding(void) {
  static written w;
  opened o;
  make_small(&w);
  open_written(&w, &o);
#define DECODED(start, expected, ...)                                                              \
  check_decoded(&o, start, (const int32_t[]){__VA_ARGS__},                                         \
                sizeof(const int32_t[]){__VA_ARGS__} / sizeof(int32_t), expected)
  DECODED(false, " ab", 12); // goes on with a text
  DECODED(true, "ab", 12);
  DECODED(false, "ab ab", 1, 12, 12);
  DECODED(true, "ab", 8); // no space, nothing to leave out
  DECODED(true, " ", 14); // one of two
  DECODED(false, "a<ud> b a", 1, 10, 13, 5, 7, 10);
  DECODED(false, " ab", 2, 12);     // only the token that begins a text does
  DECODED(false, "\xc3\xa9", 3, 4); // bytes are joined
  DECODED(false,
          "\xef\xbf\xbd"
          "a",
          3, 6);
  DECODED(false, "a", 6, 0, 2); // control tokens are no text
  binq_text_stream stream = {.start = false};
  char out[16];
  size_t length;
  CHECK(binq_tokenizer_decode(&o.tokenizer, &stream, -1, out, &length) != 0);
  CHECK(binq_tokenizer_decode(&o.tokenizer, &stream, w.count, out, &length) != 0);
  release(&o);
}

/// What scores and merges become.
static void check_merges(void) {
  static written w;
  opened o;
  make_small(&w);
  open_written(&w, &o);
  const binq_vocabulary *v = &o.model->vocabulary;
  static const binq_merge expected[] = {
      {6, 7, 8, 2},  {7, 6, 9, 1},   {5, 6, 10, 3}, {6, 6, 11, 2},
      {5, 8, 12, 4}, {10, 7, 12, 4}, {5, 5, 14, 5},
  };
  CHECK_EQ_INT(v->merge_count, sizeof expected / sizeof *expected);
  CHECK(memcmp(v->merges, expected, sizeof expected) == 0);
  CHECK_EQ_INT(v->tokens[3].length, 1);
  CHECK_EQ_INT(v->tokens[3].bytes[0], 0xc3);
  CHECK_EQ_INT(v->tokens[3].kind, BINQ_TOKEN_BYTE);
  CHECK(v->tokens[12].length == 3 && memcmp(v->tokens[12].bytes, " ab", 3) == 0);
  release(&o);
}

/// Long texts, which would take hours if they took n^2 steps: of one word, of spaces, of characters
/// without tokens, and of what special tokens begin with.
static void check_long_texts(void) {
  enum { LENGTH = 300000 };
  static const char *const patterns[] = {"a", " ", "ab", "日", "<ud>", "<u", "aab ", "\xc3"};
  static written w;
  opened o;
  char *text = malloc(LENGTH);
  int32_t *tokens = malloc(sizeof *tokens * 2 * LENGTH);
  REQUIRE(text && tokens);
  for (int across = 0; across < 2; across++) {
    make_small(&w);
    if (across)
      add_token(&w, "b▁a", NORMAL, -7);
    open_written(&w, &o);
    CHECK_EQ_INT(o.tokenizer.header->by_words, !across);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
      size_t size = strlen(patterns[i]), count;
      for (size_t at = 0; at < LENGTH; at++)
        text[at] = patterns[i][at % size];
      CHECK_EQ_INT(
          binq_tokenizer_encode(&o.tokenizer, text, LENGTH, 0, tokens, (size_t)2 * LENGTH, &count),
          0);
      CHECK(count > 1 && count <= (size_t)2 * LENGTH);
    }
    release(&o);
  }
  free(text);
  free(tokens);
}

int main(void) {
  check_golden();
  check_decoding();
  check_merges();
  check_against_definition();
  check_round_trip();
  check_long_texts();
  return check_result();
}

/// SentencePiece vocabularies that are wrong.
#include "Malformed.h"
#include <math.h>

static model_file *sentencepiece_model(void) {
  model_file_options options = model_file_defaults();
  options.sentencepiece = true;
  return model_file_create(&options);
}

/// Sets element `index` of an array of 32-bit numbers.
static void set_element(model_file *file, const char *key, uint32_t index, const void *value) {
  enum { HEADER = 12, WIDTH = 4 };
  memcpy(model_file_find(file, key)->bytes + HEADER + (size_t)index * WIDTH, value, WIDTH);
}

static void test_missing(void) {
  static const char *const keys[] = {"tokenizer.ggml.scores", "tokenizer.ggml.token_type",
                                     "tokenizer.ggml.tokens"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    model_file *file = sentencepiece_model();
    model_file_remove(file, keys[i]);
    char expected[128];
    snprintf(expected, sizeof expected, "%s: this metadata field is missing", keys[i]);
    expect_refusal(file, expected);
  }
}

static void test_scores(void) {
  static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    model_file *file = sentencepiece_model();
    set_element(file, "tokenizer.ggml.scores", 270, &bad[i]);
    expect_refusal(file, "tokenizer.ggml.scores: that of token 270 is not a finite number");
  }
  model_file *file = sentencepiece_model();
  model_file_set_f32s(file, "tokenizer.ggml.scores", bad, 2);
  expect_refusal(file, "tokenizer.ggml.scores: 2 scores for 288 tokens");
  file = sentencepiece_model();
  model_file_set_f32s(file, "tokenizer.ggml.scores", NULL, 0);
  expect_refusal(file, "tokenizer.ggml.scores: 0 scores for 288 tokens");
  file = sentencepiece_model();
  model_file_set_i32s(file, "tokenizer.ggml.scores", (int32_t[]){1, 2}, 2);
  expect_refusal(file, "tokenizer.ggml.scores: is of type array of int32, an array of float32");
  file = sentencepiece_model();
  model_file_set_f32(file, "tokenizer.ggml.scores", 1);
  expect_refusal(file, "tokenizer.ggml.scores: is of type float32, an array of float32");
}

static void test_types(void) {
  static const int32_t bad[] = {0, 7, -1, INT32_MIN, INT32_MAX};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    model_file *file = sentencepiece_model();
    set_element(file, "tokenizer.ggml.token_type", 260, &bad[i]);
    char expected[128];
    snprintf(expected, sizeof expected,
             "tokenizer.ggml.token_type: token 260 has type %d, which SentencePiece vocabularies",
             bad[i]);
    expect_refusal(file, expected);
  }
  model_file *file = sentencepiece_model();
  set_element(file, "tokenizer.ggml.token_type", 260, &(int32_t){6});
  expect_refusal(file, "tokenizer.ggml.tokens: token 260 is a byte, but not \"<0xNN>\"");
}

/// Token 259 of the model, a space, as something else.
static model_file *with_token(const char *text, int32_t type) {
  model_file *file = sentencepiece_model();
  const char *texts[288];
  char names[288][16];
  for (int i = 0; i < 288; i++) {
    snprintf(names[i], sizeof names[i], "token %d", i);
    texts[i] = i == 259 ? text : names[i];
  }
  static int32_t types[288];
  for (int i = 0; i < 288; i++)
    types[i] = i == 259 ? type : 1;
  model_file_set_strings(file, "tokenizer.ggml.tokens", texts, 288);
  model_file_set_i32s(file, "tokenizer.ggml.token_type", types, 288);
  return file;
}

static void test_tokens(void) {
  static const char *const no_bytes[] = {"<0xA>", "<0xAG>", "<0x+1>", "<0xAAA>",
                                         "0xAA",  "<0XAA>", "<0xAA"};
  for (size_t i = 0; i < sizeof no_bytes / sizeof *no_bytes; i++)
    expect_refusal(with_token(no_bytes[i], 6), "tokenizer.ggml.tokens: token 259 is a byte, but");
  char text[1100];
  memset(text, 'a', sizeof text);
  text[1025] = 0;
  expect_refusal(
      with_token(text, 1),
      "tokenizer.ggml.tokens: token 259 has 1025 bytes, tokens with scores at most 1024");
  expect_refusal(with_token("", 1), "tokenizer.ggml.tokens: token 259 has 0 bytes");
  expect_refusal(with_token("token 7", 1), "tokenizer.ggml.tokens: tokens 7 and 259 are the same");
  // These are read: invalid UTF-8, a space of its own, long control tokens, the longest one.
  const struct {
    const char *text;
    int32_t type;
  } fine[] = {{"\xff\xc3", 1}, {"\x80", 1}, {" ", 1}, {text, 3}, {text + 1, 1}, {"<0xaf>", 6}};
  for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
    model_file *file = with_token(fine[i].text, fine[i].type);
    REQUIRE(model_file_write(file, "malformed.gguf"));
    model_file_destroy(file);
    const binq_model *model;
    CHECK_STATUS_OK(binq_model_open("malformed.gguf", &model));
    CHECK_EQ_INT(model->vocabulary.merge_count, 0);
    binq_model_close(model);
  }
}

/// 4200 tokens of 1024 bytes: more ways to cut them than could be meant.
static void test_many_cuts(void) {
  enum { COUNT = 4200, LENGTH = 1024 };
  model_file *file = sentencepiece_model();
  char *bytes = calloc(COUNT, LENGTH + 1);
  const char **texts = calloc(COUNT, sizeof *texts);
  int32_t *types = calloc(COUNT, sizeof *types);
  float *scores = calloc(COUNT, sizeof *scores);
  REQUIRE(bytes && texts && types && scores);
  for (int i = 0; i < COUNT; i++) {
    char *text = bytes + (size_t)i * (LENGTH + 1);
    memset(text, 'a', LENGTH);
    snprintf(text + LENGTH - 6, 7, "%06d", i);
    texts[i] = text;
    types[i] = 1;
  }
  model_file_set_strings(file, "tokenizer.ggml.tokens", texts, COUNT);
  model_file_set_i32s(file, "tokenizer.ggml.token_type", types, COUNT);
  model_file_set_f32s(file, "tokenizer.ggml.scores", scores, COUNT);
  expect_refusal(file, "tokenizer.ggml.tokens: the tokens can be cut in 4296600 ways, 4194304 are");
  free(bytes);
  free(texts);
  free(types);
  free(scores);
}

static void test_rules(void) {
  model_file *file = sentencepiece_model();
  model_file_set_u32(file, "tokenizer.ggml.unknown_token_id", 288);
  expect_refusal(file, "tokenizer.ggml.unknown_token_id: 288 is not between 0 and 287");
  file = sentencepiece_model();
  model_file_set_u32(file, "tokenizer.ggml.add_space_prefix", 1);
  expect_refusal(file, "tokenizer.ggml.add_space_prefix: is of type uint32, a boolean");
  file = sentencepiece_model();
  model_file_remove(file, "tokenizer.ggml.bos_token_id");
  model_file_set_bool(file, "tokenizer.ggml.add_bos_token", true);
  expect_refusal(file, "tokenizer.ggml.add_bos_token: is set, but tokenizer.ggml.bos_token_id is");
}

/// Without fields that say so, texts begin with bos and with a space; no token is unknown.
static void test_defaults(void) {
  model_file *file = sentencepiece_model();
  model_file_remove(file, "tokenizer.ggml.add_bos_token");
  model_file_remove(file, "tokenizer.ggml.unknown_token_id");
  model_file_remove(file, "tokenizer.ggml.pre");
  REQUIRE(model_file_write(file, "malformed.gguf"));
  model_file_destroy(file);
  const binq_model *model;
  CHECK_STATUS_OK(binq_model_open("malformed.gguf", &model));
  CHECK_EQ_INT(model->vocabulary.pre_tokenizer, BINQ_PRE_TOKENIZER_SENTENCEPIECE);
  CHECK(model->vocabulary.add_bos);
  CHECK_EQ_INT(model->vocabulary.unknown, -1);
  CHECK_EQ_INT(model->vocabulary.space, BINQ_SPACE_ALWAYS);
  CHECK_EQ_INT(model->vocabulary.merge_count, 2);
  binq_model_close(model);
}

int main(void) {
  test_missing();
  test_scores();
  test_types();
  test_tokens();
  test_many_cuts();
  test_rules();
  test_defaults();
  return check_result();
}

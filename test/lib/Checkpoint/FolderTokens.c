/// Vocabularies of Hugging Face folders.
#include "Check.h"
#include "binq/Checkpoint/TextTokens.h"
#include "support/ModelFolder.h"

static const char path[] = "folder-tokens";

static model_folder *small_folder(const char *pre_tokenizer) {
  model_file_options options = model_file_defaults();
  options.embedding = options.attention = options.ffn_type = BINQ_TENSOR_BF16;
  options.pre_tokenizer = pre_tokenizer;
  model_file *file = model_file_create(&options);
  model_folder *folder = model_folder_create(file, 1);
  model_file_destroy(file);
  return folder;
}

/// Writes the folder, frees it, opens it.
static const binq_model *open_folder(model_folder *folder) {
  REQUIRE(model_folder_write(folder, path));
  model_folder_destroy(folder);
  const binq_model *model = NULL;
  CHECK_STATUS_OK(binq_model_open(path, &model));
  return model;
}

static void check_token(const binq_vocabulary *vocabulary, uint32_t index, const char *bytes,
                        binq_token_kind kind) {
  const binq_token *token = &vocabulary->tokens[index];
  CHECK_EQ_INT(token->length, strlen(bytes));
  CHECK(memcmp(token->bytes, bytes, strlen(bytes)) == 0);
  CHECK_EQ_INT(token->kind, kind);
}

/// The tokens of a text, as numbers with spaces between.
static void check_tokens(const binq_vocabulary *vocabulary, const char *text,
                         const char *expected) {
  binq_text_tokenizer *tokenizer = NULL;
  int32_t *tokens = NULL;
  size_t count = 0, end = 0;
  char actual[256] = "";
  CHECK_STATUS_OK(binq_text_tokenizer_create(vocabulary, &tokenizer));
  CHECK_STATUS_OK(binq_text_tokens(tokenizer, text, strlen(text), &tokens, &count));
  for (size_t i = 0; i < count && end < sizeof actual; i++)
    end += (size_t)snprintf(actual + end, sizeof actual - end, "%s%d", i ? " " : "", tokens[i]);
  CHECK_EQ_STR(actual, expected);
  free(tokens);
  binq_text_tokenizer_destroy(tokenizer);
}

#define BYTE_LEVEL(regex_)                                                                         \
  "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":" regex_ "}"
#define SPLIT(regex_)                                                                              \
  "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex_ \
  "\"},\"behavior\":\"Isolated\",\"invert\":false}," BYTE_LEVEL("false") "]}"

static void test_pre_tokenizers(void) {
  static const struct {
    const char *pre, *json; // the name, or what is written instead
    binq_pre_tokenizer kind;
  } cases[] = {
      {"gpt2", NULL, BINQ_PRE_TOKENIZER_GPT2},
      {"smollm", NULL, BINQ_PRE_TOKENIZER_SMOLLM},
      {"llama-bpe", NULL, BINQ_PRE_TOKENIZER_LLAMA_BPE},
      {"qwen2", NULL, BINQ_PRE_TOKENIZER_QWEN2},
      {"smollm", "{\"type\":\"Sequence\",\"pretokenizers\":[" BYTE_LEVEL("true") "]}",
       BINQ_PRE_TOKENIZER_GPT2},
      {"smollm",
       SPLIT("'s|'t|'re|'ve|'m|'ll|'d| ?\\\\p{L}+| ?\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+"
             "|\\\\s+(?!\\\\S)|\\\\s+"),
       BINQ_PRE_TOKENIZER_GPT2},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    model_folder *folder = small_folder(cases[i].pre);
    if (cases[i].json)
      model_folder_set(folder->tokenizer, "pre_tokenizer", cases[i].json);
    if (i == 3) // what these models' files have besides
      model_folder_set(folder->tokenizer, "normalizer", "{\"type\":\"NFC\"}");
    const binq_model *model = open_folder(folder);
    CHECK_EQ_INT(model->vocabulary.pre_tokenizer, cases[i].kind);
    CHECK_EQ_INT(model->vocabulary.space, BINQ_SPACE_NEVER);
    CHECK(!model->vocabulary.add_bos);
    binq_model_close(model);
  }
}

/// Added tokens stand for their text as it is, numbers without a token for nothing; merges may be
/// pairs.
static void test_byte_level(void) {
  model_folder *folder = small_folder("gpt2");
  model_folder_set(folder->tokenizer, "model/vocab",
                   "{\"Ġ\": 3, \"a\": 4, \"Ġa\": 5, \"é\": 6, \"日\": 7, \"<x>\": 8, \"b\": 9, "
                   "\"Ġab\": 10}");
  model_folder_set(folder->tokenizer, "model/merges", "[\"Ġ a\", [\"Ġa\", \"b\"]]");
  model_folder_set(folder->tokenizer, "added_tokens",
                   "[{\"id\": 0, \"content\": \"<s>\", \"special\": true, \"rstrip\": true},"
                   " {\"id\": 8, \"content\": \"<x>\", \"special\": false},"
                   " {\"id\": 20, \"content\": \"Ġy\"}]");
  model_folder_set(folder->config, "bos_token_id", "0");
  const binq_model *model = open_folder(folder);
  const binq_vocabulary *vocabulary = &model->vocabulary;
  CHECK_EQ_INT(vocabulary->token_count, 288);
  check_token(vocabulary, 0, "<s>", BINQ_TOKEN_CONTROL);
  check_token(vocabulary, 1, "", BINQ_TOKEN_UNUSED);
  check_token(vocabulary, 3, " ", BINQ_TOKEN_NORMAL);
  check_token(vocabulary, 5, " a", BINQ_TOKEN_NORMAL);
  check_token(vocabulary, 6, "\xe9", BINQ_TOKEN_NORMAL);
  check_token(vocabulary, 7, "日", BINQ_TOKEN_NORMAL); // no byte-level encoding
  check_token(vocabulary, 8, "<x>", BINQ_TOKEN_USER_DEFINED);
  check_token(vocabulary, 10, " ab", BINQ_TOKEN_NORMAL);
  check_token(vocabulary, 20, "Ġy", BINQ_TOKEN_USER_DEFINED);
  check_token(vocabulary, 287, "", BINQ_TOKEN_UNUSED);
  CHECK_EQ_INT(vocabulary->merge_count, 2);
  CHECK_EQ_INT(vocabulary->merges[1].left, 5);
  CHECK_EQ_INT(vocabulary->merges[1].right, 9);
  CHECK_EQ_INT(vocabulary->merges[1].result, 10);
  CHECK_EQ_INT(vocabulary->merges[1].rank, 1);
  check_tokens(vocabulary, "a ab<x> a", "4 10 8 5");
  binq_model_close(model);
}

#define BOS(id_)                                                                                   \
  "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"" id_                  \
  "\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],\"special_tokens\":{"           \
  "\"<s>\":{\"id\":\"<s>\",\"ids\":[1]}}}"
#define PLAIN                                                                                      \
  "{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}]}"

/// Which tokens begin and end texts, by what the three files say.
static void test_ends(void) {
  static const struct {
    const char *bos_number, *eos_number, *bos_name, *eos_name, *processor;
    int64_t bos, eos;
    bool add_bos;
  } cases[] = {
      {"1", "2", NULL, NULL, "null", 1, 2, false},
      {"1", "2", NULL, NULL, PLAIN, 1, 2, false},
      {"1", "2", NULL, NULL, BOS("<s>"), 1, 2, true},
      {"null", "[5, 2]", NULL, NULL, BOS("<s>"), 1, 5, true},
      {NULL, NULL, NULL, NULL, "null", -1, -1, false},
      {"0", "0", "null", "\"<|im_end|>\"", "null", 0, 2, false},
      {"0", "[0, 2]", "\"<|im_start|>\"", "{\"content\": \"<|im_end|>\"}",
       "{\"type\":\"Sequence\",\"processors\":[{\"type\":\"ByteLevel\"}," BOS("<s>") "]}", 1, 2,
       true},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    model_folder *folder = small_folder("smollm");
    model_folder_set(folder->config, "bos_token_id", cases[i].bos_number);
    model_folder_set(folder->config, "eos_token_id", cases[i].eos_number);
    model_folder_set(folder->tokenizer, "post_processor", cases[i].processor);
    if (cases[i].eos_name) {
      folder->tokenizer_config = json_object();
      model_folder_set(folder->tokenizer_config, "bos_token", cases[i].bos_name);
      model_folder_set(folder->tokenizer_config, "eos_token", cases[i].eos_name);
    }
    const binq_model *model = open_folder(folder);
    CHECK_EQ_INT(model->vocabulary.bos, cases[i].bos);
    CHECK_EQ_INT(model->vocabulary.eos, cases[i].eos);
    CHECK_EQ_INT(model->vocabulary.add_bos, cases[i].add_bos);
    binq_model_close(model);
  }
}

/// Lengths there may be as long as anything.
static void test_large_integer(void) {
  static const char config[] = "{\"model_max_length\": 1000000000000000019884624838656}";
  model_folder *folder = small_folder("smollm");
  REQUIRE(model_folder_write(folder, path));
  model_folder_destroy(folder);
  REQUIRE(model_folder_write_file(path, "tokenizer_config.json", config, sizeof config - 1));
  const binq_model *model = NULL;
  CHECK_STATUS_OK(binq_model_open(path, &model));
  binq_model_close(model);
}

#define PREPEND "{\"type\":\"Prepend\",\"prepend\":\"▁\"}"
#define REPLACE "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"▁\"}"

/// A vocabulary like SentencePiece's; `bytes` says whether it falls back to bytes.
static model_folder *sentencepiece_folder(const char *normalizer, const char *pre_tokenizer,
                                          const char *bytes) {
  model_folder *folder = small_folder("gpt2");
  json_t *tokenizer = folder->tokenizer;
  model_folder_set(tokenizer, "normalizer", normalizer);
  model_folder_set(tokenizer, "pre_tokenizer", pre_tokenizer);
  model_folder_set(tokenizer, "model/byte_fallback", bytes);
  model_folder_set(tokenizer, "model/unk_token", "\"<unk>\"");
  model_folder_set(tokenizer, "model/fuse_unk", "true");
  model_folder_set(tokenizer, "model/vocab",
                   "{\"<unk>\": 0, \"<s>\": 1, \"</s>\": 2, \"▁\": 3, \"a\": 4, \"b\": 5, "
                   "\"▁a\": 6, \"▁ab\": 7, \"▁▁\": 8, \"<0xE2>\": 9, \"<0x82>\": 10, "
                   "\"<0xAC>\": 11, \"a▁\": 12}");
  model_folder_set(tokenizer, "model/merges", "[\"▁ a\", [\"▁a\", \"b\"], \"▁ ▁\", \"a ▁\"]");
  model_folder_set(tokenizer, "added_tokens",
                   "[{\"id\": 0, \"content\": \"<unk>\", \"special\": true},"
                   " {\"id\": 1, \"content\": \"<s>\", \"special\": true},"
                   " {\"id\": 2, \"content\": \"</s>\", \"special\": true}]");
  return folder;
}

static void test_spaces(void) {
  static const struct {
    const char *normalizer, *pre_tokenizer;
    binq_space space;
    const char *tokens; // of " a ab"
  } cases[] = {
      {"{\"type\":\"Sequence\",\"normalizers\":[" PREPEND "," REPLACE "]}", "null",
       BINQ_SPACE_ALWAYS, "3 6 7"},
      {"{\"type\":\"Sequence\",\"normalizers\":[" REPLACE "]}", "null", BINQ_SPACE_NEVER, "6 7"},
      {REPLACE, "null", BINQ_SPACE_NEVER, "6 7"},
      {"null",
       "{\"type\":\"Metaspace\",\"replacement\":\"▁\",\"prepend_scheme\":\"first\",\"split\":"
       "false}",
       BINQ_SPACE_FIRST, "6 7"},
      {"null",
       "{\"type\":\"Metaspace\",\"replacement\":\"▁\",\"prepend_scheme\":\"never\",\"split\":"
       "false}",
       BINQ_SPACE_NEVER, "6 7"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const binq_model *model =
        open_folder(sentencepiece_folder(cases[i].normalizer, cases[i].pre_tokenizer, "true"));
    CHECK_EQ_INT(model->vocabulary.pre_tokenizer, BINQ_PRE_TOKENIZER_SENTENCEPIECE);
    CHECK_EQ_INT(model->vocabulary.space, cases[i].space);
    check_tokens(&model->vocabulary, " a ab", cases[i].tokens);
    check_tokens(&model->vocabulary, "ab", cases[i].space == BINQ_SPACE_NEVER ? "4 5" : "7");
    binq_model_close(model);
  }
}

/// Characters that are no tokens: bytes where all of them are tokens, or else one unknown token for
/// a run.
static void test_fallback(void) {
  const binq_model *model = open_folder(sentencepiece_folder(REPLACE, "null", "true"));
  const binq_vocabulary *vocabulary = &model->vocabulary;
  CHECK_EQ_INT(vocabulary->unknown, 0);
  check_token(vocabulary, 0, "<unk>", BINQ_TOKEN_CONTROL);
  check_token(vocabulary, 3, " ", BINQ_TOKEN_NORMAL);
  check_token(vocabulary, 7, " ab", BINQ_TOKEN_NORMAL);
  check_token(vocabulary, 9, "\xe2", BINQ_TOKEN_BYTE);
  check_token(vocabulary, 12, "a ", BINQ_TOKEN_NORMAL);
  check_token(vocabulary, 13, "", BINQ_TOKEN_UNUSED);
  check_tokens(vocabulary, "a€b", "4 9 10 11 5");
  check_tokens(vocabulary, "axyb", "4 0 5");
  binq_model_close(model);
  model = open_folder(sentencepiece_folder(REPLACE, "null", "false"));
  check_token(&model->vocabulary, 9, "<0xE2>", BINQ_TOKEN_NORMAL);
  check_tokens(&model->vocabulary, "a€b", "4 0 5");
  binq_model_close(model);
  model_folder *folder = sentencepiece_folder(REPLACE, "null", "true");
  model_folder_set(folder->tokenizer, "model/unk_token", "null");
  model_folder_set(folder->tokenizer, "model/fuse_unk", "false");
  model = open_folder(folder);
  CHECK_EQ_INT(model->vocabulary.unknown, -1);
  check_tokens(&model->vocabulary, "axyb", "4 5");
  binq_model_close(model);
}

int main(void) {
  test_pre_tokenizers();
  test_byte_level();
  test_ends();
  test_large_integer();
  test_spaces();
  test_fallback();
  return check_result();
}

/// Well-formed models: what is read is what was written.
#include "binq/Checkpoint/Model.h"
#include "Check.h"
#include "support/ModelFile.h"
#include <math.h>
#include <unistd.h>

static const char path[] = "model.gguf";

static const binq_model *open_changed(const model_file_options *options,
                                      void (*change)(model_file *file)) {
  model_file *file = model_file_create(options);
  if (change)
    change(file);
  REQUIRE(model_file_write(file, path));
  model_file_destroy(file);
  const binq_model *model = NULL;
  CHECK_STATUS_OK(binq_model_open(path, &model));
  return model;
}

static void test_hyperparameters(void) {
  model_file_options options = model_file_defaults();
  const binq_model *model = open_changed(&options, NULL);
  CHECK_EQ_STR(model->name, "test model");
  CHECK_EQ_STR(model->license, "apache-2.0");
  CHECK_EQ_STR(model->architecture, "llama");
  CHECK_EQ_INT(model->vocabulary_size, 288);
  CHECK_EQ_INT(model->context_length, 128);
  CHECK_EQ_INT(model->hidden_size, 64);
  CHECK_EQ_INT(model->ffn_size, 96);
  CHECK_EQ_INT(model->layer_count, 2);
  CHECK_EQ_INT(model->head_count, 4);
  CHECK_EQ_INT(model->kv_head_count, 2);
  CHECK_EQ_INT(model->head_size, 16);
  CHECK(model->norm_epsilon == 1e-5f);
  CHECK(model->rope_base == 10000);
  CHECK(model->tied_embedding);
  CHECK_EQ_INT(model->tensor_count, 2 + 2 * 9);
  const binq_tensor *embedding = binq_model_tensor(model, "token_embd.weight");
  REQUIRE(embedding);
  CHECK_EQ_INT(embedding->type, BINQ_TENSOR_Q8_0);
  CHECK_EQ_INT(embedding->rows, 288);
  CHECK_EQ_INT(embedding->columns, 64);
  CHECK_EQ_INT(embedding->size, 288 * 2 * 34);
  CHECK(binq_model_tensor(model, "output.weight") == embedding);
  CHECK(binq_model_tensor(model, "blk.1.ffn_norm.weight")->rows == 1);
  CHECK(binq_model_tensor(model, "blk.2.ffn_norm.weight") == NULL);
  CHECK(binq_model_tensor(model, "") == NULL);
  binq_model_close(model);
  binq_model_close(NULL);
}

static void leave_out_optional(model_file *file) {
  static const char *const keys[] = {
      "general.name",
      "general.license",
      "llama.vocab_size",
      "llama.attention.head_count_kv",
      "llama.rope.freq_base",
      "llama.rope.dimension_count",
      "tokenizer.ggml.bos_token_id",
      "tokenizer.ggml.eos_token_id",
      "tokenizer.ggml.token_type",
      "tokenizer.ggml.add_bos_token",
  };
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    model_file_remove(file, keys[i]);
  file->version = 2;
}

static void test_defaults(void) {
  model_file_options options = model_file_defaults();
  options.kv_heads = options.heads;
  options.pre_tokenizer = "llama-bpe";
  const binq_model *model = open_changed(&options, leave_out_optional);
  CHECK_EQ_STR(model->name, "");
  CHECK_EQ_STR(model->license, "");
  CHECK_EQ_INT(model->kv_head_count, 4);
  CHECK(model->rope_base == 10000);
  CHECK_EQ_INT(model->vocabulary.bos, -1);
  CHECK_EQ_INT(model->vocabulary.eos, -1);
  CHECK(!model->vocabulary.add_bos); // there is none to add
  CHECK_EQ_INT(model->vocabulary.tokens[0].kind, BINQ_TOKEN_NORMAL);
  binq_model_close(model);
}

/// What may be said in other ways, or be there and mean nothing.
static void say_otherwise(model_file *file) {
  model_file_set(file, "llama.context_length", 10, &(uint64_t){77}, 8);
  model_file_set(file, "llama.attention.head_count", 0, &(uint8_t){2}, 1);
  model_file_set(file, "llama.attention.head_count_kv", 3, &(int16_t){1}, 2);
  model_file_set(file, "llama.rope.freq_base", 12, &(double){500000}, 8);
  model_file_set_u32(file, "llama.attention.key_length", 16);
  model_file_set_u32(file, "llama.attention.value_length", 16);
  model_file_set_u32(file, "llama.expert_count", 0);
  model_file_set_u32(file, "llama.attention.sliding_window", 0);
  model_file_set_string(file, "llama.rope.scaling.type", "none");
  model_file_set_string(file, "tokenizer.chat_template", "line\nline");
  model_file_set_i32s(file, "tokenizer.ggml.scores", NULL, 0);
  model_file_set_u32(file, "general.alignment", 4096);
  file->alignment = 4096;
  // Two heads of 16 channels in a model of 64: queries and keys are narrower than the hidden state.
  for (int layer = 0; layer < 2; layer++) {
    char name[64];
    snprintf(name, sizeof name, "blk.%d.attn_q.weight", layer);
    model_file_tensor_remove(file, name);
    model_file_tensor_add(file, name, 32, 64);
    snprintf(name, sizeof name, "blk.%d.attn_k.weight", layer);
    model_file_tensor_remove(file, name);
    model_file_tensor_add(file, name, 16, 64);
    snprintf(name, sizeof name, "blk.%d.attn_v.weight", layer);
    model_file_tensor_remove(file, name);
    model_file_tensor_add(file, name, 16, 64);
    snprintf(name, sizeof name, "blk.%d.attn_output.weight", layer);
    model_file_tensor_remove(file, name);
    model_file_tensor_add(file, name, 64, 32);
  }
}

static void test_other_ways(void) {
  model_file_options options = model_file_defaults();
  options.tied = false;
  const binq_model *model = open_changed(&options, say_otherwise);
  CHECK_EQ_INT(model->context_length, 77);
  CHECK_EQ_INT(model->head_count, 2);
  CHECK_EQ_INT(model->kv_head_count, 1);
  CHECK_EQ_INT(model->head_size, 16);
  CHECK(model->rope_base == 500000);
  CHECK(!model->tied_embedding);
  const binq_tensor *output = binq_model_tensor(model, "output.weight");
  REQUIRE(output);
  CHECK_EQ_INT(output->type, BINQ_TENSOR_F16);
  CHECK(output != binq_model_tensor(model, "token_embd.weight"));
  binq_model_close(model);
}

static void check_token(const binq_vocabulary *vocabulary, uint32_t index, const char *bytes,
                        size_t length, binq_token_kind kind) {
  const binq_token *token = &vocabulary->tokens[index];
  CHECK_EQ_INT(token->length, length);
  CHECK(memcmp(token->bytes, bytes, length) == 0);
  CHECK_EQ_INT(token->kind, kind);
}

static void test_vocabulary(void) {
  model_file_options options = model_file_defaults();
  const binq_model *model = open_changed(&options, NULL);
  const binq_vocabulary *vocabulary = &model->vocabulary;
  CHECK_EQ_INT(vocabulary->token_count, 288);
  CHECK_EQ_INT(vocabulary->pre_tokenizer, BINQ_PRE_TOKENIZER_SMOLLM);
  CHECK_EQ_INT(vocabulary->bos, 1);
  CHECK_EQ_INT(vocabulary->eos, 2);
  CHECK(!vocabulary->add_bos);
  check_token(vocabulary, 1, "<|im_start|>", 12, BINQ_TOKEN_CONTROL);
  for (int byte = 0; byte < 256; byte++)
    check_token(vocabulary, (uint32_t)(3 + byte), &(char){(char)byte}, 1, BINQ_TOKEN_NORMAL);
  check_token(vocabulary, 259, " e", 2, BINQ_TOKEN_NORMAL);
  check_token(vocabulary, 260, " t", 2, BINQ_TOKEN_NORMAL);
  CHECK_EQ_INT(vocabulary->merge_count, 29);
  for (uint32_t i = 0; i < vocabulary->merge_count; i++) {
    const binq_token *left = &vocabulary->tokens[vocabulary->merges[i].left];
    const binq_token *right = &vocabulary->tokens[vocabulary->merges[i].right];
    const binq_token *result = &vocabulary->tokens[vocabulary->merges[i].result];
    CHECK_EQ_INT(result->length, left->length + right->length);
    CHECK(memcmp(result->bytes, left->bytes, left->length) == 0);
    CHECK(memcmp(result->bytes + left->length, right->bytes, right->length) == 0);
    CHECK_EQ_INT(vocabulary->merges[i].result, 259 + i);
  }
  binq_model_close(model);
}

/// Added tokens stand for their text as it is, and so do normal ones outside the byte-level
/// alphabet.
static void set_odd_tokens(model_file *file) {
  static const char *const tokens[] = {"Ġa", "Ġb", "x y", "Ġ", "日本", "a", "Ġ日", "é", "Ŀ"};
  static const int32_t types[] = {1, 4, 1, 3, 1, 5, 2, 1, 1};
  static const char *const merges[] = {"Ġ a"};
  model_file_set_strings(file, "tokenizer.ggml.tokens", tokens, 9);
  model_file_set_i32s(file, "tokenizer.ggml.token_type", types, 9);
  model_file_set_strings(file, "tokenizer.ggml.merges", merges, 1);
  model_file_set_u32(file, "llama.vocab_size", 9);
  model_file_tensor_remove(file, "token_embd.weight");
  model_file_tensor_add(file, "token_embd.weight", 9, 64);
}

static void test_odd_tokens(void) {
  model_file_options options = model_file_defaults();
  const binq_model *model = open_changed(&options, set_odd_tokens);
  const binq_vocabulary *vocabulary = &model->vocabulary;
  check_token(vocabulary, 0, " a", 2, BINQ_TOKEN_NORMAL);
  check_token(vocabulary, 1, "Ġb", 3, BINQ_TOKEN_USER_DEFINED);
  check_token(vocabulary, 2, "x y", 3, BINQ_TOKEN_NORMAL);
  check_token(vocabulary, 3, "Ġ", 2, BINQ_TOKEN_CONTROL);
  check_token(vocabulary, 4, "日本", 6, BINQ_TOKEN_NORMAL);
  check_token(vocabulary, 5, "a", 1, BINQ_TOKEN_UNUSED);
  check_token(vocabulary, 6, "Ġ日", 5, BINQ_TOKEN_CONTROL);
  check_token(vocabulary, 7, "\xe9", 1, BINQ_TOKEN_NORMAL);
  check_token(vocabulary, 8, "\x9d", 1, BINQ_TOKEN_NORMAL);
  CHECK_EQ_INT(vocabulary->merges[0].left, 3);
  CHECK_EQ_INT(vocabulary->merges[0].right, 5);
  CHECK_EQ_INT(vocabulary->merges[0].result, 0);
  binq_model_close(model);
}

static void test_pre_tokenizers(void) {
  static const struct {
    const char *name;
    binq_pre_tokenizer kind;
    bool add_bos;
  } cases[] = {
      {"gpt2", BINQ_PRE_TOKENIZER_GPT2, false},
      {"gpt-2", BINQ_PRE_TOKENIZER_GPT2, false},
      {"smollm", BINQ_PRE_TOKENIZER_SMOLLM, false},
      {"llama-bpe", BINQ_PRE_TOKENIZER_LLAMA_BPE, true},
      {"qwen2", BINQ_PRE_TOKENIZER_QWEN2, false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    model_file_options options = model_file_defaults();
    options.pre_tokenizer = cases[i].name;
    model_file *file = model_file_create(&options);
    model_file_remove(file, "tokenizer.ggml.add_bos_token");
    REQUIRE(model_file_write(file, path));
    model_file_destroy(file);
    const binq_model *model = NULL;
    CHECK_STATUS_OK(binq_model_open(path, &model));
    CHECK_EQ_INT(model->vocabulary.pre_tokenizer, cases[i].kind);
    CHECK_EQ_INT(model->vocabulary.add_bos, cases[i].add_bos);
    binq_model_close(model);
  }
}

/// All types hold the same random values, more or less exactly.
static void test_types(void) {
  enum { ROWS = 64, COLUMNS = 512, COUNT = ROWS * COLUMNS };
  static const double errors[] = {
      [BINQ_TENSOR_F32] = 0,      [BINQ_TENSOR_F16] = 0.0002, [BINQ_TENSOR_BF16] = 0.004,
      [BINQ_TENSOR_Q8_0] = 0.004, [BINQ_TENSOR_Q4_0] = 0.06,  [BINQ_TENSOR_Q4_1] = 0.06,
      [BINQ_TENSOR_Q5_0] = 0.03,  [BINQ_TENSOR_Q5_1] = 0.03,  [BINQ_TENSOR_Q2_K] = 0.2,
      [BINQ_TENSOR_Q3_K] = 0.15,  [BINQ_TENSOR_Q4_K] = 0.05,  [BINQ_TENSOR_Q5_K] = 0.03,
      [BINQ_TENSOR_Q6_K] = 0.02,
  };
  model_file_options options = model_file_defaults();
  options.ffn = COLUMNS;
  float *expected = calloc(COUNT, sizeof *expected), *values = calloc(COUNT, sizeof *values);
  REQUIRE(expected && values);
  for (int type = BINQ_TENSOR_F32; type <= BINQ_TENSOR_Q6_K; type++) {
    options.ffn_type = (binq_tensor_type)type;
    const binq_model *model = open_changed(&options, NULL);
    const binq_tensor *tensor = binq_model_tensor(model, "blk.1.ffn_down.weight");
    CHECK_EQ_INT(tensor->type, type);
    binq_tensor_dequantize(tensor, 0, ROWS, type == BINQ_TENSOR_F32 ? expected : values);
    double largest = 0;
    for (int i = 0; i < COUNT && type != BINQ_TENSOR_F32; i++)
      largest = fmax(largest, fabs((double)(values[i] - expected[i])));
    if (largest > errors[type])
      CHECK_FAIL("type %d: an error of %g", type, largest);
    CHECK(type == BINQ_TENSOR_F32 || largest > 0);
    binq_model_close(model);
  }
  free(expected);
  free(values);
}

int main(void) {
  test_hyperparameters();
  test_defaults();
  test_other_ways();
  test_vocabulary();
  test_odd_tokens();
  test_pre_tokenizers();
  test_types();
  unlink(path);
  return check_result();
}

/// Headers and metadata that are wrong.
#include "Malformed.h"
#include "binq/Support/File.h"
#include <math.h>
#include <unistd.h>

static void test_files(void) {
  const binq_model *model = NULL;
  CHECK_STATUS_FAILS(binq_model_open(".", &model), "./config.json: cannot open: No such file");
  CHECK_STATUS_FAILS(binq_model_open("missing.gguf", &model), "missing.gguf: cannot open");
  FILE *file = fopen("empty.gguf", "w");
  REQUIRE(file && fclose(file) == 0);
  CHECK_STATUS_FAILS(binq_model_open("empty.gguf", &model), "empty.gguf: the file is empty");
  file = fopen("text.gguf", "w");
  REQUIRE(file && fputs("What is this?", file) >= 0 && fclose(file) == 0);
  CHECK_STATUS_FAILS(binq_model_open("text.gguf", &model), "text.gguf: magic: not a GGUF file");
}

static void test_header(void) {
  static const struct {
    uint32_t magic, version;
    int64_t extra_tensors, extra_fields;
    const char *expected;
  } cases[] = {
      {0x46554748, 3, 0, 0, "magic: not a GGUF file"},
      {0x47475546, 3, 0, 0, "magic: not a GGUF file"},
      {0x46554747, 0, 0, 0, "version: GGUF version 0 is not supported"},
      {0x46554747, 1, 0, 0, "version: GGUF version 1 is not supported"},
      {0x46554747, 4, 0, 0, "version: GGUF version 4 is not supported"},
      {0x46554747, 0x03000000, 0, 0, "version: big-endian"},
      {0x46554747, 3, INT64_MIN, 0, "tensor count: 92233720368547758"},
      {0x46554747, 3, -21, 0, "tensor count: 18446744073709551615 do not fit"},
      {0x46554747, 3, 1 << 20, 0, "tensor count: 1048596 do not fit"},
      {0x46554747, 3, 0, INT64_MIN, "metadata count: 92233720368547758"},
      {0x46554747, 3, 0, -22, "metadata count: 18446744073709551615 do not fit"},
      {0x46554747, 3, 0, 1 << 20, "metadata count: 1048597 do not fit"},
      {0x46554747, 3, 0, -1,
       "tokenizer.ggml.add_bos_token: 7 dim"}, // the last field is taken for a tensor
      {0x46554747, 3, 0, 1, "name of tensor 0: the file ends"}, // the first tensor for a field,
      {0x46554747, 3, -1, 0, "output_norm.weight: this tensor is missing"},
      {0x46554747, 3, 1, 0, "name of tensor 20"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    model_file *file = small_model();
    file->magic = cases[i].magic;
    file->version = cases[i].version;
    file->extra_tensors = cases[i].extra_tensors;
    file->extra_fields = cases[i].extra_fields;
    expect_refusal(file, cases[i].expected);
  }
}

/// Counts that a file of this size could hold, and that are still absurd.
static void test_large_counts(void) {
  model_file *file = small_model();
  model_file_tensor_add(file, "filler", 1000, 4096);
  file->extra_fields = 70000;
  expect_refusal(file, "metadata count: 70021 are more than the 65536 supported");
  file = small_model();
  model_file_tensor_add(file, "filler", 1000, 4096);
  file->extra_tensors = 70000;
  expect_refusal(file, "tensor count: 70021 are more than the 65536 supported");
}

static const struct {
  const char *key;
  bool required;
} numbers[] = {
    {"llama.block_count", true},
    {"llama.context_length", true},
    {"llama.embedding_length", true},
    {"llama.feed_forward_length", true},
    {"llama.attention.head_count", true},
    {"llama.attention.head_count_kv", false},
    {"llama.attention.key_length", false},
    {"llama.attention.value_length", false},
    {"llama.rope.dimension_count", false},
    {"llama.vocab_size", false},
    {"llama.expert_count", false},
    {"llama.attention.sliding_window", false},
    {"tokenizer.ggml.bos_token_id", false},
    {"tokenizer.ggml.eos_token_id", false},
    {"general.alignment", false},
};

/// What every integer of the metadata is refused for.
static void test_integers(void) {
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    const char *key = numbers[i].key;
    char expected[128];
    snprintf(expected, sizeof expected, "%s: -1 is not between", key);
    model_file *file = small_model();
    model_file_set_i32(file, key, -1);
    expect_refusal(file, expected);
    file = small_model();
    model_file_set(file, key, 11, &(int64_t){-1}, 8);
    expect_refusal(file, expected);
    snprintf(expected, sizeof expected, "%s: ", key);
    file = small_model();
    model_file_set_u32(file, key, UINT32_MAX);
    expect_refusal(file, expected);
    file = small_model();
    model_file_set(file, key, 10, &(uint64_t){UINT64_MAX}, 8);
    expect_refusal(file, expected);
    snprintf(expected, sizeof expected, "%s: is of type string, an integer is needed", key);
    file = small_model();
    model_file_set_string(file, key, "2");
    expect_refusal(file, expected);
    snprintf(expected, sizeof expected, "%s: is of type array of int32, an integer is needed", key);
    file = small_model();
    model_file_set_i32s(file, key, (int32_t[]){2, 2}, 2);
    expect_refusal(file, expected);
    snprintf(expected, sizeof expected, "%s: is of type float32, an integer is needed", key);
    file = small_model();
    model_file_set_f32(file, key, 2);
    expect_refusal(file, expected);
    snprintf(expected, sizeof expected, "%s: this metadata field is missing", key);
    file = small_model();
    model_file_remove(file, key);
    if (numbers[i].required)
      expect_refusal(file, expected);
    else
      model_file_destroy(file);
  }
}

static void test_integer_values(void) {
  static const struct {
    const char *key;
    uint32_t value;
    const char *expected;
  } cases[] = {
      {"llama.block_count", 0, "llama.block_count: 0 is not between 1 and 20"},
      {"llama.block_count", 1, "blk.1.attn_q.weight: this tensor has no place"},
      {"llama.block_count", 3, "blk.2.attn_norm.weight: this tensor is missing"},
      {"llama.context_length", 0, "llama.context_length: 0 is not between"},
      {"llama.context_length", 1, "llama.context_length: 1 is not between 2 and 16777216"},
      {"llama.embedding_length", 0, "llama.embedding_length: 0 is not between"},
      {"llama.embedding_length", 65505, "llama.embedding_length: 65505 is not between 1 and 65504"},
      {"llama.embedding_length", 66,
       "llama.attention.head_count: 4 does not divide the 66 channels"},
      {"llama.feed_forward_length", 0, "llama.feed_forward_length: 0 is not between"},
      {"llama.feed_forward_length", 65505, "llama.feed_forward_length: 65505 is not between"},
      {"llama.feed_forward_length", 95, "blk.0.ffn_gate.weight: has 96 rows of 64, must have 95"},
      {"llama.attention.head_count", 0, "llama.attention.head_count: 0 is not between"},
      {"llama.attention.head_count", 3,
       "llama.attention.head_count_kv: 2 does not divide the 3 heads"},
      {"llama.attention.head_count", 6, "llama.attention.head_count: 6 does not divide the 64"},
      {"llama.attention.head_count", 16, "llama.attention.head_count: heads of 4 channels"},
      {"llama.attention.head_count", 2,
       "llama.rope.dimension_count: 16 is not supported, only the "
       "size of a head, 32"},
      {"llama.attention.head_count_kv", 0,
       "llama.attention.head_count_kv: 0 is not between 1 and 4"},
      {"llama.attention.head_count_kv", 3,
       "llama.attention.head_count_kv: 3 does not divide the 4"},
      {"llama.attention.head_count_kv", 5,
       "llama.attention.head_count_kv: 5 is not between 1 and 4"},
      {"llama.attention.head_count_kv", 1, "blk.0.attn_k.weight: has 32 rows of 64, must have 16"},
      {"llama.attention.key_length", 0, "llama.attention.key_length: 0 is not between"},
      {"llama.attention.key_length", 12, "llama.attention.head_count: heads of 12 channels"},
      {"llama.attention.value_length", 8, "llama.attention.value_length: 8 is not supported"},
      {"llama.rope.dimension_count", 8, "llama.rope.dimension_count: 8 is not supported"},
      {"llama.vocab_size", 287, "llama.vocab_size: is 287, but there are 288 tokens"},
      {"llama.expert_count", 8, "llama.expert_count: mixtures of experts are not supported"},
      {"llama.expert_used_count", 2, "llama.expert_used_count: mixtures of experts"},
      {"llama.attention.sliding_window", 4096, "llama.attention.sliding_window: sliding windows"},
      {"llama.rope.scaling.original_context_length", 8192,
       "llama.rope.scaling.original_context_length: rope scaling is not supported"},
      {"llama.use_parallel_residual", 1, "llama.use_parallel_residual: this property"},
      {"split.count", 2, "split.count: models split into several files"},
      {"general.architecture", 1, "general.architecture: is of type uint32, a string is needed"},
      {"general.name", 1, "general.name: is of type uint32, a string is needed"},
      {"general.license", 1, "general.license: is of type uint32, a string is needed"},
      {"general.alignment", 0, "general.alignment: 0 is not between"},
      {"general.alignment", 48, "general.alignment: 48 is not a power of two"},
      {"llama.rope.freq_base", 10000, "llama.rope.freq_base: is of type uint32, a floating-point"},
      {"llama.attention.layer_norm_rms_epsilon", 0,
       "llama.attention.layer_norm_rms_epsilon: is of type uint32"},
      {"tokenizer.ggml.add_bos_token", 1,
       "tokenizer.ggml.add_bos_token: is of type uint32, a bool"},
      {"tokenizer.ggml.bos_token_id", 288,
       "tokenizer.ggml.bos_token_id: 288 is not between 0 and 287"},
      {"tokenizer.ggml.eos_token_id", 288,
       "tokenizer.ggml.eos_token_id: 288 is not between 0 and 287"},
      {"tokenizer.ggml.tokens", 1, "tokenizer.ggml.tokens: is of type uint32, an array of strings"},
      {"tokenizer.ggml.token_type", 1, "tokenizer.ggml.token_type: is of type uint32, an array of"},
      {"tokenizer.ggml.merges", 1, "tokenizer.ggml.merges: is of type uint32, an array of strings"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    model_file *file = small_model();
    model_file_set_u32(file, cases[i].key, cases[i].value);
    expect_refusal(file, cases[i].expected);
  }
}

static void test_floats(void) {
  static const char epsilon[] = "llama.attention.layer_norm_rms_epsilon";
  static const struct {
    const char *key;
    float value;
    const char *expected;
  } cases[] = {
      {epsilon, NAN, "llama.attention.layer_norm_rms_epsilon: is not a finite number"},
      {epsilon, INFINITY, "llama.attention.layer_norm_rms_epsilon: is not a finite number"},
      {epsilon, -1e-5f, "llama.attention.layer_norm_rms_epsilon: -1e-05 is not between"},
      {epsilon, 0, "llama.attention.layer_norm_rms_epsilon: 0 is not between"},
      {epsilon, 1, "llama.attention.layer_norm_rms_epsilon: 1 is not between"},
      {"llama.rope.freq_base", NAN, "llama.rope.freq_base: is not a finite number"},
      {"llama.rope.freq_base", -INFINITY, "llama.rope.freq_base: is not a finite number"},
      {"llama.rope.freq_base", -10000, "llama.rope.freq_base: -10000 is less than 1"},
      {"llama.rope.freq_base", 0, "llama.rope.freq_base: 0 is less than 1"},
      {"llama.rope.freq_base", 3e38f, "llama.rope.freq_base: 3e+38 is not below 1e+30"},
      {"llama.rope.scaling.factor", 4, "llama.rope.scaling.factor: rope scaling is not supported"},
      {"llama.rope.scale_linear", 4, "llama.rope.scale_linear: rope scaling is not supported"},
      {"llama.attention.scale", 1, "llama.attention.scale: this property"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    model_file *file = small_model();
    model_file_set_f32(file, cases[i].key, cases[i].value);
    expect_refusal(file, cases[i].expected);
  }
}

static void test_strings(void) {
  static const struct {
    const char *key, *value, *expected;
  } cases[] = {
      {"general.architecture", "qwen2", "general.architecture: \"qwen2\" is not supported, only"},
      {"general.architecture", "", "general.architecture: \"\" is not supported"},
      {"general.architecture", "a\nb", "general.architecture: is not one line of UTF-8 text"},
      {"general.name", "\xff", "general.name: is not one line of UTF-8 text"},
      {"general.name", "\xed\xa0\x80", "general.name: is not one line of UTF-8 text"},
      {"general.name", "\xc2\x9b", "general.name: is not one line of UTF-8 text"},
      {"general.name", "\xc0\xaf", "general.name: is not one line of UTF-8 text"},
      {"general.name", "\xf4\x90\x80\x80", "general.name: is not one line of UTF-8 text"},
      {"general.name", "cut \xe6\x97", "general.name: is not one line of UTF-8 text"},
      {"general.license", "\x1b[2J", "general.license: is not one line of UTF-8 text"},
      {"llama.rope.scaling.type", "linear",
       "llama.rope.scaling.type: rope scaling is not supported"},
      {"llama.rope.scaling.type", "yarn", "llama.rope.scaling.type: rope scaling is not supported"},
      {"tokenizer.ggml.model", "llama", "tokenizer.ggml.scores: this metadata field is missing"},
      {"tokenizer.ggml.model", "bert", "tokenizer.ggml.model: \"bert\" is not supported, only"},
      {"tokenizer.ggml.pre", "deepseek-llm",
       "tokenizer.ggml.pre: \"deepseek-llm\" is not supported"},
      {"tokenizer.ggml.pre", "default", "tokenizer.ggml.pre: \"default\" is not supported"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    model_file *file = small_model();
    model_file_set_string(file, cases[i].key, cases[i].value);
    expect_refusal(file, cases[i].expected);
  }
}

/// Every field the model has, twice; and the ones it cannot do without, missing.
static void test_twice_and_missing(void) {
  static const char *const required[] = {
      "general.architecture",  "llama.attention.layer_norm_rms_epsilon",
      "tokenizer.ggml.model",  "tokenizer.ggml.pre",
      "tokenizer.ggml.tokens", "tokenizer.ggml.merges",
  };
  char expected[128];
  model_file *original = small_model();
  for (size_t i = 0; i < original->field_count; i++) {
    model_file *file = small_model();
    model_file_repeat(file, original->fields[i].key);
    snprintf(expected, sizeof expected, "%s: this metadata field is there twice",
             original->fields[i].key);
    expect_refusal(file, expected);
  }
  model_file_destroy(original);
  for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
    model_file *file = small_model();
    model_file_remove(file, required[i]);
    snprintf(expected, sizeof expected, "%s: this metadata field is missing", required[i]);
    expect_refusal(file, expected);
  }
}

/// Fields that are not what the format allows, whoever reads them.
static void test_raw_fields(void) {
  static const struct {
    uint32_t type;
    size_t size;
    const char *bytes, *expected;
  } cases[] = {
      {13, 4, "\1\0\0\0", "odd.field: unknown value type 13"},
      {UINT32_MAX, 4, "\1\0\0\0", "odd.field: unknown value type 4294967295"},
      {7, 1, "\2", "odd.field: a boolean is 2"},
      {8, 8, "\xff\xff\xff\xff\xff\xff\xff\xff", "odd.field: string 0 goes past the end"},
      {8, 8, "\0\0\0\1\0\0\0\0", "odd.field: string 0 goes past the end"},
      {9, 12, "\x09\0\0\0\1\0\0\0\0\0\0\0", "odd.field: arrays of arrays are not supported"},
      {9, 12, "\x0d\0\0\0\1\0\0\0\0\0\0\0", "odd.field: unknown value type 13"},
      {9, 12, "\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
       "odd.field: its 18446744073709551615 values"},
      {9, 12, "\x0a\0\0\0\0\0\0\0\0\0\0\x20", "odd.field: its 2305843009213693952 values go past"},
      {9, 12, "\x08\0\0\0\0\0\0\0\0\0\0\x20", "odd.field: its 2305843009213693952 values go past"},
      {9, 12, "\x04\0\0\0\0\0\0\1\0\0\0\0", "odd.field: its 16777216 values go past the end"},
      {9, 14, "\x07\0\0\0\2\0\0\0\0\0\0\0\1\2", "odd.field: a boolean is 2"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    model_file *file = small_model();
    model_file_set(file, "odd.field", cases[i].type, cases[i].bytes, cases[i].size);
    expect_refusal(file, cases[i].expected);
  }
  static const char *const keys[] = {"", "two\nlines", "\xff"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    model_file *file = small_model();
    model_file_set_u32(file, keys[i], 1);
    expect_refusal(file, "name of metadata field 21: ");
  }
  char long_key[2000];
  memset(long_key, 'k', sizeof long_key);
  long_key[sizeof long_key - 1] = '\0';
  model_file *file = small_model();
  model_file_set_u32(file, long_key, 1);
  expect_refusal(file, "name of metadata field 21: 1999 bytes that are no name");
}

static void set_tokens(model_file *file, const char *first, const char *second) {
  const char *tokens[] = {first, second, "ab"};
  model_file_set_strings(file, "tokenizer.ggml.tokens", tokens, 3);
  model_file_set_i32s(file, "tokenizer.ggml.token_type", (int32_t[]){1, 1, 1}, 3);
  model_file_set_strings(file, "tokenizer.ggml.merges", &(const char *){"a b"}, 1);
  model_file_set_u32(file, "tokenizer.ggml.bos_token_id", 0);
}

static void test_tokens(void) {
  char long_token[70000];
  memset(long_token, 'a', sizeof long_token);
  long_token[sizeof long_token - 1] = '\0';
  const struct {
    const char *first, *second, *expected;
  } cases[] = {
      {"a", "a", "tokenizer.ggml.tokens: tokens 0 and 1 are the same"},
      {"a", "", "tokenizer.ggml.tokens: token 1 has 0 bytes, must have 1 to 65535"},
      {long_token, "b", "tokenizer.ggml.tokens: token 0 has 69999 bytes"},
      {"x", "b", "tokenizer.ggml.merges: the left side of merge 0 is no token"},
      {"a", "x", "tokenizer.ggml.merges: the right side of merge 0 is no token"},
      {"a", "b", "token_embd.weight: has 288 rows of 64, must have 3"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    model_file *file = small_model();
    model_file_remove(file, "llama.vocab_size");
    set_tokens(file, cases[i].first, cases[i].second);
    expect_refusal(file, cases[i].expected);
  }
  model_file *file = small_model();
  model_file_set_strings(file, "tokenizer.ggml.tokens", NULL, 0);
  expect_refusal(file, "tokenizer.ggml.tokens: 0 tokens, must be 1 to");
  file = small_model();
  model_file_set_i32s(file, "tokenizer.ggml.token_type", (int32_t[]){1, 1}, 2);
  expect_refusal(file, "tokenizer.ggml.token_type: 2 types for 288 tokens");
  static const int32_t bad_types[] = {0, 6, 7, -1, INT32_MIN, INT32_MAX};
  for (size_t i = 0; i < sizeof bad_types / sizeof *bad_types; i++) {
    file = small_model();
    uint8_t *types = model_file_find(file, "tokenizer.ggml.token_type")->bytes + 12;
    memcpy(types + 5 * sizeof *bad_types, &bad_types[i], sizeof *bad_types);
    char expected[128];
    snprintf(expected, sizeof expected, "tokenizer.ggml.token_type: token 5 has type %d",
             bad_types[i]);
    expect_refusal(file, expected);
  }
  file = small_model();
  model_file_remove(file, "tokenizer.ggml.bos_token_id");
  model_file_set_bool(file, "tokenizer.ggml.add_bos_token", true);
  expect_refusal(file, "tokenizer.ggml.add_bos_token: is set, but tokenizer.ggml.bos_token_id is");
}

static void test_merges(void) {
  static const struct {
    const char *merge, *expected;
  } cases[] = {
      {"", "tokenizer.ggml.merges: merge 1 is not two tokens"},
      {"ab", "tokenizer.ggml.merges: merge 1 is not two tokens"},
      {" ", "tokenizer.ggml.merges: the left side of merge 1 is no token"},
      {" a", "tokenizer.ggml.merges: the left side of merge 1 is no token"},
      {"a ", "tokenizer.ggml.merges: the right side of merge 1 is no token"},
      {"a b c", "tokenizer.ggml.merges: the right side of merge 1 is no token"},
      {"z z", "tokenizer.ggml.merges: the result of merge 1 is no token"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    model_file *file = small_model();
    const char *merges[] = {"Ġ e", cases[i].merge};
    model_file_set_strings(file, "tokenizer.ggml.merges", merges, 2);
    expect_refusal(file, cases[i].expected);
  }
}

int main(void) {
  test_files();
  test_header();
  test_large_counts();
  test_integers();
  test_integer_values();
  test_floats();
  test_strings();
  test_twice_and_missing();
  test_raw_fields();
  test_tokens();
  test_merges();
  return check_result();
}

/// Wrong config.json, tokenizer.json and tokenizer_config.json.
#include "MalformedFolder.h"
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  const char *place, *json; ///< what is set where; NULL: removed
  const char *expected;     ///< behind the file's name
} change;

typedef enum { CONFIG, TOKENIZER, TOKENIZER_CONFIG } changed_file;

static void check_changes(changed_file file, const change *changes, size_t count) {
  static const char *const names[] = {"config.json", "tokenizer.json", "tokenizer_config.json"};
  for (size_t i = 0; i < count; i++) {
    model_folder *folder = tiny_folder(1);
    json_t *const roots[] = {folder->config, folder->tokenizer, json_object()};
    char expected[256];
    if (file == TOKENIZER_CONFIG)
      folder->tokenizer_config = json_incref(roots[TOKENIZER_CONFIG]);
    json_decref(roots[TOKENIZER_CONFIG]);
    model_folder_set(roots[file], changes[i].place, changes[i].json);
    write_folder(folder);
    snprintf(expected, sizeof expected, "/%s: %s", names[file], changes[i].expected);
    expect_folder_refusal(expected);
  }
}

#define CHECK_CHANGES(file_, changes_)                                                             \
  check_changes(file_, changes_, sizeof(changes_) / sizeof *(changes_))

/// What every field of a kind is refused for; `lowest` is one too small.
static void check_integer(const char *key, bool required) {
  char wrong[64], low[64], missing[64];
  snprintf(wrong, sizeof wrong, "%s: is no integer", key);
  snprintf(low, sizeof low, "%s: -1 is not between", key);
  snprintf(missing, sizeof missing, "%s: is missing", key);
  const change changes[] = {
      {key, "\"2\"", wrong}, {key, "2.0", wrong},    {key, "true", wrong}, {key, "{}", wrong},
      {key, "-1", low},      {key, "null", missing}, {key, NULL, missing},
  };
  check_changes(CONFIG, changes, sizeof changes / sizeof *changes - (required ? 0 : 2));
}

static void test_integers(void) {
  static const struct {
    const char *key;
    bool required;
  } keys[] = {
      {"vocab_size", true},           {"max_position_embeddings", true},
      {"hidden_size", true},          {"intermediate_size", true},
      {"num_hidden_layers", true},    {"num_attention_heads", true},
      {"num_key_value_heads", false}, {"head_dim", false},
      {"bos_token_id", false},        {"eos_token_id", false},
  };
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    check_integer(keys[i].key, keys[i].required);
}

static void test_config(void) {
  static const change changes[] = {
      {"architectures", NULL, "architectures: is missing"},
      {"architectures", "null", "architectures: is missing"},
      {"architectures", "\"LlamaForCausalLM\"", "architectures: is no array"},
      {"architectures", "[]", "architectures: is no array of one string"},
      {"architectures", "[1]", "architectures: is no array of one string"},
      {"architectures", "[\"a\", \"b\"]", "architectures: is no array of one string"},
      {"architectures", "[\"a\\nb\"]", "architectures: is not one line of text"},
      {"architectures", "[\"MambaForCausalLM\"]",
       "architectures: \"MambaForCausalLM\" is not supported, only \"LlamaForCausalLM\" is"},
      {"model_type", "\"mistral\"", "model_type: \"mistral\" is not supported"},
      {"model_type", "1", "model_type: is no string"},
      {"model_type", "\"\\u001b[2J\"", "model_type: is not one line of text"},
      {"hidden_act", "\"gelu\"", "hidden_act: \"gelu\" is not supported, only \"silu\" is"},
      {"attention_bias", "true", "attention_bias: biases are not supported"},
      {"attention_bias", "1", "attention_bias: is neither true nor false"},
      {"mlp_bias", "true", "mlp_bias: biases are not supported"},
      {"rope_scaling", "{\"type\": \"linear\", \"factor\": 2.0}",
       "rope_scaling: \"linear\": rope scaling is not supported"},
      {"rope_scaling", "{\"rope_type\": \"llama3\"}", "rope_scaling: \"llama3\": rope scaling"},
      {"rope_scaling", "{\"rope_type\": 3}", "rope_scaling: rope_type: is no string"},
      {"rope_scaling", "2.0", "rope_scaling: is no object"},
      {"rope_parameters", "{\"rope_type\": \"yarn\"}", "rope_parameters: \"yarn\": rope scaling"},
      {"rope_parameters", "{\"rope_theta\": \"big\"}", "rope_parameters: rope_theta: is no number"},
      {"rope_parameters", "[]", "rope_parameters: is no object"},
      {"partial_rotary_factor", "0.5", "partial_rotary_factor: heads that are rotated in part"},
      {"quantization_config", "{}", "quantization_config: weights that are quantized already"},
      {"tie_word_embeddings", "\"true\"", "tie_word_embeddings: is neither true nor false"},
      {"_name_or_path", "7", "_name_or_path: is no string"},
      {"_name_or_path", "\"a\\tb\"", "_name_or_path: is not one line of text"},
      {"vocab_size", "0", "vocab_size: 0 is not between 1 and 4194304"},
      {"vocab_size", "4194305", "vocab_size: 4194305 is not between"},
      {"vocab_size", "9223372036854775807", "vocab_size: 9223372036854775807 is not between"},
      {"max_position_embeddings", "1", "max_position_embeddings: 1 is not between 2 and 16777216"},
      {"hidden_size", "65505", "hidden_size: 65505 is not between 1 and 65504"},
      {"hidden_size", "34", "num_attention_heads: 4 does not divide the 34 channels"},
      {"intermediate_size", "0", "intermediate_size: 0 is not between"},
      {"num_hidden_layers", "0", "num_hidden_layers: 0 is not between 1 and 65536"},
      {"num_hidden_layers", "65537", "num_hidden_layers: 65537 is not between"},
      {"num_attention_heads", "8", "num_attention_heads: heads of 4 channels are not supported"},
      {"num_attention_heads", "3", "num_key_value_heads: 2 does not divide the 3 heads"},
      {"num_key_value_heads", "0", "num_key_value_heads: 0 is not between 1 and 4"},
      {"num_key_value_heads", "3", "num_key_value_heads: 3 does not divide the 4 heads"},
      {"num_key_value_heads", "5", "num_key_value_heads: 5 is not between 1 and 4"},
      {"head_dim", "12", "num_attention_heads: heads of 12 channels are not supported"},
      {"head_dim", "65504", "head_dim: 65504 is not between 1 and 16376"},
      {"rms_norm_eps", NULL, "rms_norm_eps: is missing"},
      {"rms_norm_eps", "\"1e-5\"", "rms_norm_eps: is no number"},
      {"rms_norm_eps", "0", "rms_norm_eps: 0 is not between 0 and 1"},
      {"rms_norm_eps", "1e-60", "rms_norm_eps: 1e-60 is not between 0 and 1"},
      {"rms_norm_eps", "-1e-5", "rms_norm_eps: -1e-05 is not between"},
      {"rms_norm_eps", "1", "rms_norm_eps: 1 is not between"},
      {"rope_theta", "[]", "rope_theta: is no number"},
      {"rope_theta", "0", "rope_theta: 0 is less than 1"},
      {"rope_theta", "-10000", "rope_theta: -10000 is less than 1"},
      {"rope_theta", "1e300", "rope_theta: 1e+300 is not below 1e+30"},
      {"bos_token_id", "265", "bos_token_id: 265 is not between 0 and 264"},
      {"eos_token_id", "[]", "eos_token_id: does not begin with a token"},
      {"eos_token_id", "[\"2\"]", "eos_token_id: does not begin with a token"},
      {"eos_token_id", "[265]", "eos_token_id: does not begin with a token"},
      {"eos_token_id", "[-1]", "eos_token_id: does not begin with a token"},
  };
  CHECK_CHANGES(CONFIG, changes);
}

/// Sizes that the weights do not have.
static void test_shapes(void) {
  static const change changes[] = {
      {"vocab_size", "266", "model.embed_tokens.weight: has 265 rows of 32, must have 266 of 32"},
      {"hidden_size", "64", "model.embed_tokens.weight: has 265 rows of 32, must have 265 of 64"},
      {"intermediate_size", "33",
       "model.layers.0.mlp.gate_proj.weight: has 32 rows of 32, must have 33"},
      {"num_hidden_layers", "2", "model.layers.1.input_layernorm.weight: this tensor is missing"},
      {"num_key_value_heads", "4", "model.layers.0.self_attn.k_proj.weight: has 16 rows of 32"},
      {"head_dim", "16", "model.layers.0.self_attn.q_proj.weight: has 32 rows of 32, must have 64"},
      {"tie_word_embeddings", "false", "lm_head.weight: this tensor is missing"},
  };
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
    model_folder *folder = tiny_folder(1);
    char expected[256];
    model_folder_set(folder->config, changes[i].place, changes[i].json);
    write_folder(folder);
    snprintf(expected, sizeof expected, ": %s", changes[i].expected);
    expect_folder_refusal(expected);
  }
}

static void test_vocabulary(void) {
  static char long_token[70100];
  snprintf(long_token, sizeof long_token, "{\"%070092d\":4}", 0);
  const change changes[] = {
      {"model", NULL, "model: is missing"},
      {"model", "[]", "model: is no object"},
      {"model/type", "\"Unigram\"", "model: type: \"Unigram\" is not supported, only \"BPE\" is"},
      {"model/type", "7", "model: type: is no string"},
      {"model/dropout", "0.1", "model: dropout: leaving out merges"},
      {"model/dropout", "\"\"", "model: dropout: is no number"},
      {"model/continuing_subword_prefix", "\"##\"", "model: continuing_subword_prefix: is not"},
      {"model/end_of_word_suffix", "\"</w>\"", "model: end_of_word_suffix: is not supported"},
      {"model/ignore_merges", "true", "model: ignore_merges: true is not supported with this"},
      {"model/ignore_merges", "0", "model: ignore_merges: is neither true nor false"},
      {"model/byte_fallback", "0", "model: byte_fallback: is neither true nor false"},
      {"model/vocab", NULL, "model: vocab: is missing"},
      {"model/vocab", "[\"a\"]", "model: vocab: is no object"},
      {"model/vocab", long_token, "model: vocab: token 4 has 70092 bytes, must have 1 to 65535"},
      {"model/vocab/a", "1.0", "model: vocab: the number of a token is no integer"},
      {"model/vocab/a", "\"1\"", "model: vocab: the number of a token is no integer"},
      {"model/vocab/a", "-1", "model: vocab: token -1 is not among the 265 of config.json's"},
      {"model/vocab/a", "265", "model: vocab: token 265 is not among the 265"},
      {"model/vocab/a", "9223372036854775807", "model: vocab: token 9223372036854775807 is not"},
      {"model/vocab/a", "5", "model: vocab: there are two tokens 5"},
      {"model/vocab/", "264", "model: vocab: token 264 has 0 bytes, must have 1 to 65535"},
      {"model/merges", NULL, "model: merges: is missing"},
      {"model/merges", "{}", "model: merges: is no array"},
      {"model/merges/1", "7", "model: merges: merge 1 is not two tokens"},
      {"model/merges/1", "\"\"", "model: merges: merge 1 is not two tokens"},
      {"model/merges/1", "\"ab\"", "model: merges: merge 1 is not two tokens"},
      {"model/merges/1", "[\"a\"]", "model: merges: merge 1 is not two tokens"},
      {"model/merges/1", "[\"a\", \"b\", \"c\"]", "model: merges: merge 1 is not two tokens"},
      {"model/merges/1", "[\"a\", 1]", "model: merges: merge 1 is not two tokens"},
      {"model/merges/1", "{\"a\": 1, \"b\": 2}", "model: merges: merge 1 is not two tokens"},
      {"model/merges/1", "\"xyz a\"", "model: merges: the left side of merge 1 is no token"},
      {"model/merges/1", "\"a xyz\"", "model: merges: the right side of merge 1 is no token"},
      {"model/merges/1", "[\"z\", \"z\"]", "model: merges: the result of merge 1 is no token"},
      {"model/merges/1", "[\"\", \"z\"]", "model: merges: the left side of merge 1 is no token"},
      {"added_tokens", "{}", "added_tokens: is no array"},
      {"added_tokens/1", "7", "added_tokens: entry 1: id: is missing"},
      {"added_tokens/1/id", "\"1\"", "added_tokens: entry 1: id: is no integer"},
      {"added_tokens/1/id", "-1", "added_tokens: entry 1: id: -1 is not between"},
      {"added_tokens/1/id", "265", "added_tokens: entry 1: token 265 is not among the 265"},
      {"added_tokens/1/id", "5", "added_tokens: entry 1: tokens 1 and 5 are the same"},
      {"added_tokens/1/content", NULL, "added_tokens: entry 1: content: is missing or no string"},
      {"added_tokens/1/content", "1", "added_tokens: entry 1: content: is missing or no string"},
      {"added_tokens/1/content", "\"\"", "added_tokens: entry 1: token 1 has 0 bytes"},
      {"added_tokens/1/content", "\"new\"", "added_tokens: entry 1: there are two tokens 1"},
      {"added_tokens/1/content", "\"a\"", "added_tokens: entry 1: tokens "},
      {"added_tokens/1/special", "1", "added_tokens: entry 1: special: is neither true nor false"},
      {"added_tokens/1",
       "{\"id\": 1, \"content\": \"<|im_start|>\", \"special\": false, \"lstrip\": true}",
       "added_tokens: entry 1: lstrip: is not supported"},
  };
  CHECK_CHANGES(TOKENIZER, changes);
}

#define TEMPLATE(single_) "{\"type\":\"TemplateProcessing\",\"single\":" single_ TOKENS "}"
#define TOKENS ",\"special_tokens\":{\"<s>\":{\"ids\":[1]},\"two\":{\"ids\":[1,2]}}"
#define SPECIAL(name_) "{\"SpecialToken\":{\"id\":\"" name_ "\"}}"
#define TEXT "{\"Sequence\":{\"id\":\"A\"}}"

static void test_steps(void) {
  static const change changes[] = {
      {"normalizer", "7", "normalizer: is no object"},
      {"normalizer", "{}", "normalizer: type: is missing"},
      {"normalizer", "{\"type\":\"Lowercase\"}", "normalizer: \"Lowercase\" is not supported"},
      {"normalizer", "{\"type\":\"NFC\"}", "normalizer and pre_tokenizer: what they do together"},
      {"normalizer", "{\"type\":\"Sequence\"}", "normalizer: normalizers: is missing"},
      {"normalizer", "{\"type\":\"Sequence\",\"normalizers\":[7]}", "normalizer: type: is missing"},
      {"normalizer", "{\"type\":\"Prepend\"}", "normalizer: Prepend: prepend: is missing"},
      {"normalizer", "{\"type\":\"Prepend\",\"prepend\":\"_\"}",
       "normalizer: \"Prepend _\" is not supported"},
      {"normalizer", "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" \"},\"content\":\"\"}",
       "normalizer: Replace: pattern: String: is missing"},
      {"normalizer", "{\"type\":\"Replace\",\"pattern\":{\"String\":\"  \"},\"content\":\"x\"}",
       "normalizer: \"Replace '  ' by x\" is not supported"},
      {"pre_tokenizer", NULL, "normalizer and pre_tokenizer: what they do together"},
      {"pre_tokenizer", "[]", "pre_tokenizer: is no object"},
      {"pre_tokenizer", "{\"type\":7}", "pre_tokenizer: type: is no string"},
      {"pre_tokenizer", "{\"type\":\"Whitespace\"}",
       "pre_tokenizer: \"Whitespace\" is not supported"},
      {"pre_tokenizer", "{\"type\":\"ByteLevel\"}",
       "pre_tokenizer: \"ByteLevel with expression with a space before\" is not supported"},
      {"pre_tokenizer", "{\"type\":\"ByteLevel\",\"use_regex\":1}",
       "pre_tokenizer: ByteLevel: use_regex: is neither"},
      {"pre_tokenizer", "{\"type\":\"Digits\",\"individual_digits\":false}",
       "pre_tokenizer: \"Digits\" is not supported"},
      {"pre_tokenizer", "{\"type\":\"Split\",\"behavior\":\"Isolated\"}",
       "pre_tokenizer: Split: pattern: is missing"},
      {"pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a+\"}}",
       "pre_tokenizer: Split: behavior: is missing"},
      {"pre_tokenizer",
       "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a+\"},\"behavior\":\"Isolated\"}",
       "pre_tokenizer: \"Split a+\" is not supported"},
      {"pre_tokenizer",
       "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a+\"},\"behavior\":\"Removed\"}",
       "pre_tokenizer: \"Split otherwise by a+\" is not supported"},
      {"pre_tokenizer", "{\"type\":\"Metaspace\",\"replacement\":\"\u2581\"}",
       "pre_tokenizer: \"Metaspace always split\" is not supported"},
      {"pre_tokenizer",
       "{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"first\","
       "\"split\":false}",
       "pre_tokenizer: \"Metaspace first by _\" is not supported"},
      {"pre_tokenizer",
       "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"A\"},{\"type\":\"B\"},"
       "{\"type\":\"C\"},{\"type\":\"D\"}]}",
       "pre_tokenizer: has more than 3 steps"},
      {"post_processor", "7", "post_processor: is no object"},
      {"post_processor", "{}", "post_processor: type: is missing"},
      {"post_processor", "{\"type\":\"BertProcessing\"}",
       "post_processor: \"BertProcessing\" is not supported"},
      {"post_processor", "{\"type\":\"Sequence\"}", "post_processor: processors: is missing"},
      {"post_processor", "{\"type\":\"Sequence\",\"processors\":[[]]}",
       "post_processor: type: is missing"},
      {"post_processor", "{\"type\":\"TemplateProcessing\"}",
       "post_processor: TemplateProcessing: single: is missing"},
      {"post_processor", TEMPLATE("[]"), "post_processor: TemplateProcessing: single: is not"},
      {"post_processor", TEMPLATE("[7]"), "post_processor: TemplateProcessing: single: is not"},
      {"post_processor", TEMPLATE("[" TEXT "," SPECIAL("<s>") "]"),
       "post_processor: TemplateProcessing: single: is not supported, only a text with one"},
      {"post_processor", TEMPLATE("[" SPECIAL("<s>") "," SPECIAL("<s>") "," TEXT "]"),
       "post_processor: TemplateProcessing: single: is not supported, only a text with one"},
      {"post_processor", TEMPLATE("[7," TEXT "]"),
       "post_processor: TemplateProcessing: single: SpecialToken: id: is missing"},
      {"post_processor", TEMPLATE("[" SPECIAL("none") "," TEXT "]"),
       "post_processor: TemplateProcessing: special_tokens: has no token for one of `single`"},
      {"post_processor", TEMPLATE("[" SPECIAL("two") "," TEXT "]"),
       "post_processor: TemplateProcessing: special_tokens: has no token for one of `single`"},
      {"post_processor",
       "{\"type\":\"TemplateProcessing\",\"single\":[" SPECIAL(
           "<s>") "," TEXT "],\"special_tokens\":{\"<s>\":{\"ids\":[265]}}}",
       "post_processor: TemplateProcessing: special_tokens: has no token for one of `single`"},
      {"post_processor",
       "{\"type\":\"TemplateProcessing\",\"single\":[" SPECIAL(
           "<s>") "," TEXT "],\"special_tokens\":{\"<s>\":{\"ids\":[2]}}}",
       "post_processor: TemplateProcessing: single: texts begin with token 2, but the model's bos"},
  };
  CHECK_CHANGES(TOKENIZER, changes);
}

static void test_fallback(void) {
  static const change changes[] = {
      {"unk_token", "1", "model: unk_token: is no string"},
      {"unk_token", "\"no such token\"", "model: unk_token: is no token"},
      {"fuse_unk", "false", "model: fuse_unk: unknown characters that are a token each"},
      {"fuse_unk", "1", "model: fuse_unk: is neither true nor false"},
      {"ignore_merges", "true", "model: ignore_merges: true is not supported"},
  };
  for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
    model_folder *folder = tiny_folder(1);
    char expected[256];
    model_folder_set(folder->tokenizer, "pre_tokenizer", "null");
    model_folder_set(
        folder->tokenizer, "normalizer",
        "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\u2581\"}");
    json_t *model = json_object_get(folder->tokenizer, "model");
    model_folder_set(model, "unk_token", "\"<|endoftext|>\"");
    model_folder_set(model, "fuse_unk", "true");
    model_folder_set(model, changes[i].place, changes[i].json);
    write_folder(folder);
    snprintf(expected, sizeof expected, "/tokenizer.json: %s", changes[i].expected);
    expect_folder_refusal(expected);
  }
}

static void test_tokenizer_config(void) {
  static const change changes[] = {
      {"bos_token", "7", "bos_token: is no string"},
      {"bos_token", "{}", "bos_token: is no string"},
      {"bos_token", "[]", "bos_token: is no string"},
      {"bos_token", "\"\"", "bos_token: is no token"},
      {"eos_token", "\"no such token\"", "eos_token: is no token"},
      {"eos_token", "{\"content\": \"no such token\"}", "eos_token: is no token"},
  };
  CHECK_CHANGES(TOKENIZER_CONFIG, changes);
}

/// What is no JSON object, in each of the files.
static void test_broken_json(void) {
  static const char *const names[] = {"config.json", "tokenizer.json", "tokenizer_config.json"};
  static const struct {
    const char *text, *expected;
  } cases[] = {
      {"", "the file is empty"},
      {"{", "broken JSON in line 1, at byte 1"},
      {"{\"a\": 1,}", "broken JSON"},
      {"{} x", "broken JSON"},
      {"{\"a\": 1, \"a\": 1}", "broken JSON"},
      {"{\"a\": \"\xff\"}", "broken JSON"},
      {"{\"a\\u0000\": 1}", "broken JSON"},
      {"{\"a\": 1e999}", "broken JSON"},
      {"[]", "must be a JSON object"},
      {"\"text\"", "broken JSON"},
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    model_folder *folder = tiny_folder(1);
    folder->tokenizer_config = json_object();
    write_folder(folder);
    for (size_t j = 0; j < sizeof cases / sizeof *cases; j++) {
      char expected[128];
      REQUIRE(model_folder_write_file(MALFORMED_FOLDER, names[i], cases[j].text,
                                      strlen(cases[j].text)));
      snprintf(expected, sizeof expected, "/%s: %s", names[i], cases[j].expected);
      expect_folder_refusal(expected);
    }
  }
}

/// Nesting that would use up the stack of a careless parser.
static void test_nesting(void) {
  enum { DEPTH = 200000 };
  static const char *const names[] = {"config.json", "tokenizer.json"};
  static const char *const openings[] = {"{\"normalizer\":", "{\"normalizers\":["};
  for (size_t i = 0; i < 2; i++) {
    write_folder(tiny_folder(1));
    for (size_t j = 0; j < 2; j++) {
      size_t step = strlen(openings[j]);
      char *text = malloc(DEPTH * step), expected[64];
      REQUIRE(text);
      for (size_t k = 0; k < DEPTH; k++)
        memcpy(text + k * step, openings[j], step);
      REQUIRE(model_folder_write_file(MALFORMED_FOLDER, names[i], text, DEPTH * step));
      free(text);
      snprintf(expected, sizeof expected, "/%s: broken JSON", names[i]);
      expect_folder_refusal(expected);
    }
  }
}

static void test_missing_files(void) {
  static const char *const names[] = {"config.json", "tokenizer.json"};
  for (size_t i = 0; i < 2; i++) {
    char path[64], expected[64];
    write_folder(tiny_folder(1));
    snprintf(path, sizeof path, MALFORMED_FOLDER "/%s", names[i]);
    REQUIRE(unlink(path) == 0);
    snprintf(expected, sizeof expected, "/%s: cannot open: No such file", names[i]);
    expect_folder_refusal(expected);
    REQUIRE(mkdir(path, 0777) == 0);
    snprintf(expected, sizeof expected, "/%s: is a directory", names[i]);
    expect_folder_refusal(expected);
    REQUIRE(rmdir(path) == 0);
  }
}

int main(void) {
  test_integers();
  test_config();
  test_shapes();
  test_vocabulary();
  test_steps();
  test_fallback();
  test_tokenizer_config();
  test_broken_json();
  test_nesting();
  test_missing_files();
  return check_result();
}

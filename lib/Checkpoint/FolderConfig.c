#include "Folder.h"
#include <string.h>

static const binq_field_names field_names = {
    .head_count = "num_attention_heads",
    .kv_head_count = "num_key_value_heads",
    .norm_epsilon = "rms_norm_eps",
    .rope_base = "rope_theta",
};

/// A field that has one supported value, which it may be left out for.
static binq_status expect_text(const json_t *config, const char *key, const char *expected) {
  const char *value = expected;
  BINQ_TRY(binq_json_text(config, key, false, &value));
  if (strcmp(value, expected) != 0)
    return binq_errorf("%s: \"%.64s\" is not supported, only \"%s\" is", key, value, expected);
  return BINQ_OK;
}

static binq_status expect_false(const json_t *config, const char *key, const char *what) {
  bool value = false;
  BINQ_TRY(binq_json_bool(config, key, &value));
  return value ? binq_errorf("%s: %s are not supported", key, what) : BINQ_OK;
}

static binq_status check_architecture(const json_t *config) {
  const json_t *names = NULL;
  BINQ_TRY(binq_json_array(config, "architectures", true, &names));
  const json_t *name = json_array_get(names, 0);
  if (json_array_size(names) != 1 || !json_is_string(name))
    return binq_errorf("architectures: is no array of one string");
  binq_bytes text = {json_string_value(name), json_string_length(name)};
  if (!binq_is_text(text))
    return binq_errorf("architectures: is not one line of text");
  if (!binq_bytes_equal(text, "LlamaForCausalLM"))
    return binq_errorf("architectures: \"%.*s\" is not supported, only \"LlamaForCausalLM\" is",
                       BINQ_QUOTED(text));
  return expect_text(config, "model_type", "llama");
}

/// Rotation that is the same for all contexts may be spelled out; its kind is in either field.
static binq_status check_rope_kind(const json_t *config, const char *key) {
  const json_t *rope = NULL;
  BINQ_TRY(binq_json_object(config, key, false, &rope));
  if (!rope)
    return BINQ_OK;
  const char *kind = "default";
  BINQ_TRY(binq_annotate(binq_json_text(rope, "type", false, &kind), "%s", key));
  BINQ_TRY(binq_annotate(binq_json_text(rope, "rope_type", false, &kind), "%s", key));
  if (strcmp(kind, "default") != 0)
    return binq_errorf("%s: \"%.64s\": rope scaling is not supported", key, kind);
  return BINQ_OK;
}

static binq_status check_features(const json_t *config) {
  BINQ_TRY(expect_false(config, "attention_bias", "biases"));
  BINQ_TRY(expect_false(config, "mlp_bias", "biases"));
  BINQ_TRY(expect_text(config, "hidden_act", "silu"));
  BINQ_TRY(check_rope_kind(config, "rope_scaling"));
  BINQ_TRY(check_rope_kind(config, "rope_parameters"));
  double rotated = 1;
  BINQ_TRY(binq_json_number(config, "partial_rotary_factor", false, &rotated));
  if (rotated != 1)
    return binq_errorf("partial_rotary_factor: heads that are rotated in part are not supported");
  if (binq_json_find(config, "quantization_config"))
    return binq_errorf("quantization_config: weights that are quantized already are not supported");
  return BINQ_OK;
}

static binq_status read_sizes(const json_t *config, binq_model *model) {
  BINQ_TRY(binq_json_integer(config, "vocab_size", true, 1, BINQ_TOKEN_COUNT_LIMIT,
                             &model->vocabulary_size));
  BINQ_TRY(binq_json_integer(config, "max_position_embeddings", true, 2, BINQ_CONTEXT_LIMIT,
                             &model->context_length));
  BINQ_TRY(
      binq_json_integer(config, "hidden_size", true, 1, BINQ_CHANNEL_LIMIT, &model->hidden_size));
  BINQ_TRY(binq_json_integer(config, "intermediate_size", true, 1, BINQ_CHANNEL_LIMIT,
                             &model->ffn_size));
  BINQ_TRY(binq_json_integer(config, "num_hidden_layers", true, 1, BINQ_TENSOR_COUNT_LIMIT,
                             &model->layer_count));
  BINQ_TRY(binq_json_integer(config, field_names.head_count, true, 1, BINQ_CHANNEL_LIMIT,
                             &model->head_count));
  model->kv_head_count = model->head_count;
  BINQ_TRY(binq_json_integer(config, field_names.kv_head_count, false, 1, model->head_count,
                             &model->kv_head_count));
  BINQ_TRY(binq_json_integer(config, "head_dim", false, 1, BINQ_CHANNEL_LIMIT / model->head_count,
                             &model->head_size));
  return binq_check_heads(model, &field_names);
}

/// Newer files have the base of the rotation beside its kind.
static binq_status read_rope(const json_t *config, binq_model *model) {
  model->rope_base = 10000; // what a file without the field means
  BINQ_TRY(binq_json_number(config, field_names.rope_base, false, &model->rope_base));
  const json_t *rope = NULL;
  BINQ_TRY(binq_json_object(config, "rope_parameters", false, &rope));
  if (rope)
    BINQ_TRY(binq_annotate(binq_json_number(rope, field_names.rope_base, false, &model->rope_base),
                           "rope_parameters"));
  return binq_check_rope_base(model, &field_names);
}

/// The last part of a path or of "owner/name".
static const char *last_part(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/// The name that the file has of the model, or else that of the folder.
static binq_status read_name(const binq_folder *folder, binq_model *model) {
  const char *name = "";
  BINQ_TRY(binq_json_text(folder->config, "_name_or_path", false, &name));
  name = last_part(name);
  if (!*name || *name == '.')
    name = last_part(folder->path);
  if (*name == '.' || !binq_is_text((binq_bytes){name, strlen(name)}))
    name = "";
  char *copy = NULL;
  BINQ_TRY(binq_arena_copy_string(folder->opened->arena, name, strlen(name), &copy));
  model->name = copy;
  model->license = "";
  return BINQ_OK;
}

binq_status binq_folder_read_config(const binq_folder *folder) {
  const json_t *config = folder->config;
  binq_model *model = &folder->opened->model;
  BINQ_TRY(check_architecture(config));
  model->architecture = "llama";
  BINQ_TRY(check_features(config));
  BINQ_TRY(read_sizes(config, model));
  double epsilon = 0;
  BINQ_TRY(binq_json_number(config, field_names.norm_epsilon, true, &epsilon));
  BINQ_TRY(binq_set_norm_epsilon(model, &field_names, epsilon));
  BINQ_TRY(read_rope(config, model));
  BINQ_TRY(binq_json_bool(config, "tie_word_embeddings", &model->tied_embedding));
  return read_name(folder, model);
}

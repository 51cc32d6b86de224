#include "Internal.h"
#include <string.h>

static const binq_field_names field_names = {
    .head_count = "llama.attention.head_count",
    .kv_head_count = "llama.attention.head_count_kv",
    .norm_epsilon = "llama.attention.layer_norm_rms_epsilon",
    .rope_base = "llama.rope.freq_base",
};

bool binq_bytes_equal(binq_bytes bytes, const char *text) {
  return bytes.length == strlen(text) && memcmp(bytes.bytes, text, bytes.length) == 0;
}

static binq_status copy_text(const binq_gguf *gguf, const char *key, binq_arena *arena,
                             const char **out) {
  binq_bytes text = {"", 0};
  BINQ_TRY(binq_gguf_text(gguf, key, false, &text));
  char *copy = NULL;
  BINQ_TRY(binq_arena_copy_string(arena, text.bytes, text.length, &copy));
  *out = copy;
  return BINQ_OK;
}

static binq_status check_architecture(const binq_gguf *gguf) {
  binq_bytes name;
  BINQ_TRY(binq_gguf_text(gguf, "general.architecture", true, &name));
  if (!binq_bytes_equal(name, "llama"))
    return binq_errorf("general.architecture: \"%.*s\" is not supported, only \"llama\" is",
                       BINQ_QUOTED(name));
  int64_t parts = 0;
  BINQ_TRY(binq_gguf_integer(gguf, "split.count", false, 0, INT64_MAX, &parts));
  if (parts > 1)
    return binq_errorf(
        "split.count: models split into several files are not supported, merge them first");
  return BINQ_OK;
}

/// What a llama model may say about itself. A key that is in neither list changes what the model
/// computes in a way that is not known here, so it is refused.
static const char *const known_keys[] = {
    "llama.attention.head_count",   "llama.attention.head_count_kv",
    "llama.attention.key_length",   "llama.attention.layer_norm_rms_epsilon",
    "llama.attention.value_length", "llama.block_count",
    "llama.context_length",         "llama.embedding_length",
    "llama.feed_forward_length",    "llama.rope.dimension_count",
    "llama.rope.freq_base",         "llama.vocab_size",
    "llama.tensor_data_layout", // how the converter's input was laid out
};

/// Features that are not run; a value of zero means a model without them.
static const struct {
  const char *key, *what;
} refused_features[] = {
    {"llama.expert_count", "mixtures of experts"},
    {"llama.expert_used_count", "mixtures of experts"},
    {"llama.attention.sliding_window", "sliding windows"},
};

static bool is_known(const char *key) {
  for (size_t i = 0; i < sizeof known_keys / sizeof *known_keys; i++)
    if (strcmp(key, known_keys[i]) == 0)
      return true;
  return false;
}

static bool is_refusable(const char *key) {
  for (size_t i = 0; i < sizeof refused_features / sizeof *refused_features; i++)
    if (strcmp(key, refused_features[i].key) == 0)
      return true;
  return false;
}

static binq_status check_rope_scaling(const binq_gguf *gguf, const char *key) {
  binq_bytes type = {"", 0};
  if (strcmp(key, "llama.rope.scaling.type") == 0)
    BINQ_TRY(binq_gguf_text(gguf, key, true, &type));
  if (binq_bytes_equal(type, "none"))
    return BINQ_OK;
  return binq_errorf("%s: rope scaling is not supported", key);
}

static binq_status check_features(const binq_gguf *gguf) {
  for (size_t i = 0; i < sizeof refused_features / sizeof *refused_features; i++) {
    int64_t value = 0;
    BINQ_TRY(binq_gguf_integer(gguf, refused_features[i].key, false, 0, INT64_MAX, &value));
    if (value != 0)
      return binq_errorf("%s: %s are not supported", refused_features[i].key,
                         refused_features[i].what);
  }
  for (size_t i = 0; i < gguf->field_count; i++) {
    const char *key = gguf->fields[i].key;
    if (strncmp(key, "llama.", 6) != 0 || is_known(key) || is_refusable(key))
      continue;
    if (strncmp(key, "llama.rope.scal", 15) != 0)
      return binq_errorf("%s: this property of a model is not known to binq", key);
    BINQ_TRY(check_rope_scaling(gguf, key));
  }
  return BINQ_OK;
}

static binq_status read_sizes(const binq_gguf *gguf, binq_model *model) {
  BINQ_TRY(binq_gguf_integer(gguf, "llama.context_length", true, 2, BINQ_CONTEXT_LIMIT,
                             &model->context_length));
  BINQ_TRY(binq_gguf_integer(gguf, "llama.embedding_length", true, 1, BINQ_CHANNEL_LIMIT,
                             &model->hidden_size));
  BINQ_TRY(binq_gguf_integer(gguf, "llama.feed_forward_length", true, 1, BINQ_CHANNEL_LIMIT,
                             &model->ffn_size));
  // Every layer has tensors, so this bounds what is done for each before the tensors are looked
  // for.
  BINQ_TRY(binq_gguf_integer(gguf, "llama.block_count", true, 1, (int64_t)gguf->tensor_count,
                             &model->layer_count));
  double epsilon = 0;
  BINQ_TRY(binq_gguf_float(gguf, field_names.norm_epsilon, true, &epsilon));
  return binq_set_norm_epsilon(model, &field_names, epsilon);
}

static binq_status read_heads(const binq_gguf *gguf, binq_model *model) {
  BINQ_TRY(binq_gguf_integer(gguf, field_names.head_count, true, 1, BINQ_CHANNEL_LIMIT,
                             &model->head_count));
  model->kv_head_count = model->head_count;
  BINQ_TRY(binq_gguf_integer(gguf, field_names.kv_head_count, false, 1, model->head_count,
                             &model->kv_head_count));
  BINQ_TRY(binq_gguf_integer(gguf, "llama.attention.key_length", false, 1,
                             BINQ_CHANNEL_LIMIT / model->head_count, &model->head_size));
  return binq_check_heads(model, &field_names);
}

/// Sizes that the format lets differ from the head's, and binq does not.
static binq_status check_head_size(const binq_gguf *gguf, const binq_model *model,
                                   const char *key) {
  int64_t size = model->head_size;
  BINQ_TRY(binq_gguf_integer(gguf, key, false, 1, INT64_MAX, &size));
  if (size != model->head_size)
    return binq_errorf("%s: %lld is not supported, only the size of a head, %lld", key,
                       (long long)size, (long long)model->head_size);
  return BINQ_OK;
}

static binq_status read_rope(const binq_gguf *gguf, binq_model *model) {
  BINQ_TRY(check_head_size(gguf, model, "llama.attention.value_length"));
  BINQ_TRY(check_head_size(gguf, model, "llama.rope.dimension_count"));
  model->rope_base = 10000; // what a file without the field means
  BINQ_TRY(binq_gguf_float(gguf, field_names.rope_base, false, &model->rope_base));
  return binq_check_rope_base(model, &field_names);
}

binq_status binq_read_hyperparameters(const binq_gguf *gguf, binq_arena *arena, binq_model *model) {
  BINQ_TRY(check_architecture(gguf));
  model->architecture = "llama";
  BINQ_TRY(copy_text(gguf, "general.name", arena, &model->name));
  BINQ_TRY(copy_text(gguf, "general.license", arena, &model->license));
  BINQ_TRY(check_features(gguf));
  BINQ_TRY(read_sizes(gguf, model));
  BINQ_TRY(read_heads(gguf, model));
  return read_rope(gguf, model);
}

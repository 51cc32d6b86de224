#include "Internal.h"
#include <stdio.h>
#include <string.h>

/// The tensors found so far: what is left over in the end has no place in the model.
typedef struct {
  const binq_tensor_table *table;
  bool *used;
  binq_tensor *found;
  size_t count;
  binq_arena *arena;
  binq_name_table *names; ///< of those found
} tensor_search;

/// A tensor that a model has: what either format calls it (of a layer's, the part behind the
/// layer's number), and its shape. A vector has one row.
typedef struct {
  const char *names[2]; ///< by binq_naming
  int64_t rows, columns;
  int64_t heads; ///< that are rotated, of queries and keys
} expected_tensor;

/// The name of a tensor of a layer; layer -1 is none.
static binq_status full_name(tensor_search *search, const expected_tensor *expected, int64_t layer,
                             binq_naming naming, char **out) {
  static const char *const layers[] = {"blk", "model.layers"};
  if (layer < 0)
    return binq_arena_format(search->arena, out, "%s.weight", expected->names[naming]);
  return binq_arena_format(search->arena, out, "%s.%lld.%s.weight", layers[naming],
                           (long long)layer, expected->names[naming]);
}

/// The tensor must be there, with this shape.
static binq_status expect(tensor_search *search, const expected_tensor *expected, int64_t layer) {
  char *name = NULL, *name_in_file = NULL;
  BINQ_TRY(full_name(search, expected, layer, BINQ_NAMES_GGUF, &name));
  BINQ_TRY(full_name(search, expected, layer, search->table->naming, &name_in_file));
  int64_t index =
      binq_name_table_find(&search->table->names, (binq_bytes){name_in_file, strlen(name_in_file)});
  if (index < 0)
    return binq_errorf("%s: this tensor is missing", name_in_file);
  binq_tensor tensor = search->table->tensors[index];
  if (tensor.rows != expected->rows || tensor.columns != expected->columns)
    return binq_errorf("%s: has %lld rows of %lld, must have %lld of %lld", name_in_file,
                       (long long)tensor.rows, (long long)tensor.columns, (long long)expected->rows,
                       (long long)expected->columns);
  tensor.name = name;
  if (expected->heads && search->table->naming == BINQ_NAMES_HUGGING_FACE)
    tensor.half_head = expected->rows / expected->heads / 2;
  search->used[index] = true;
  binq_name_table_insert(search->names, (binq_bytes){name, strlen(name)}, (uint32_t)search->count);
  search->found[search->count++] = tensor;
  return BINQ_OK;
}

static binq_status expect_layer(tensor_search *search, const binq_model *model, int64_t layer) {
  int64_t hidden = model->hidden_size, ffn = model->ffn_size;
  int64_t queries = model->head_count * model->head_size;
  int64_t keys = model->kv_head_count * model->head_size;
  const expected_tensor tensors[] = {
      {{"attn_norm", "input_layernorm"}, 1, hidden, 0},
      {{"attn_q", "self_attn.q_proj"}, queries, hidden, model->head_count},
      {{"attn_k", "self_attn.k_proj"}, keys, hidden, model->kv_head_count},
      {{"attn_v", "self_attn.v_proj"}, keys, hidden, 0},
      {{"attn_output", "self_attn.o_proj"}, hidden, queries, 0},
      {{"ffn_norm", "post_attention_layernorm"}, 1, hidden, 0},
      {{"ffn_gate", "mlp.gate_proj"}, ffn, hidden, 0},
      {{"ffn_up", "mlp.up_proj"}, ffn, hidden, 0},
      {{"ffn_down", "mlp.down_proj"}, hidden, ffn, 0},
  };
  for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
    BINQ_TRY(expect(search, &tensors[i], layer));
  return BINQ_OK;
}

static bool ends_with(const char *text, const char *end) {
  size_t length = strlen(text), end_length = strlen(end);
  return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/// Says what a tensor that nothing asked for stands for.
static binq_status refuse(const char *name) {
  if (ends_with(name, ".bias"))
    return binq_errorf("%s: biases are not supported", name);
  if (strncmp(name, "rope_", 5) == 0)
    return binq_errorf("%s: rope scaling is not supported", name);
  if (strstr(name, "_exps") || strstr(name, "_shexp") || strstr(name, "ffn_gate_inp"))
    return binq_errorf("%s: mixtures of experts are not supported", name);
  return binq_errorf("%s: this tensor has no place in the model", name);
}

static binq_status expect_all(tensor_search *search, const binq_model *model) {
  int64_t vocabulary = model->vocabulary_size, hidden = model->hidden_size;
  const expected_tensor embedding = {{"token_embd", "model.embed_tokens"}, vocabulary, hidden, 0};
  const expected_tensor norm = {{"output_norm", "model.norm"}, 1, hidden, 0};
  const expected_tensor output = {{"output", "lm_head"}, vocabulary, hidden, 0};
  BINQ_TRY(expect(search, &embedding, -1));
  BINQ_TRY(expect(search, &norm, -1));
  if (!model->tied_embedding)
    BINQ_TRY(expect(search, &output, -1));
  for (int64_t i = 0; i < model->layer_count; i++)
    BINQ_TRY(expect_layer(search, model, i));
  return BINQ_OK;
}

binq_status binq_take_tensors(binq_open_model *opened, const binq_tensor_table *table) {
  tensor_search search = {.table = table, .arena = opened->arena, .names = &opened->names};
  BINQ_TRY(binq_arena_allocate(opened->arena, table->count, sizeof *search.used, &search.used));
  BINQ_TRY(binq_arena_allocate(opened->arena, table->count, sizeof *search.found, &search.found));
  BINQ_TRY(binq_name_table_create(opened->arena, table->count, &opened->names));
  BINQ_TRY(expect_all(&search, &opened->model));
  for (size_t i = 0; i < table->count; i++)
    if (!search.used[i])
      return refuse(table->tensors[i].name);
  opened->model.tensors = search.found;
  opened->model.tensor_count = search.count;
  return BINQ_OK;
}

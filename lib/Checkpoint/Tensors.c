#include "Internal.h"
#include <stdio.h>
#include <string.h>

/// The tensors found so far: what is left over in the end has no place in the model.
typedef struct {
  const binq_gguf *gguf;
  bool *used;
} tensor_search;

/// The tensor must be there, with this shape. A vector has one row.
static binq_status expect(tensor_search *search, const char *name, int64_t rows, int64_t columns) {
  int64_t index = binq_name_table_find(&search->gguf->names, (binq_bytes){name, strlen(name)});
  if (index < 0)
    return binq_errorf("%s: this tensor is missing", name);
  const binq_tensor *tensor = &search->gguf->tensors[index];
  if (tensor->rows != rows || tensor->columns != columns)
    return binq_errorf("%s: has %lld rows of %lld, must have %lld of %lld", name,
                       (long long)tensor->rows, (long long)tensor->columns, (long long)rows,
                       (long long)columns);
  search->used[index] = true;
  return BINQ_OK;
}

static binq_status expect_layer(tensor_search *search, const binq_model *model, int64_t layer) {
  int64_t hidden = model->hidden_size, ffn = model->ffn_size;
  int64_t queries = model->head_count * model->head_size;
  int64_t keys = model->kv_head_count * model->head_size;
  const struct {
    const char *kind;
    int64_t rows, columns;
  } tensors[] = {
      {"attn_norm", 1, hidden},  {"attn_q", queries, hidden},      {"attn_k", keys, hidden},
      {"attn_v", keys, hidden},  {"attn_output", hidden, queries}, {"ffn_norm", 1, hidden},
      {"ffn_gate", ffn, hidden}, {"ffn_up", ffn, hidden},          {"ffn_down", hidden, ffn},
  };
  for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
    char name[64];
    snprintf(name, sizeof name, "blk.%lld.%s.weight", (long long)layer, tensors[i].kind);
    BINQ_TRY(expect(search, name, tensors[i].rows, tensors[i].columns));
  }
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

static binq_status read_vocabulary_size(const binq_gguf *gguf, binq_model *model) {
  model->vocabulary_size = model->vocabulary.token_count;
  int64_t size = model->vocabulary_size;
  BINQ_TRY(binq_gguf_integer(gguf, "llama.vocab_size", false, 1, INT32_MAX, &size));
  if (size != model->vocabulary_size)
    return binq_errorf("llama.vocab_size: is %lld, but there are %lld tokens", (long long)size,
                       (long long)model->vocabulary_size);
  return BINQ_OK;
}

binq_status binq_check_tensors(const binq_gguf *gguf, binq_arena *arena, binq_model *model) {
  tensor_search search = {.gguf = gguf};
  BINQ_TRY(binq_arena_allocate(arena, gguf->tensor_count, sizeof *search.used, &search.used));
  BINQ_TRY(read_vocabulary_size(gguf, model));
  int64_t vocabulary = model->vocabulary_size, hidden = model->hidden_size;
  BINQ_TRY(expect(&search, "token_embd.weight", vocabulary, hidden));
  BINQ_TRY(expect(&search, "output_norm.weight", 1, hidden));
  model->tied_embedding = binq_name_table_find(&gguf->names, (binq_bytes){"output.weight", 13}) < 0;
  if (!model->tied_embedding)
    BINQ_TRY(expect(&search, "output.weight", vocabulary, hidden));
  for (int64_t i = 0; i < model->layer_count; i++)
    BINQ_TRY(expect_layer(&search, model, i));
  for (size_t i = 0; i < gguf->tensor_count; i++)
    if (!search.used[i])
      return refuse(gguf->tensors[i].name);
  model->tensors = gguf->tensors;
  model->tensor_count = gguf->tensor_count;
  return BINQ_OK;
}

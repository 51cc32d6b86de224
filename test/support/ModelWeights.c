#include "support/ModelFile.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t next_random(uint64_t *state) {
  uint64_t value = (*state += 0x9e3779b97f4a7c15u);
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
  value = (value ^ value >> 27) * 0x94d049bb133111ebu;
  return value ^ value >> 31;
}

/// Close to a normal distribution, and the same on every machine: the sum of 12 uniform numbers.
static float random_normal(uint64_t *state) {
  int64_t sum = 0;
  for (int i = 0; i < 12; i++)
    sum += (int64_t)(next_random(state) >> 40);
  return (float)((double)sum / (1 << 24) - 6.0);
}

static void add_values(model_file *file, const char *name, int64_t rows, int64_t columns,
                       binq_tensor_type type, float *values) {
  model_file_tensor *tensor = model_file_tensor_add(file, name, rows, columns);
  size_t count = (size_t)((rows ? rows : 1) * columns);
  if (columns % model_file_block(type) != 0)
    type = BINQ_TENSOR_F16;
  free(tensor->data);
  tensor->data = model_file_encode(type, values, count, &tensor->size);
  tensor->type = model_file_type_number(type);
  free(values);
}

static float *new_values(int64_t count) {
  float *values = malloc((size_t)count * sizeof *values);
  if (!values)
    exit(1);
  return values;
}

/// Normally distributed, with one input channel in 50 three times as large.
static void add_matrix(model_file *file, const char *name, int64_t rows, int64_t columns,
                       binq_tensor_type type, uint64_t *state) {
  float *values = new_values(rows * columns);
  float deviation = 1 / sqrtf((float)columns);
  for (int64_t i = 0; i < rows * columns; i++)
    values[i] = random_normal(state) * deviation * (i % columns % 50 == 17 ? 3.0f : 1.0f);
  add_values(file, name, rows, columns, type, values);
}

/// Around 1, with one channel in 40 six times as large: what makes outliers in the activations.
static void add_norm(model_file *file, const char *name, int64_t size, uint64_t *state) {
  float *values = new_values(size);
  for (int64_t i = 0; i < size; i++)
    values[i] = (1 + 0.1f * random_normal(state)) * (i % 40 == 11 ? 6.0f : 1.0f);
  add_values(file, name, 0, size, BINQ_TENSOR_F32, values);
}

static void add_layer(model_file *file, const model_file_options *options, int64_t layer,
                      uint64_t *state) {
  int64_t hidden = options->hidden, ffn = options->ffn;
  int64_t keys = hidden / options->heads * options->kv_heads;
  const struct {
    const char *kind;
    int64_t rows, columns;
    binq_tensor_type type;
  } matrices[] = {
      {"attn_q", hidden, hidden, options->attention},
      {"attn_k", keys, hidden, options->attention},
      {"attn_v", keys, hidden, options->attention},
      {"attn_output", hidden, hidden, options->attention},
      {"ffn_gate", ffn, hidden, options->ffn_type},
      {"ffn_up", ffn, hidden, options->ffn_type},
      {"ffn_down", hidden, ffn, options->ffn_type},
  };
  char name[64];
  for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++) {
    snprintf(name, sizeof name, "blk.%lld.%s.weight", (long long)layer, matrices[i].kind);
    add_matrix(file, name, matrices[i].rows, matrices[i].columns, matrices[i].type, state);
  }
  snprintf(name, sizeof name, "blk.%lld.attn_norm.weight", (long long)layer);
  add_norm(file, name, hidden, state);
  snprintf(name, sizeof name, "blk.%lld.ffn_norm.weight", (long long)layer);
  add_norm(file, name, hidden, state);
}

void model_file_make_weights(model_file *file, const model_file_options *options) {
  uint64_t state = options->seed;
  add_matrix(file, "token_embd.weight", options->vocabulary, options->hidden, options->embedding,
             &state);
  for (int64_t i = 0; i < options->layers; i++)
    add_layer(file, options, i, &state);
  add_norm(file, "output_norm.weight", options->hidden, &state);
  if (!options->tied)
    add_matrix(file, "output.weight", options->vocabulary, options->hidden, options->output,
               &state);
}

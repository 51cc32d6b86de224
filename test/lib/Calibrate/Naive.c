#include "Naive.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double *zeros(int64_t count) {
  double *made = calloc((size_t)count, sizeof *made);
  if (!made)
    abort();
  return made;
}

static float *weights_of(const binq_model *model, const char *name, int64_t *rows) {
  const binq_tensor *tensor = binq_model_tensor(model, name);
  float *values = calloc((size_t)(tensor->rows * tensor->columns), sizeof *values);
  if (!values)
    abort();
  binq_tensor_dequantize(tensor, 0, tensor->rows, values);
  *rows = tensor->rows;
  return values;
}

static const char *part_name(int64_t layer, const char *part, char out[64]) {
  snprintf(out, 64, "blk.%lld.%s.weight", (long long)layer, part);
  return out;
}

/// A layer's linears in program order, and the input that each reads.
enum { Q, K, V, OUTPUT, GATE, UP, DOWN };
static const char *const names[] = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                                    "ffn_gate", "ffn_up", "ffn_down"};
static const int inputs_of[] = {0, 0, 0, 1, 2, 2, 3};

/// y [length][rows] = x w^T; both x and w have `columns`.
static double *multiply(const float *w, int64_t rows, int64_t length, int64_t columns,
                        const double *x) {
  double *y = zeros(length * rows);
  for (int64_t t = 0; t < length; t++)
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = 0; j < columns; j++)
        y[t * rows + i] += x[t * columns + j] * (double)w[i * columns + j];
  return y;
}

/// The linear with quantized weights on quantized activations, in channel order.
static double *quantized_linear(const binq_quantized_layer *layer, int which, int64_t length,
                                const double *x) {
  const binq_quantized_linear *linear = &layer->linears[which];
  const binq_quantized_input *input = &layer->inputs[inputs_of[which]];
  int64_t columns = linear->format.columns, padded = (columns + 31) / 32 * 32;
  float *w = calloc((size_t)(linear->format.rows * padded), sizeof *w);
  float *row = calloc((size_t)columns, sizeof *row), *coded = calloc((size_t)padded, sizeof *coded);
  double *all = zeros(length * padded);
  binq_pool *pool;
  if (!w || !row || !coded || binq_pool_create(1, &pool))
    abort();
  binq_dequantize(linear, w);
  for (int64_t t = 0; t < length; t++) {
    for (int64_t j = 0; j < columns; j++)
      row[j] = (float)x[t * columns + j];
    binq_simulate_activations(pool, row, 1, input->order, &linear->format, input->levels, coded);
    for (int64_t j = 0; j < padded; j++)
      all[t * padded + j] = (double)coded[j];
  }
  double *y = multiply(w, linear->format.rows, length, padded, all);
  binq_pool_destroy(pool);
  free(w);
  free(row);
  free(coded);
  free(all);
  return y;
}

/// The layer that is being computed.
typedef struct {
  const binq_model *model;
  int64_t layer, length;
  const binq_quantized_layer *quantized;
  int64_t quantized_inputs;
} scope;

static double *linear(const scope *s, int which, int64_t columns, const double *x) {
  if (s->quantized && inputs_of[which] < s->quantized_inputs)
    return quantized_linear(s->quantized, which, s->length, x);
  char name[64];
  int64_t rows;
  float *w = weights_of(s->model, part_name(s->layer, names[which], name), &rows);
  double *y = multiply(w, rows, s->length, columns, x);
  free(w);
  return y;
}

/// With the weights `given`, or else the model's.
static double *norm(const binq_model *model, const char *name, const float *given, int64_t length,
                    const double *x) {
  int64_t hidden = model->hidden_size, rows;
  float *own = weights_of(model, name, &rows);
  const float *w = given ? given : own;
  double *y = zeros(length * hidden);
  for (int64_t t = 0; t < length; t++) {
    double sum = 0;
    for (int64_t j = 0; j < hidden; j++)
      sum += x[t * hidden + j] * x[t * hidden + j];
    double scale = 1 / sqrt(sum / (double)hidden + (double)model->norm_epsilon);
    for (int64_t j = 0; j < hidden; j++)
      y[t * hidden + j] = x[t * hidden + j] * scale * (double)w[j];
  }
  free(own);
  return y;
}

static void rotate(const binq_model *model, int64_t length, int64_t heads, double *x) {
  int64_t size = model->head_size;
  for (int64_t t = 0; t < length; t++)
    for (int64_t h = 0; h < heads; h++)
      for (int64_t i = 0; i < size / 2; i++) {
        double angle = (double)t * pow(model->rope_base, -2.0 * (double)i / (double)size);
        double *pair = x + (t * heads + h) * size + 2 * i;
        double a = pair[0], b = pair[1];
        pair[0] = a * cos(angle) - b * sin(angle);
        pair[1] = a * sin(angle) + b * cos(angle);
      }
}

/// What head `h` of row t sees, added up to out[head_size].
static void attend(const binq_model *model, int64_t t, int64_t h, const double *q, const double *k,
                   const double *v, double *out) {
  int64_t size = model->head_size, kv_heads = model->kv_head_count;
  int64_t kv = h / (model->head_count / kv_heads);
  double total = 0;
  for (int64_t p = 0; p <= t; p++) {
    double score = 0;
    for (int64_t d = 0; d < size; d++)
      score += q[d] * k[(p * kv_heads + kv) * size + d];
    double weight = exp(score / sqrt((double)size));
    total += weight;
    for (int64_t d = 0; d < size; d++)
      out[d] += weight * v[(p * kv_heads + kv) * size + d];
  }
  for (int64_t d = 0; d < size; d++)
    out[d] /= total;
}

static double *attention(const scope *s, const double *normed) {
  const binq_model *model = s->model;
  int64_t heads = model->head_count, size = model->head_size, hidden = model->hidden_size;
  double *q = linear(s, Q, hidden, normed);
  double *k = linear(s, K, hidden, normed);
  double *v = linear(s, V, hidden, normed);
  double *mixed = zeros(s->length * heads * size);
  rotate(model, s->length, heads, q);
  rotate(model, s->length, model->kv_head_count, k);
  for (int64_t t = 0; t < s->length; t++)
    for (int64_t h = 0; h < heads; h++)
      attend(model, t, h, q + (t * heads + h) * size, k, v, mixed + (t * heads + h) * size);
  free(q);
  free(k);
  free(v);
  return mixed;
}

static double *gate(const scope *s, const double *normed) {
  double *g = linear(s, GATE, s->model->hidden_size, normed);
  double *u = linear(s, UP, s->model->hidden_size, normed);
  for (int64_t i = 0; i < s->length * s->model->ffn_size; i++)
    g[i] = g[i] / (1 + exp(-g[i])) * u[i];
  free(u);
  return g;
}

void naive_layer(const binq_model *model, int64_t layer, const binq_quantized_layer *quantized,
                 int64_t quantized_inputs, int64_t length, const double *x, double *y,
                 naive_inputs *inputs) {
  char name[64];
  scope s = {model, layer, length, quantized, quantized_inputs};
  int64_t count = length * model->hidden_size;
  const float *vectors = quantized ? quantized->vectors : NULL;
  const float *second = vectors ? vectors + (model->hidden_size + 31) / 32 * 32 : NULL;
  inputs->normed = norm(model, part_name(layer, "attn_norm", name), vectors, length, x);
  inputs->mixed = attention(&s, inputs->normed);
  double *output = linear(&s, OUTPUT, model->head_count * model->head_size, inputs->mixed);
  for (int64_t i = 0; i < count; i++)
    output[i] += x[i];
  inputs->ffn_normed = norm(model, part_name(layer, "ffn_norm", name), second, length, output);
  inputs->gated = gate(&s, inputs->ffn_normed);
  double *down = linear(&s, DOWN, model->ffn_size, inputs->gated);
  for (int64_t i = 0; i < count; i++)
    y[i] = output[i] + down[i];
  inputs->middle = output;
  free(down);
}

void naive_free(naive_inputs *inputs) {
  free(inputs->normed);
  free(inputs->mixed);
  free(inputs->ffn_normed);
  free(inputs->gated);
  free(inputs->middle);
}

void naive_head_input(const binq_model *model, int64_t length, const double *x, double *y) {
  double *normed = norm(model, "output_norm.weight", NULL, length, x);
  for (int64_t i = 0; i < length * model->hidden_size; i++)
    y[i] = normed[i];
  free(normed);
}

void naive_head(const binq_model *model, int64_t length, const double *x, double *y) {
  double *normed = norm(model, "output_norm.weight", NULL, length, x);
  int64_t rows;
  float *w = weights_of(model, "output.weight", &rows);
  double *logits = multiply(w, rows, length, model->hidden_size, normed);
  for (int64_t i = 0; i < length * rows; i++)
    y[i] = logits[i];
  free(w);
  free(normed);
  free(logits);
}

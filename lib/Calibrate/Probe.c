#include "binq/Calibrate/Probe.h"
#include "Divergence.h"
#include "Internal.h"

#include "runtime/Exponential.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/// Tokens whose logits are held at a time.
enum { HEAD_TOKENS = 32 };

/// Errors that the embedding is tried with, in parts of the root mean square of its rows: about
/// those of four planes.
static const float trial_error = 0.1F;

struct binq_probe {
  binq_graph *graph;
  int64_t window, stride, logit_stride;
  const int32_t *tokens;
  float *inputs;        ///< [layers + 1][window][stride]: of every layer, and of the head
  float *probabilities; ///< [window][vocabulary]: what the float model foretells
  double *expectations; ///< [window]: the expected logarithm of these probabilities
  float *x, *y;         ///< [window][stride]
  float *logits;        ///< [HEAD_TOKENS][logit_stride]
  double *divergences;  ///< [window]
  float *cache;
};

static size_t window_floats(const binq_probe *p) {
  return (size_t)(p->window * p->stride);
}

static float *input_of(const binq_probe *p, int64_t layer) {
  return p->inputs + layer * p->window * p->stride;
}

static void run_layer(const binq_probe *p, int64_t layer, const linear_mode *mode, const float *x,
                      float *y) {
  batch rows = {1, p->window, 0, p->cache, binq_round_up(p->window, BINQ_CACHE_MULTIPLE)};
  binq_graph_run_layer(p->graph, layer, &rows, mode, x, y);
}

// --- logits

/// Rows of logits being taken in: tokens [begin, begin + count).
typedef struct {
  const binq_probe *probe;
  int64_t begin, count;
} logit_rows;

static void keep_rows(void *argument, int64_t thread, int64_t threads) {
  const logit_rows *rows = argument;
  const binq_probe *p = rows->probe;
  int64_t vocabulary = p->graph->model.vocabulary_size;
  for (int64_t i = thread; i < rows->count; i += threads) {
    const float *logits = p->logits + i * p->logit_stride;
    float *out = p->probabilities + (rows->begin + i) * vocabulary;
    double normal = binq_log_of_sum(logits, vocabulary), expectation = 0;
    for (int64_t v = 0; v < vocabulary; v++) {
      double logarithm = (double)logits[v] - normal;
      out[v] = binq_exponential((float)logarithm);
      expectation += (double)out[v] * logarithm;
    }
    p->expectations[rows->begin + i] = expectation;
  }
}

static void compare_rows(void *argument, int64_t thread, int64_t threads) {
  const logit_rows *rows = argument;
  const binq_probe *p = rows->probe;
  int64_t vocabulary = p->graph->model.vocabulary_size;
  for (int64_t i = thread; i < rows->count; i += threads) {
    const float *logits = p->logits + i * p->logit_stride;
    const float *probabilities = p->probabilities + (rows->begin + i) * vocabulary;
    double normal = binq_log_of_sum(logits, vocabulary), cross = 0;
    for (int64_t v = 0; v < vocabulary; v++)
      cross += (double)probabilities[v] * ((double)logits[v] - normal);
    p->divergences[rows->begin + i] = p->expectations[rows->begin + i] - cross;
  }
}

/// Makes the logits of x [window][stride], some at a time, and hands them to `take`.
static void run_head(const binq_probe *p, const linear_mode *mode, const float *x,
                     void (*take)(void *, int64_t, int64_t)) {
  for (int64_t begin = 0; begin < p->window; begin += HEAD_TOKENS) {
    int64_t left = p->window - begin;
    logit_rows rows = {p, begin, left < HEAD_TOKENS ? left : HEAD_TOKENS};
    binq_graph_run_head(p->graph, mode, x + begin * p->stride, rows.count, p->logits);
    binq_pool_run(p->graph->pool, take, &rows);
  }
}

/// Runs what is in p->x from `layer` to the end and compares.
static double run_rest(binq_probe *p, int64_t layer, const linear_mode *head) {
  for (; layer < p->graph->model.layer_count; layer++) {
    run_layer(p, layer, NULL, p->x, p->y);
    float *x = p->x;
    p->x = p->y;
    p->y = x;
  }
  run_head(p, head, p->x, compare_rows);
  double sum = 0;
  for (int64_t i = 0; i < p->window; i++)
    sum += p->divergences[i];
  return sum / (double)p->window;
}

// --- what is replaced

double binq_probe_linear(binq_probe *p, int64_t layer, int64_t linear,
                         const binq_replacement *replacement) {
  linear_mode mode = {.replacement = replacement, .replaced = linear};
  run_layer(p, layer, &mode, input_of(p, layer), p->x);
  return run_rest(p, layer + 1, NULL);
}

double binq_probe_tables(binq_probe *p, const binq_replacement *embedding,
                         const binq_replacement *head) {
  linear_mode mode = {.replacement = head, .replaced = 0};
  memcpy(p->x, input_of(p, embedding ? 0 : p->graph->model.layer_count),
         window_floats(p) * sizeof *p->x);
  for (int64_t i = 0; embedding && i < p->window; i++)
    embedding->read(embedding->weights, p->tokens[i], (int64_t)p->tokens[i] + 1,
                    p->x + i * p->stride);
  return run_rest(p, embedding ? 0 : p->graph->model.layer_count, &mode);
}

// --- embedding and head

/// 1 or -1, one like the other.
static float next_sign(uint64_t *state) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return *state >> 63 ? 1.0F : -1.0F;
}

/// The divergence that errors of size `error` in the embedded rows bring about.
static double disturb_embedding(binq_probe *p, float error) {
  const float *x = input_of(p, 0);
  uint64_t state = 1;
  memset(p->x, 0, window_floats(p) * sizeof *p->x);
  for (int64_t i = 0; i < p->window; i++)
    for (int64_t j = 0; j < p->graph->model.hidden_size; j++)
      p->x[i * p->stride + j] = x[i * p->stride + j] + error * next_sign(&state);
  return run_rest(p, 0, NULL);
}

static double mean_square(const float *x, int64_t rows, int64_t columns, int64_t stride) {
  double sum = 0;
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++)
      sum += (double)x[i * stride + j] * (double)x[i * stride + j];
  return sum / (double)(rows * columns);
}

/// What independent errors of size 1 in the head's weights would bring about, were they small: they
/// add noise of the variance |x|^2 to each logit, and the divergence is half the variance of that
/// noise under the probabilities p: |x|^2 (1 - sum of p^2) / 2.
static binq_status expect_of_head(binq_probe *p, double *out) {
  const binq_graph_function *head = &p->graph->head->public;
  const binq_graph_linear *linear = head->linears;
  if (head->linear_count != 1)
    return binq_errorf("the head has %lld linears where one makes logits",
                       (long long)head->linear_count);
  int64_t vocabulary = p->graph->model.vocabulary_size, columns = linear->columns;
  float *gathered = NULL;
  BINQ_TRY(
      binq_allocate((size_t)(p->window * columns), sizeof *gathered, "linear inputs", &gathered));
  linear_mode mode = {.gathered = &gathered, .inputs_only = true};
  binq_graph_run_head(p->graph, &mode, input_of(p, p->graph->model.layer_count), p->window, NULL);
  double sum = 0;
  for (int64_t i = 0; i < p->window; i++) {
    const float *probabilities = p->probabilities + i * vocabulary;
    double square = mean_square(probabilities, 1, vocabulary, 0) * (double)vocabulary;
    double length = mean_square(gathered + i * columns, 1, columns, 0) * (double)columns;
    sum += length * (1 - square) / 2;
  }
  free(gathered);
  *out = sum / (double)p->window;
  return BINQ_OK;
}

binq_status binq_probe_embedding_share(binq_probe *p, double *out) {
  double of_head;
  BINQ_TRY(expect_of_head(p, &of_head));
  double square = mean_square(input_of(p, 0), p->window, p->graph->model.hidden_size, p->stride);
  float error = trial_error * (float)sqrt(square);
  double of_embedding = disturb_embedding(p, error) / ((double)error * (double)error);
  *out = of_head > 0 && isfinite(of_embedding) && of_embedding > 0 ? of_embedding / of_head : 0;
  return BINQ_OK;
}

// --- the float model

static binq_status allocate(binq_probe *p) {
  const binq_model_info *model = &p->graph->model;
  int64_t capacity = binq_round_up(p->window, BINQ_CACHE_MULTIPLE);
  size_t cache = (size_t)binq_graph_cache_floats(p->graph, 1, capacity), floats;
  p->stride = binq_round_up(model->hidden_size, BINQ_ROW_MULTIPLE);
  p->logit_stride = binq_round_up(model->vocabulary_size, BINQ_ROW_MULTIPLE);
  size_t rows = (size_t)p->window;
  BINQ_TRY(binq_graph_reserve(p->graph, p->window, capacity));
  BINQ_TRY(binq_size_multiply(window_floats(p), (size_t)model->layer_count + 1, "layer inputs",
                              &floats));
  BINQ_TRY(binq_allocate(floats, sizeof(float), "layer inputs", &p->inputs));
  BINQ_TRY(binq_size_multiply(rows, (size_t)model->vocabulary_size, "predictions", &floats));
  BINQ_TRY(binq_allocate(floats, sizeof(float), "predictions", &p->probabilities));
  BINQ_TRY(binq_allocate(rows, sizeof(double), "predictions", &p->expectations));
  BINQ_TRY(binq_allocate(rows, sizeof(double), "predictions", &p->divergences));
  BINQ_TRY(binq_allocate(window_floats(p), sizeof(float), "activations", &p->x));
  BINQ_TRY(binq_allocate(window_floats(p), sizeof(float), "activations", &p->y));
  BINQ_TRY(
      binq_allocate(HEAD_TOKENS * (size_t)p->logit_stride, sizeof(float), "logits", &p->logits));
  return binq_allocate(cache, sizeof(float), "a layer's cache", &p->cache);
}

static void run_float_model(const binq_probe *p) {
  int64_t layers = p->graph->model.layer_count;
  binq_graph_run_embed(p->graph, p->tokens, p->window, input_of(p, 0));
  for (int64_t layer = 0; layer < layers; layer++)
    run_layer(p, layer, NULL, input_of(p, layer), input_of(p, layer + 1));
  run_head(p, NULL, input_of(p, layers), keep_rows);
}

binq_status binq_probe_create(binq_graph *graph, const int32_t *tokens, int64_t window,
                              binq_probe **out) {
  *out = NULL;
  BINQ_TRY(binq_graph_check_tokens(graph, tokens, window));
  binq_probe *p;
  BINQ_TRY(binq_allocate(1, sizeof *p, "a probe", &p));
  *p = (binq_probe){.graph = graph, .window = window, .tokens = tokens};
  binq_status status = allocate(p);
  if (status) {
    binq_probe_destroy(p);
    return status;
  }
  run_float_model(p);
  *out = p;
  return BINQ_OK;
}

void binq_probe_destroy(binq_probe *p) {
  if (!p)
    return;
  free(p->inputs);
  free(p->probabilities);
  free(p->expectations);
  free(p->x);
  free(p->y);
  free(p->logits);
  free(p->divergences);
  free(p->cache);
  free(p);
}

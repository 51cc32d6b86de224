// Perplexity of the float graph: the reference for every quantized form of it.
#include "Internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/// Tokens whose logits are held at a time.
enum { HEAD_TOKENS = 256 };

typedef struct {
  binq_graph *graph;
  int64_t window;
  float *x, *y, *cache, *logits;
  double *losses; ///< [HEAD_TOKENS]
} evaluation;

/// Rows of logits and the tokens that follow.
typedef struct {
  const float *logits;
  int64_t stride, vocabulary, count;
  const int32_t *next;
  double *losses;
} prediction;

static double loss_of(const float *logits, int64_t count, int32_t next) {
  float largest = logits[0];
  for (int64_t i = 1; i < count; i++)
    largest = logits[i] > largest ? logits[i] : largest;
  double sum = 0;
  for (int64_t i = 0; i < count; i++)
    sum += exp((double)logits[i] - (double)largest);
  return log(sum) + (double)largest - (double)logits[next];
}

static void predict(void *argument, int64_t thread, int64_t threads) {
  const prediction *p = argument;
  for (int64_t i = thread; i < p->count; i += threads)
    p->losses[i] = loss_of(p->logits + i * p->stride, p->vocabulary, p->next[i]);
}

static double head_loss(const evaluation *e, const int32_t *tokens) {
  int64_t vocabulary = e->graph->model.vocabulary_size;
  int64_t hidden = binq_round_up(e->graph->model.hidden_size, BINQ_ROW_MULTIPLE);
  double total = 0;
  for (int64_t begin = 0; begin < e->window - 1; begin += HEAD_TOKENS) {
    int64_t left = e->window - 1 - begin;
    int64_t count = left < HEAD_TOKENS ? left : HEAD_TOKENS;
    binq_graph_run_head(e->graph, NULL, e->x + begin * hidden, count, e->logits);
    prediction p = {e->logits,          binq_round_up(vocabulary, BINQ_ROW_MULTIPLE),
                    vocabulary,         count,
                    tokens + begin + 1, e->losses};
    binq_pool_run(e->graph->pool, predict, &p);
    for (int64_t i = 0; i < count; i++)
      total += e->losses[i];
  }
  return total;
}

static double window_loss(evaluation *e, const int32_t *tokens) {
  batch rows = {1, e->window, 0, e->cache, binq_round_up(e->window, BINQ_CACHE_MULTIPLE)};
  binq_graph_run_embed(e->graph, tokens, e->window, e->x);
  for (int64_t layer = 0; layer < e->graph->model.layer_count; layer++) {
    binq_graph_run_layer(e->graph, layer, &rows, NULL, e->x, e->y);
    float *x = e->x;
    e->x = e->y;
    e->y = x;
  }
  return head_loss(e, tokens);
}

static binq_status evaluate(evaluation *e, const int32_t *tokens, int64_t windows,
                            const binq_progress *progress, double *out) {
  double loss = 0;
  for (int64_t w = 0; w < windows; w++) {
    char step[64];
    snprintf(step, sizeof step, "window %lld of %lld", (long long)w + 1, (long long)windows);
    binq_progress_report(progress, "measuring perplexity", step, (double)w / (double)windows);
    loss += window_loss(e, tokens + w * e->window);
  }
  *out = exp(loss / (double)(windows * (e->window - 1)));
  return BINQ_OK;
}

static binq_status allocate(evaluation *e) {
  const binq_model_info *model = &e->graph->model;
  size_t hidden = (size_t)binq_round_up(model->hidden_size, BINQ_ROW_MULTIPLE);
  size_t logits = (size_t)binq_round_up(model->vocabulary_size, BINQ_ROW_MULTIPLE);
  int64_t capacity = binq_round_up(e->window, BINQ_CACHE_MULTIPLE);
  size_t cache = (size_t)binq_graph_cache_floats(e->graph, 1, capacity);
  BINQ_TRY(binq_graph_reserve(e->graph, e->window, capacity));
  BINQ_TRY(binq_allocate((size_t)e->window * hidden, sizeof(float), "activations", &e->x));
  BINQ_TRY(binq_allocate((size_t)e->window * hidden, sizeof(float), "activations", &e->y));
  BINQ_TRY(binq_allocate(cache, sizeof(float), "a layer's cache", &e->cache));
  BINQ_TRY(binq_allocate(HEAD_TOKENS * logits, sizeof(float), "logits", &e->logits));
  return binq_allocate(HEAD_TOKENS, sizeof(double), "losses", &e->losses);
}

binq_status binq_graph_perplexity(binq_graph *graph, const int32_t *tokens, int64_t windows,
                                  int64_t window, const binq_progress *progress, double *out) {
  if (windows < 1 || window < 2)
    return binq_errorf("perplexity needs a window of at least two tokens");
  BINQ_TRY(binq_graph_check_tokens(graph, tokens, windows * window));
  evaluation e = {.graph = graph, .window = window};
  binq_status status = allocate(&e);
  if (!status)
    status = evaluate(&e, tokens, windows, progress, out);
  free(e.x);
  free(e.y);
  free(e.cache);
  free(e.logits);
  free(e.losses);
  return status;
}

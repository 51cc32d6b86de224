// What the head of the float model reads.
#include "Internal.h"

#include "binq/Quantize/Quantize.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  binq_graph *graph;
  int64_t window;
  float *texts[2], *cache;
  float **gathered; ///< by input: [window][columns]
} reading;

static int64_t columns_of(const binq_graph_function *function, int64_t input) {
  int64_t first = 0;
  while (function->linears[first].input != input)
    first++;
  return function->linears[first].columns;
}

static void observe(reading *r, const int32_t *tokens, int64_t windows,
                    const binq_progress *progress, float *const *sums) {
  const binq_graph_function *head = &r->graph->head->public;
  batch rows = {1, r->window, 0, r->cache, binq_round_up(r->window, BINQ_CACHE_MULTIPLE)};
  for (int64_t w = 0; w < windows; w++) {
    char step[64];
    snprintf(step, sizeof step, "window %lld of %lld", (long long)w + 1, (long long)windows);
    binq_progress_report(progress, "observing the head", step, (double)w / (double)windows);
    binq_graph_run_body(r->graph, tokens + w * r->window, &rows, r->texts);
    linear_mode mode = {.gathered = r->gathered, .inputs_only = true};
    binq_graph_run_head(r->graph, &mode, r->texts[0], r->window, NULL);
    for (int64_t i = 0; i < head->input_count; i++)
      binq_hessian_add(r->graph->pool, sums[i], columns_of(head, i), r->gathered[i], r->window);
  }
}

static binq_status allocate(reading *r) {
  const binq_graph_function *head = &r->graph->head->public;
  size_t rows = (size_t)r->window;
  size_t hidden = (size_t)binq_round_up(r->graph->model.hidden_size, BINQ_ROW_MULTIPLE);
  int64_t capacity = binq_round_up(r->window, BINQ_CACHE_MULTIPLE);
  size_t cache = (size_t)binq_graph_cache_floats(r->graph, 1, capacity);
  BINQ_TRY(binq_graph_reserve(r->graph, r->window, capacity));
  for (int i = 0; i < 2; i++)
    BINQ_TRY(binq_allocate(rows * hidden, sizeof(float), "activations", &r->texts[i]));
  BINQ_TRY(binq_allocate(cache, sizeof(float), "a layer's cache", &r->cache));
  BINQ_TRY(binq_allocate((size_t)head->input_count, sizeof *r->gathered, "linear inputs",
                         (void *)&r->gathered));
  for (int64_t i = 0; i < head->input_count; i++)
    BINQ_TRY(binq_allocate(rows * (size_t)columns_of(head, i), sizeof(float), "linear inputs",
                           &r->gathered[i]));
  return BINQ_OK;
}

binq_status binq_graph_observe_head(binq_graph *graph, const int32_t *tokens, int64_t windows,
                                    int64_t window, const binq_progress *progress,
                                    float *const *sums) {
  BINQ_TRY(binq_graph_check_tokens(graph, tokens, windows * window));
  reading r = {.graph = graph, .window = window};
  binq_status status = allocate(&r);
  if (!status)
    observe(&r, tokens, windows, progress, sums);
  for (int64_t i = 0; r.gathered && i < graph->head->public.input_count; i++)
    free(r.gathered[i]);
  free((void *)r.gathered);
  free(r.texts[0]);
  free(r.texts[1]);
  free(r.cache);
  return status;
}

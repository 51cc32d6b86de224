#include "binq/Calibrate/Gradient.h"
#include "Internal.h"

#include <stdlib.h>
#include <string.h>

/// A run forward and back, and the memory it takes besides the graph's.
typedef struct {
  binq_graph *graph;
  int64_t layer;
  batch rows;
  linear_mode mode;
  float *y;       ///< the layer's output, or the gradient by its input where nobody wants it
  float *vectors; ///< likewise the gradients by its vectors
} run;

static binq_status reserve_cache(binq_graph *graph, batch *rows) {
  graph_gradients *gradients = &graph->gradients;
  int64_t floats = binq_graph_cache_floats(graph, rows->sequences, rows->capacity);
  if (gradients->cache_floats < floats) {
    free(gradients->cache);
    gradients->cache = NULL;
    gradients->cache_floats = 0;
    BINQ_TRY(binq_allocate((size_t)floats, sizeof(float), "a layer's cache", &gradients->cache));
    gradients->cache_floats = floats;
  }
  rows->cache = gradients->cache;
  return BINQ_OK;
}

static binq_status prepare(run *r) {
  const binq_graph_function *layer = binq_graph_layer(r->graph, r->layer);
  size_t count = (size_t)(r->rows.sequences * r->rows.length);
  size_t stride = (size_t)binq_round_up(r->graph->model.hidden_size, BINQ_ROW_MULTIPLE);
  BINQ_TRY(binq_graph_reserve(r->graph, (int64_t)count, r->rows.capacity));
  BINQ_TRY(reserve_cache(r->graph, &r->rows));
  BINQ_TRY(binq_allocate(count * stride, sizeof(float), "activations", &r->y));
  BINQ_TRY(binq_allocate((size_t)layer->vector_floats, sizeof(float), "a gradient", &r->vectors));
  if (r->mode.gradient->inputs)
    BINQ_TRY(binq_allocate(count * (size_t)r->graph->widest, sizeof(float), "quantized activations",
                           &r->mode.activations));
  return BINQ_OK;
}

typedef struct {
  host h;
  binq_memref y, dy;
  int64_t count;
} comparison;

static void compare(void *argument, int64_t thread, int64_t threads) {
  comparison *c = argument;
  binq_host_output_gradient(&c->h, &c->y, &c->dy, c->count, thread, threads);
}

/// Forward only, when nothing is wanted but to see the output.
static binq_status run_forward(run *r, const float *x) {
  binq_graph *graph = r->graph;
  int64_t count = r->rows.sequences * r->rows.length;
  int64_t floats = count * binq_round_up(graph->model.hidden_size, BINQ_ROW_MULTIPLE);
  float *dy;
  BINQ_TRY(binq_allocate((size_t)floats, sizeof *dy, "activations", &dy));
  binq_graph_run_layer(graph, r->layer, &r->rows, &r->mode, x, r->y);
  comparison c = {{graph, &graph->layers[r->layer], &r->mode},
                  {r->y, r->y, 0, floats, 1},
                  {dy, dy, 0, floats, 1},
                  count};
  binq_pool_run(graph->pool, compare, &c);
  free(dy);
  return BINQ_OK;
}

static binq_status find(run *r, const float *x, float *dx) {
  const binq_layer_gradient *gradient = r->mode.gradient;
  bool is_forward = !dx && !gradient->vector_gradient && !gradient->weight_gradient;
  if (!is_forward)
    BINQ_TRY(binq_graph_compile_gradients(r->graph));
  BINQ_TRY(prepare(r));
  if (is_forward)
    return run_forward(r, x);
  binq_graph_run_gradient(r->graph, r->layer, &r->rows, &r->mode, x, dx ? dx : r->y,
                          gradient->vector_gradient ? gradient->vector_gradient : r->vectors);
  return BINQ_OK;
}

binq_status binq_graph_layer_gradient(binq_graph *graph, int64_t layer, int64_t sequences,
                                      int64_t length, const binq_layer_gradient *gradient,
                                      const float *x, float *dx) {
  if (sequences < 1 || length < 1)
    return binq_errorf("a gradient needs at least one sequence of one token");
  run r = {.graph = graph,
           .layer = layer,
           .rows = {.sequences = sequences,
                    .length = length,
                    .capacity = binq_round_up(length, BINQ_CACHE_MULTIPLE)},
           .mode = {.gradient = gradient}};
  binq_status status = find(&r, x, dx);
  free(r.y);
  free(r.vectors);
  free(r.mode.activations);
  return status;
}

binq_status binq_graph_head_gradient(binq_graph *graph, int64_t count,
                                     const binq_layer_gradient *gradient, const float *x,
                                     float *dx) {
  linear_mode mode = {.gradient = gradient};
  BINQ_TRY(binq_graph_compile_head_gradient(graph));
  BINQ_TRY(binq_graph_reserve_head_gradient(graph, count));
  if (gradient->inputs)
    BINQ_TRY(binq_allocate((size_t)(count * graph->widest), sizeof(float), "quantized activations",
                           &mode.activations));
  binq_graph_run_head_gradient(graph, &mode, x, count, dx, gradient->vector_gradient);
  free(mode.activations);
  return BINQ_OK;
}

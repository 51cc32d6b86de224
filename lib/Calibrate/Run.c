// Runs a compiled function on all threads of the pool.
#include "Internal.h"

#include "runtime/Rope.h"
#include <stdlib.h>

enum { WORKSPACE, WEIGHTS, CACHE, ROPE, VECTORS };
enum { BASE, COUNT, SEQUENCES, CAPACITY, NUMBERS };
enum { MAX_TENSORS = 16, MAX_ARGUMENTS = VECTORS + NUMBERS + 3 + MAX_TENSORS };

/// One call: the environment that every compiled function takes first, then its own tensors.
typedef struct {
  host h;
  binq_memref environment[VECTORS];
  int64_t numbers[NUMBERS];
  binq_memref tensors[MAX_TENSORS];
  int tensor_count;
} call;

static binq_memref memref_of(const void *data, int64_t size) {
  return (binq_memref){(void *)data, (void *)data, 0, size, 1};
}

/// Compiled code takes an array with the address of every argument; a memref is passed by the
/// address of its descriptor.
static void run_thread(void *argument, int64_t thread, int64_t threads) {
  call *c = argument;
  host *h = &c->h;
  binq_memref *descriptors[VECTORS + MAX_TENSORS];
  void *arguments[MAX_ARGUMENTS];
  int used = 0, described = 0;
  for (int i = 0; i < VECTORS; i++) {
    descriptors[described] = &c->environment[i];
    arguments[used++] = &descriptors[described++];
  }
  for (int i = 0; i < NUMBERS; i++)
    arguments[used++] = &c->numbers[i];
  arguments[used++] = &h;
  arguments[used++] = &thread;
  arguments[used++] = &threads;
  for (int i = 0; i < c->tensor_count; i++) {
    descriptors[described] = &c->tensors[i];
    arguments[used++] = &descriptors[described++];
  }
  h->function->call(arguments);
}

/// The small parameters that a run takes.
static const float *vectors_of(const graph_function *function, const linear_mode *mode) {
  if (mode->quantized && mode->quantized->vectors)
    return mode->quantized->vectors;
  if (mode->gradient && mode->gradient->vectors)
    return mode->gradient->vectors;
  return function->public.vector_values;
}

static call call_of(binq_graph *graph, const graph_function *function, const linear_mode *mode,
                    const batch *rows) {
  const binq_graph_function *public = &function->public;
  int64_t cache = rows->cache ? binq_graph_cache_floats(graph, rows->sequences, rows->capacity) : 0;
  return (call){
      .h = {graph, function, mode},
      .environment = {memref_of(graph->workspace, graph->workspace_bytes),
                      memref_of(vectors_of(function, mode),
                                public->vector_floats * (int64_t)sizeof(float)),
                      memref_of(rows->cache, cache * (int64_t)sizeof(float)),
                      memref_of(graph->rope, graph->rope_positions * graph->model.head_size)},
      .numbers = {0, rows->sequences * rows->length, rows->sequences, rows->capacity},
  };
}

static int64_t padded(int64_t columns) {
  return binq_round_up(columns, BINQ_ROW_MULTIPLE);
}

static const linear_mode plain = {0};

void binq_graph_run_embed(binq_graph *graph, const int32_t *tokens, int64_t count, float *x) {
  batch rows = {1, count, 0, NULL, 0};
  call c = call_of(graph, graph->embed, &plain, &rows);
  c.tensors[c.tensor_count++] = memref_of(tokens, count);
  c.tensors[c.tensor_count++] = memref_of(x, count * padded(graph->model.hidden_size));
  binq_pool_run(graph->pool, run_thread, &c);
}

/// The call of a layer, a part of it or its gradient: the tensors that all begin with.
static call call_of_layer(binq_graph *graph, const graph_function *function, const batch *rows,
                          const linear_mode *mode, const float *x) {
  int64_t count = rows->sequences * rows->length;
  int64_t floats = count * padded(graph->model.hidden_size);
  for (int64_t i = 0; i < count; i++)
    graph->positions[i] = (int32_t)(rows->first + i % rows->length);
  call c = call_of(graph, function, mode, rows);
  c.tensors[c.tensor_count++] = memref_of(x, floats);
  c.tensors[c.tensor_count++] = memref_of(graph->positions, count);
  return c;
}

/// Rows of floats, as the next tensor of a call.
static void add_rows(call *c, const float *rows, int64_t columns) {
  c->tensors[c->tensor_count++] = memref_of(rows, c->numbers[COUNT] * padded(columns));
}

void binq_graph_run_layer(binq_graph *graph, int64_t layer, const batch *rows,
                          const linear_mode *mode, const float *x, float *y) {
  call c = call_of_layer(graph, &graph->layers[layer], rows, mode ? mode : &plain, x);
  add_rows(&c, y, graph->model.hidden_size);
  binq_pool_run(graph->pool, run_thread, &c);
}

void binq_graph_run_body(binq_graph *graph, const int32_t *tokens, const batch *rows,
                         float *texts[2]) {
  binq_graph_run_embed(graph, tokens, rows->sequences * rows->length, texts[0]);
  for (int64_t layer = 0; layer < graph->model.layer_count; layer++) {
    binq_graph_run_layer(graph, layer, rows, NULL, texts[0], texts[1]);
    float *text = texts[0];
    texts[0] = texts[1];
    texts[1] = text;
  }
}

void binq_graph_run_part(binq_graph *graph, int64_t layer, int64_t part, const batch *rows,
                         const linear_mode *mode, const float *x, float *const *carried, float *y) {
  const graph_cut *cut = &graph->cuts.layers[layer];
  const graph_part *p = &cut->parts[part];
  call c = call_of_layer(graph, &p->function, rows, mode, x);
  for (int64_t i = 0; i < p->read_count; i++)
    add_rows(&c, carried[p->reads[i]], cut->carried[p->reads[i]].columns);
  for (int64_t i = 0; i < p->make_count; i++)
    add_rows(&c, carried[p->makes[i]], cut->carried[p->makes[i]].columns);
  if (part == cut->part_count - 1)
    add_rows(&c, y, graph->model.hidden_size);
  binq_pool_run(graph->pool, run_thread, &c);
}

/// The results of a gradient: those by the rows it reads, and by the function's vectors.
static void add_gradients(call *c, float *dx, float *vectors) {
  const binq_graph_function *function = &c->h.function->public;
  add_rows(c, dx, c->h.graph->model.hidden_size);
  for (int64_t i = 0; i < function->vector_count; i++) {
    const binq_graph_vector *vector = &function->vectors[i];
    c->tensors[c->tensor_count++] = memref_of(vectors + vector->offset, padded(vector->size));
  }
}

void binq_graph_run_gradient(binq_graph *graph, int64_t layer, const batch *rows,
                             const linear_mode *mode, const float *x, float *dx, float *vectors) {
  const graph_function *function = &graph->gradients.layers[layer];
  call c = call_of_layer(graph, function, rows, mode, x);
  add_gradients(&c, dx, vectors);
  binq_pool_run(graph->pool, run_thread, &c);
}

void binq_graph_run_head_gradient(binq_graph *graph, const linear_mode *mode, const float *x,
                                  int64_t count, float *dx, float *vectors) {
  batch rows = {1, count, 0, NULL, 0};
  call c = call_of(graph, &graph->gradients.head, mode, &rows);
  add_rows(&c, x, graph->model.hidden_size);
  add_gradients(&c, dx, vectors);
  binq_pool_run(graph->pool, run_thread, &c);
}

void binq_graph_run_head(binq_graph *graph, const linear_mode *mode, const float *x, int64_t count,
                         float *logits) {
  batch rows = {1, count, 0, NULL, 0};
  call c = call_of(graph, graph->head, mode ? mode : &plain, &rows);
  c.tensors[c.tensor_count++] = memref_of(x, count * padded(graph->model.hidden_size));
  c.tensors[c.tensor_count++] = memref_of(logits, count * padded(graph->model.vocabulary_size));
  binq_pool_run(graph->pool, run_thread, &c);
}

int64_t binq_graph_cache_floats(const binq_graph *graph, int64_t sequences, int64_t capacity) {
  return sequences * 2 * graph->model.kv_head_count * graph->model.head_size * capacity;
}

static binq_status reserve_rope(binq_graph *graph, int64_t positions) {
  if (positions <= graph->rope_positions)
    return BINQ_OK;
  free(graph->rope);
  graph->rope = NULL;
  graph->rope_positions = 0;
  BINQ_TRY(binq_allocate((size_t)positions, (size_t)graph->model.head_size * sizeof(float),
                         "the rotary table", &graph->rope));
  graph->rope_positions = positions;
  binq_rope_table(graph->rope, positions, graph->model.head_size, graph->model.rope_base);
  return BINQ_OK;
}

static binq_status reserve_rows(binq_graph *graph, int64_t count) {
  if (count <= graph->reserved_rows)
    return BINQ_OK;
  free(graph->positions);
  graph->positions = NULL;
  graph->reserved_rows = 0;
  BINQ_TRY(binq_allocate((size_t)count, sizeof(int32_t), "positions", &graph->positions));
  graph->reserved_rows = count;
  return BINQ_OK;
}

static binq_status reserve_workspace(binq_graph *graph, int64_t count, int64_t token_bytes) {
  size_t bytes;
  BINQ_TRY(binq_size_multiply((size_t)count, (size_t)token_bytes, "the workspace", &bytes));
  if ((int64_t)bytes <= graph->workspace_bytes)
    return BINQ_OK;
  free(graph->workspace);
  graph->workspace = NULL;
  graph->workspace_bytes = 0;
  BINQ_TRY(binq_allocate(bytes, 1, "the workspace", &graph->workspace));
  graph->workspace_bytes = (int64_t)bytes;
  return BINQ_OK;
}

binq_status binq_graph_reserve(binq_graph *graph, int64_t count, int64_t positions) {
  BINQ_TRY(reserve_rope(graph, positions));
  BINQ_TRY(reserve_rows(graph, count));
  return reserve_workspace(graph, count, graph->token_workspace);
}

binq_status binq_graph_reserve_head_gradient(binq_graph *graph, int64_t count) {
  return reserve_workspace(graph, count, graph->gradients.head_workspace);
}

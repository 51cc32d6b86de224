#include "binq/Calibrate/Quantized.h"

#include "binq/Calibrate/Jit.h"
#include "binq/Checkpoint/Parameters.h"
#include "binq/Conversion/Conversion.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Support/Memory.h"
#include "runtime/Model.h"
#include "runtime/Rope.h"
#include <stdlib.h>

enum { WORKSPACE, WEIGHTS, CACHE, ROPE, VECTORS };
enum { BASE, COUNT, SEQUENCES, CAPACITY, NUMBERS };
enum { MAX_TENSORS = 3, MAX_ARGUMENTS = VECTORS + NUMBERS + 3 + MAX_TENSORS };
/// Tokens that run through the layers at a time.
enum { PIECE = 128 };

typedef void entry(void **arguments);

struct binq_quantized_graph {
  binq_model_info model;
  binq_pool *pool;
  binq_parameters *parameters;
  binq_jit *jit;
  entry *forward, *head;
  int64_t token_workspace, position_cache; ///< bytes
  int64_t window, piece;
  binq_memref environment[VECTORS];
  int32_t *positions; ///< [window]
  float *hidden;      ///< of the predictor's window
  int64_t done;       ///< its rows whose logits were asked for
};

/// One call of an entry, on all threads.
typedef struct {
  binq_quantized_graph *graph;
  entry *function;
  int64_t numbers[NUMBERS];
  binq_memref tensors[MAX_TENSORS];
  int tensor_count;
} call;

static int64_t padded(int64_t columns) {
  return binq_round_up(columns, BINQ_ROW_MULTIPLE);
}

static binq_memref memref_of(const void *data, int64_t size) {
  return (binq_memref){(void *)data, (void *)data, 0, size, 1};
}

/// Compiled code takes an array with the address of every argument; a memref is passed by the
/// address of its descriptor.
static void run_thread(void *argument, int64_t thread, int64_t threads) {
  call *c = argument;
  void *host = c->graph->pool;
  binq_memref *descriptors[VECTORS + MAX_TENSORS];
  void *arguments[MAX_ARGUMENTS];
  int used = 0;
  for (int i = 0; i < VECTORS; i++) {
    descriptors[i] = &c->graph->environment[i];
    arguments[used++] = &descriptors[i];
  }
  for (int i = 0; i < NUMBERS; i++)
    arguments[used++] = &c->numbers[i];
  arguments[used++] = &host;
  arguments[used++] = &thread;
  arguments[used++] = &threads;
  for (int i = 0; i < c->tensor_count; i++) {
    descriptors[VECTORS + i] = &c->tensors[i];
    arguments[used++] = &descriptors[VECTORS + i];
  }
  c->function(arguments);
}

static call call_of(binq_quantized_graph *graph, entry *function, int64_t count) {
  return (call){graph, function, {0, count, 1, padded(graph->window)}, {{0}}, 0};
}

binq_status binq_quantized_graph_run(binq_quantized_graph *graph, const int32_t *tokens,
                                     int64_t count, float *hidden) {
  if (count > graph->window)
    return binq_errorf("%lld tokens are more than a window of %lld", (long long)count,
                       (long long)graph->window);
  for (int64_t i = 0; i < count; i++)
    if (tokens[i] < 0 || tokens[i] >= graph->model.vocabulary_size)
      return binq_errorf("token %d is not of the model's vocabulary", tokens[i]);
  int64_t stride = padded(graph->model.hidden_size);
  for (int64_t done = 0; done < count; done += graph->piece) {
    int64_t piece = count - done < graph->piece ? count - done : graph->piece;
    call c = call_of(graph, graph->forward, piece);
    c.tensors[c.tensor_count++] = memref_of(tokens + done, piece);
    c.tensors[c.tensor_count++] = memref_of(graph->positions + done, piece);
    c.tensors[c.tensor_count++] = memref_of(hidden + done * stride, piece * stride);
    binq_pool_run(graph->pool, run_thread, &c);
  }
  return BINQ_OK;
}

binq_status binq_quantized_graph_head(binq_quantized_graph *graph, const float *hidden,
                                      int64_t count, float *logits) {
  int64_t stride = padded(graph->model.hidden_size);
  int64_t logits_stride = padded(graph->model.vocabulary_size);
  for (int64_t done = 0; done < count; done += graph->piece) {
    int64_t piece = count - done < graph->piece ? count - done : graph->piece;
    call c = call_of(graph, graph->head, piece);
    c.tensors[c.tensor_count++] = memref_of(hidden + done * stride, piece * stride);
    c.tensors[c.tensor_count++] = memref_of(logits + done * logits_stride, piece * logits_stride);
    binq_pool_run(graph->pool, run_thread, &c);
  }
  return BINQ_OK;
}

static binq_status begin(void *user, const int32_t *tokens, int64_t count) {
  binq_quantized_graph *graph = user;
  graph->done = 0;
  return binq_quantized_graph_run(graph, tokens, count, graph->hidden);
}

static binq_status next(void *user, int64_t count, float *logits) {
  binq_quantized_graph *graph = user;
  const float *hidden = graph->hidden + graph->done * padded(graph->model.hidden_size);
  graph->done += count;
  return binq_quantized_graph_head(graph, hidden, count, logits);
}

binq_predictor binq_quantized_graph_predictor(binq_quantized_graph *graph, const char *name) {
  return (binq_predictor){name, begin, next, graph};
}

/// The file that the module's parameters are in.
static binq_status open_parameters(binq_quantized_graph *graph, MlirModule module) {
  MlirStringRef text;
  char *path;
  if (!binq_attribute_string(binq_attribute(mlirModuleGetOperation(module), BINQ_ATTR_PARAMETERS),
                             &text))
    return binq_errorf("the module is not quantized: it names no parameter file (%s)",
                       BINQ_ATTR_PARAMETERS);
  binq_arena *arena;
  BINQ_TRY(binq_arena_create(&arena));
  binq_status status = binq_arena_copy_string(arena, text.data, text.length, &path);
  if (!status)
    status = binq_parameters_open(path, &graph->parameters);
  binq_arena_destroy(arena);
  return status;
}

/// Compiles `copy`, which is lowered in place.
static binq_status compile(binq_quantized_graph *graph, MlirModule copy) {
  MlirOperation op = mlirModuleGetOperation(copy);
  BINQ_TRY(binq_lower(copy, BINQ_JIT_ISA, BINQ_LOWERING_AUTO));
  BINQ_TRY(binq_get_integer(op, BINQ_ATTR_WORKSPACE_PER_TOKEN, &graph->token_workspace));
  BINQ_TRY(binq_get_integer(op, BINQ_ATTR_CACHE_PER_POSITION, &graph->position_cache));
  BINQ_TRY(binq_to_llvm(copy));
  const binq_jit_symbol barrier = {"_mlir_ciface_binq_barrier", (void *)binq_pool_barrier};
  BINQ_TRY(binq_jit_create(copy, &barrier, 1, &graph->jit));
  BINQ_TRY(binq_jit_find(graph->jit, "binq_forward", &graph->forward));
  return binq_jit_find(graph->jit, "binq_head", &graph->head);
}

/// Memory of `a` times `b` bytes as part of the environment.
static binq_status reserve(binq_memref *out, int64_t a, int64_t b, const char *what) {
  size_t bytes;
  void *data;
  BINQ_TRY(binq_size_multiply((size_t)a, (size_t)b, what, &bytes));
  BINQ_TRY(binq_allocate(bytes, 1, what, &data));
  *out = memref_of(data, (int64_t)bytes);
  return BINQ_OK;
}

static binq_status allocate(binq_quantized_graph *graph) {
  const binq_model_info *model = &graph->model;
  int64_t capacity = padded(graph->window);
  size_t weights, floats;
  const uint8_t *data = binq_parameters_data(graph->parameters, &weights);
  graph->environment[WEIGHTS] = memref_of(data, (int64_t)weights);
  BINQ_TRY(reserve(&graph->environment[WORKSPACE], graph->piece, graph->token_workspace,
                   "the workspace"));
  BINQ_TRY(reserve(&graph->environment[CACHE], graph->position_cache, capacity, "the cache"));
  binq_memref *rope = &graph->environment[ROPE];
  BINQ_TRY(reserve(rope, capacity, model->head_size * (int64_t)sizeof(float), "the rotary table"));
  rope->size /= (int64_t)sizeof(float);
  binq_rope_table(rope->aligned, capacity, model->head_size, model->rope_base);
  BINQ_TRY(binq_size_multiply((size_t)graph->window, (size_t)padded(model->hidden_size),
                              "hidden states", &floats));
  BINQ_TRY(binq_allocate(floats, sizeof(float), "hidden states", &graph->hidden));
  BINQ_TRY(binq_allocate((size_t)graph->window, sizeof(int32_t), "positions", &graph->positions));
  for (int64_t i = 0; i < graph->window; i++)
    graph->positions[i] = (int32_t)i;
  return BINQ_OK;
}

static binq_status create(binq_quantized_graph *graph, MlirModule module) {
  BINQ_TRY(binq_model_info_get(module, &graph->model));
  BINQ_TRY(open_parameters(graph, module));
  MlirModule copy = mlirModuleFromOperation(mlirOperationClone(mlirModuleGetOperation(module)));
  binq_status status = compile(graph, copy);
  mlirModuleDestroy(copy);
  BINQ_TRY(status);
  return allocate(graph);
}

binq_status binq_quantized_graph_create(MlirModule module, int64_t window, binq_pool *pool,
                                        binq_quantized_graph **out) {
  *out = NULL;
  binq_quantized_graph *graph;
  BINQ_TRY(binq_allocate(1, sizeof *graph, "the graph", &graph));
  graph->pool = pool;
  graph->window = window;
  graph->piece = window < PIECE ? window : PIECE;
  binq_status status = create(graph, module);
  if (status)
    binq_quantized_graph_destroy(graph);
  else
    *out = graph;
  return status;
}

void binq_quantized_graph_destroy(binq_quantized_graph *graph) {
  if (!graph)
    return;
  binq_jit_destroy(graph->jit);
  binq_parameters_close(graph->parameters);
  free(graph->environment[WORKSPACE].aligned);
  free(graph->environment[CACHE].aligned);
  free(graph->environment[ROPE].aligned);
  free(graph->hidden);
  free(graph->positions);
  free(graph);
}

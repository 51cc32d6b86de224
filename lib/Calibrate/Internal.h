/// What the files of this room share: the compiled graph and how one of its functions is run.
#ifndef BINQ_CALIBRATE_INTERNAL_H
#define BINQ_CALIBRATE_INTERNAL_H

#include "binq/Calibrate/Calibration.h"
#include "binq/Calibrate/Gradient.h"
#include "binq/Calibrate/Graph.h"
#include "binq/Calibrate/Jit.h"
#include "binq/Calibrate/Probe.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Support/Memory.h"
#include "runtime/Model.h"

/// A compiled function; public.linears is linears_of, tensors[i] the weight of linear i.
typedef struct {
  binq_graph_function public;
  const void **tensors;
  void (*call)(void **arguments);
  int64_t first_linear; ///< the number of the first linear that the code calls
  const void *table;    ///< of the embedding
} graph_function;

/// What stands for a carried value: rows that the layer reads, and none at all.
enum { GRAPH_LAYER_INPUT = -1, GRAPH_NO_VALUE = -2 };

/// More values than a part can take and give.
enum { GRAPH_MOST_CARRIED = 16 };

/// Rows of floats that one part of a layer makes for others.
typedef struct {
  int64_t columns;
  int64_t last; ///< part that reads it
} graph_carried;

/// A part of a layer. Its linears are those of the layer, counted as they are there.
typedef struct {
  graph_function function;
  const int64_t *reads, *makes; ///< numbers of carried values, in the order of its arguments
  int64_t read_count, make_count;
} graph_part;

/// What is known of an input of a layer's linears.
typedef struct {
  int64_t value; ///< number of the carried value that it is
  int64_t base;  ///< of that which the outputs of its only linear are added to on the way to the
                 ///< layer's output; GRAPH_NO_VALUE: nothing like that
} graph_cut_input;

/// A layer cut at the inputs of its linears: part i computes input i, the last one the output.
typedef struct {
  graph_part *parts;
  int64_t part_count;
  graph_carried *carried;
  int64_t carried_count;
  graph_cut_input *inputs;
} graph_cut;

/// The layers' parts, compiled when the first calibration begins.
typedef struct {
  binq_jit *jit;
  graph_cut *layers;
} graph_cuts;

/// What one thread needs for linears: a pool of its own, so that the quantizer's functions run in
/// place, room for a tile of weights and for a row.
typedef struct {
  binq_pool *pool;
  float *tile, *row;
} lane;

/// The layers' gradients and the head's, each compiled when the first one is asked for.
typedef struct {
  binq_jit *jit, *head_jit;
  graph_function *layers, head;
  int64_t head_workspace; ///< bytes a token: there are logits in it
  float *slabs; ///< [2][BINQ_HOST_SLAB_ROWS][largest padded columns]: weights all threads read
  float *cache;
  int64_t cache_floats;
} graph_gradients;

struct binq_graph {
  binq_arena *arena;
  binq_pool *pool;
  binq_weights weights;
  binq_model_info model;
  binq_jit *jit;
  graph_function *functions;
  int64_t function_count;
  graph_function *embed, *layers, *head;
  MlirModule module; ///< as it came
  graph_gradients gradients;
  graph_cuts cuts;
  lane *lanes;                ///< by thread
  int64_t lane_count, widest; ///< floats of the longest row that a linear reads
  int64_t token_workspace;    ///< bytes
  uint8_t *workspace;
  int64_t workspace_bytes, reserved_rows;
  int32_t *positions; ///< [reserved_rows]
  float *rope;
  int64_t rope_positions;
};

/// How the linears of a run are computed and watched.
typedef struct {
  const binq_quantized_layer *quantized; ///< NULL: with float weights
  float *activations; ///< room for quantized rows: [count][largest padded columns]
  float **gathered; ///< by input: [count][columns], what they read; NULL (also of one): not wanted
  float *
      *outputs; ///< by linear: [count][rows, padded], what it gives; NULL (also of one): not wanted
  bool inputs_only; ///< linears compute nothing: what they read is all that is wanted
  const binq_replacement *replacement; ///< weights of linear `replaced`; NULL: of none
  int64_t replaced;
  const binq_layer_gradient *gradient; ///< tells inputs and weights instead of `quantized`
} linear_mode;

/// The rows of one run: `sequences` of `length` tokens at positions first, first + 1, ...
typedef struct {
  int64_t sequences, length, first;
  float *cache; ///< of a layer: binq_graph_cache_floats
  int64_t capacity;
} batch;

/// What compiled code hands back to the callbacks.
typedef struct {
  binq_graph *graph;
  const graph_function *function;
  const linear_mode *mode;
} host;

/// Compiles the graph's functions.
binq_status binq_graph_compile(binq_graph *graph);

/// Compiles the layers' gradients, or the head's, unless that has been done.
binq_status binq_graph_compile_gradients(binq_graph *graph);
binq_status binq_graph_compile_head_gradient(binq_graph *graph);

/// Compiles the layers' parts unless that has been done.
binq_status binq_graph_compile_cuts(binq_graph *graph);

/// Compile.c: a copy of the graph, compiling one in place, and finding the code and the small
/// parameters of a function by what lowering says of it (a null entry if nothing).
MlirModule binq_graph_copy(const binq_graph *graph);
binq_status binq_graph_compile_copy(MlirModule copy, binq_jit **out);
MlirAttribute binq_graph_entry(MlirAttribute entries, const char *name, const char *suffix);
binq_status binq_graph_link(binq_graph *graph, const binq_jit *jit, MlirAttribute entry,
                            MlirOperation function, graph_function *out);

/// Makes room to run `count` rows at a time at positions below `positions`.
binq_status binq_graph_reserve(binq_graph *graph, int64_t count, int64_t positions);
/// Makes room for the gradient of the head of `count` rows.
binq_status binq_graph_reserve_head_gradient(binq_graph *graph, int64_t count);

/// Refuses tokens that are not of the vocabulary.
binq_status binq_graph_check_tokens(const binq_graph *graph, const int32_t *tokens, int64_t count);

/// Floats of one layer's cache.
int64_t binq_graph_cache_floats(const binq_graph *graph, int64_t sequences, int64_t capacity);

/// Runs. Rows of floats have binq_round_up(columns, 32) of them.
void binq_graph_run_embed(binq_graph *graph, const int32_t *tokens, int64_t count, float *x);
/// The embedding and all layers with float weights; texts[0] gets what the head reads, texts[1] is
/// for what is between, and they may change places.
void binq_graph_run_body(binq_graph *graph, const int32_t *tokens, const batch *rows,
                         float *texts[2]);
void binq_graph_run_layer(binq_graph *graph, int64_t layer, const batch *rows,
                          const linear_mode *mode, const float *x, float *y);
/// A part of a layer, `carried` by number; `y` is the last part's.
void binq_graph_run_part(binq_graph *graph, int64_t layer, int64_t part, const batch *rows,
                         const linear_mode *mode, const float *x, float *const *carried, float *y);
/// `vectors` gets the gradients by the layer's vectors, laid out as them.
void binq_graph_run_gradient(binq_graph *graph, int64_t layer, const batch *rows,
                             const linear_mode *mode, const float *x, float *dx, float *vectors);
/// The same of the head.
void binq_graph_run_head_gradient(binq_graph *graph, const linear_mode *mode, const float *x,
                                  int64_t count, float *dx, float *vectors);
void binq_graph_run_head(binq_graph *graph, const linear_mode *mode, const float *x, int64_t count,
                         float *logits);

/// Rows of a linear that are made floats and multiplied at a time: fixed, so that the bits of a
/// product do not depend on the number of threads.
enum { BINQ_HOST_TILE_ROWS = 96 };

/// Rows of a linear that all threads hold between them, going back.
enum { BINQ_HOST_SLAB_ROWS = 192 };

/// The callbacks of compiled code.
void binq_host_linear(host *h, int64_t id, const binq_memref *x, const binq_memref *y,
                      int64_t count, int64_t thread, int64_t threads);
void binq_host_embedding(host *h, const binq_memref *tokens, const binq_memref *y, int64_t count,
                         int64_t thread, int64_t threads);
void binq_host_barrier(host *h);
void binq_host_output_gradient(host *h, const binq_memref *y, const binq_memref *dy, int64_t count,
                               int64_t thread, int64_t threads);
void binq_host_linear_gradient(host *h, int64_t id, const binq_memref *x, const binq_memref *dy,
                               const binq_memref *dx, int64_t count, int64_t thread,
                               int64_t threads);

#endif

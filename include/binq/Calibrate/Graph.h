/// A float model graph compiled by JIT, run a function at a time. Weights of linears are never held
/// as floats: tiles of their rows are read where they are used.
#ifndef BINQ_CALIBRATE_GRAPH_H
#define BINQ_CALIBRATE_GRAPH_H

#include "binq/Quantize/Layout.h"
#include "binq/Support/Progress.h"
#include "binq/Support/Status.h"
#include "mlir-c/IR.h"
#include "runtime/Pool.h"
#include <stdbool.h>
#include <stdint.h>

/// Where float tensors come from.
typedef struct {
  /// Finds a tensor that must have this shape (a vector has one row); the error names it.
  binq_status (*find)(void *user, const char *name, int64_t rows, int64_t columns,
                      const void **tensor);
  /// Writes rows [begin, end) as floats, `columns` a row. Several threads may read at a time.
  void (*read)(const void *tensor, int64_t begin, int64_t end, float *out);
  void *user;
} binq_weights;

/// A linear of a graph function; `input` numbers the distinct values that its linears read.
typedef struct {
  const char *name; ///< of the weight
  int64_t rows, columns;
  int64_t input;
  bool adds; ///< its outputs go to the function's, by nothing but additions
} binq_graph_linear;

/// A small parameter, a norm's weights say: floats [offset, offset + size) of the function's
/// vectors.
typedef struct {
  const char *name;
  int64_t offset, size;
} binq_graph_vector;

typedef struct {
  const char *name;
  const binq_graph_linear *linears; ///< in program order
  int64_t linear_count, input_count;
  const binq_graph_vector *vectors; ///< in order of their offsets
  int64_t vector_count;
  int64_t vector_floats;      ///< of all of them, with the zeros between
  const float *vector_values; ///< [vector_floats]
} binq_graph_function;

typedef struct binq_graph binq_graph;

/// Compiles a copy of `module`, which must be a model graph: functions of roles "embed", "layer"
/// and "head". Its context, `pool` and what `weights` refers to must outlive the graph.
binq_status binq_graph_create(MlirModule module, const binq_weights *weights, binq_pool *pool,
                              binq_graph **out);
/// NULL is ignored.
void binq_graph_destroy(binq_graph *graph);

/// Layers of the model.
int64_t binq_graph_layer_count(const binq_graph *graph);
/// The function of a layer, 0 <= layer < binq_graph_layer_count; lives as long as the graph.
const binq_graph_function *binq_graph_layer(const binq_graph *graph, int64_t layer);
/// That of the head.
const binq_graph_function *binq_graph_head(const binq_graph *graph);

/// How a graph writes text.
typedef struct {
  int64_t tokens;     ///< how many to write in all
  double temperature; ///< logits are divided by it; 0: always the likeliest token
  uint64_t seed;
  /// Every text starts with one of these spans of tokens.
  const int32_t *const *beginnings;
  const int64_t *beginning_lengths;
  int64_t beginning_count;
} binq_writing;

/// Writes many texts side by side, one behind the other in `out` [writing->tokens].
binq_status binq_graph_write(binq_graph *graph, const binq_writing *writing,
                             const binq_progress *progress, int32_t *out);

#endif

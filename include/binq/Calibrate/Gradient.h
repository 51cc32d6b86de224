/// Gradients through a layer or the head: the graph's functions run forward and back, with weights
/// that the caller gives. Activations are quantized straight-through: forward with their coded
/// values, backward as if they had not been touched (Bengio et al. 2013, arXiv 1308.3432).
#ifndef BINQ_CALIBRATE_GRADIENT_H
#define BINQ_CALIBRATE_GRADIENT_H

#include "binq/Calibrate/Calibration.h"
#include "binq/Calibrate/Graph.h"

/// A function whose gradient is wanted. Rows of floats have columns rounded up to 32 of them, what
/// is behind the columns is zero. Callbacks are called by several threads at a time, for rows that
/// do not overlap.
typedef struct {
  /// By input; NULL: activations stay floats.
  const binq_quantized_input *inputs;
  /// By linear: how it is quantized; NULL with `inputs`.
  const binq_linear_format *formats;
  /// Replaces the function's small parameters, laid out as binq_graph_function says; NULL: its own.
  const float *vectors;
  /// Weights of rows [begin, end) in channel order (with inputs) or in the model's; NULL: the
  /// float weights.
  void (*read)(void *user, int64_t linear, int64_t begin, int64_t end, float *tile);
  /// dL/dW of rows [begin, end), in the same order. Every read of that linear is over by then, so
  /// the weights may be changed at once. NULL: not wanted.
  void (*weight_gradient)(void *user, int64_t linear, int64_t begin, int64_t end,
                          const float *gradient);
  /// Fills dL/dy of rows [begin, end) of the output y; both start at row `begin`.
  void (*output_gradient)(void *user, int64_t begin, int64_t end, const float *y, float *dy);
  float *vector_gradient; ///< out: dL/dvectors, laid out as them; NULL: not wanted
  void *user;
} binq_layer_gradient;

/// Runs `layer` over `sequences` sequences of `length` tokens x, from position 0 each, and back.
/// dx (as x) is the gradient by its input; NULL: not wanted. The same bits for any number of
/// threads.
binq_status binq_graph_layer_gradient(binq_graph *graph, int64_t layer, int64_t sequences,
                                      int64_t length, const binq_layer_gradient *gradient,
                                      const float *x, float *dx);

/// Runs the head over `count` rows and back, all of whose logits are in memory at a time.
binq_status binq_graph_head_gradient(binq_graph *graph, int64_t count,
                                     const binq_layer_gradient *gradient, const float *x,
                                     float *dx);

#endif

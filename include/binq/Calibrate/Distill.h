/// Distillation: the whole quantized model is tuned to foretell what the float model foretells
/// (Hinton et al. 2015, arXiv 1503.02531). Codes stay as they are; levels, scales, INT8 columns and
/// vectors move.
#ifndef BINQ_CALIBRATE_DISTILL_H
#define BINQ_CALIBRATE_DISTILL_H

#include "binq/Calibrate/Calibration.h"
#include "binq/Calibrate/Graph.h"

/// A function of a quantized model. Arrays are by number of the linear or input in the graph's
/// function.
typedef struct {
  const binq_linear_format *formats;
  uint8_t *const *packed;             ///< weights of linears; in and out, but INT8 ones stay
  const binq_quantized_input *inputs; ///< stay as they are
  float *vectors;                     ///< in and out, laid out as the function's
} binq_packed_function;

/// A quantized model, all of it in memory.
typedef struct {
  binq_packed_table embedding;
  const binq_packed_function *layers;
  const binq_packed_function *head; ///< of which only vectors change
} binq_packed_model;

/// The mean divergence of predictions from the float model's, in nats, over the first and over the
/// last quarter of the steps, each measured before the step was made.
typedef struct {
  double first, last;
} binq_distillation;

/// Goes through windows of text in `epochs` passes, a step for every 1024 tokens or so. Memory
/// holds a layer's weights as numbers, and what every layer reads of a step's text.
binq_status binq_distill(binq_graph *graph, const int32_t *tokens, int64_t windows, int64_t window,
                         int64_t epochs, const binq_progress *progress,
                         const binq_packed_model *model, binq_distillation *out);

#endif

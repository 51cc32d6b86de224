/// Tunes a quantized layer so that on the quantized text, with quantized activations, it gives what
/// the float layer gives on the float text.
#ifndef BINQ_CALIBRATE_TUNE_H
#define BINQ_CALIBRATE_TUNE_H

#include "binq/Calibrate/Calibration.h"
#include "binq/Calibrate/Graph.h"

/// A layer to be tuned: linears by their number in the graph's function, inputs by theirs.
typedef struct {
  int64_t layer;
  binq_quantized_linear *linears;     ///< in and out
  const binq_quantized_input *inputs; ///< stay as they are
  float *vectors;                     ///< in and out, laid out as the function's
} binq_tuned_layer;

/// The squared distance of the layer's output from the float layer's in parts of the square of that
/// one, on average over the tokens of the calibration text. So every token counts the same, as it
/// does for the norms behind; else the few tokens of far larger size would be all that counts.
typedef struct {
  double before, after;
} binq_tuning_loss;

/// Tunes for `epochs` passes over the text, which has come to this layer and follows the float
/// model. A layer that tuning does not bring nearer to the float one is tuned anew with its codes
/// kept, and stays as it was if that does not either.
binq_status binq_tune_layer(binq_graph *graph, const binq_calibration *calibration, int64_t epochs,
                            const binq_progress *progress, const binq_tuned_layer *layer,
                            binq_tuning_loss *out);

#endif

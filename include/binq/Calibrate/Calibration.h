/// Calibration: windows of text on their way through a graph, a layer at a time, and in a layer an
/// input of its linears at a time. Each is seen as what is quantized before it makes the text; then
/// the quantized layer moves the text on.
#ifndef BINQ_CALIBRATE_CALIBRATION_H
#define BINQ_CALIBRATE_CALIBRATION_H

#include "binq/Calibrate/Graph.h"
#include "binq/Quantize/Quantize.h"
#include <stdbool.h>

typedef struct binq_calibration binq_calibration;

/// Embeds the windows by the quantized table; NULL: by the float one. With `follow_float` the text
/// goes through the float model as well, side by side with the quantized one. `graph` must outlive
/// the calibration.
binq_status binq_calibration_create(binq_graph *graph, const int32_t *tokens, int64_t windows,
                                    int64_t window, const binq_packed_table *table,
                                    bool follow_float, binq_calibration **out);
/// NULL is ignored.
void binq_calibration_destroy(binq_calibration *calibration);

/// How a layer's input is quantized.
typedef struct {
  const uint16_t *order;
  const binq_level_table *levels;
} binq_quantized_input;

/// A layer's linears (in program order) and inputs (by number), quantized.
typedef struct {
  const binq_quantized_linear *linears;
  const binq_quantized_input *inputs;
  const float *vectors; ///< instead of the graph's, laid out as they are; NULL: the graph's own
} binq_quantized_layer;

/// What the linears of a layer read at one of its inputs. Valid until the next is observed.
///
/// With follow_float, tokens count differently at an input that one linear reads and adds to the
/// layer's output: each by the inverse of the mean square of what the float layer makes of it, for
/// that is how the norms behind it will see an error. Rows of all that follows are scaled
/// accordingly.
typedef struct {
  int64_t columns;
  const float *sum; ///< for binq_input_statistics_create, over `tokens` rows
  /// [columns][columns]: sum over tokens of x_float (row) times x_quantized (column), what the
  /// float model reads here times what `sum` was made of. NULL without follow_float, or where there
  /// is `wanted`.
  const float *cross;
  /// [rows][columns], for one linear that adds to the layer's output: sum over tokens of what it
  /// should add there, for that to be the float model's, times x_quantized. NULL without such a
  /// linear, or without follow_float.
  const float *wanted;
  int64_t tokens;
  const float *sample; ///< [sample_tokens][columns]: some of the rows, evenly spread
  int64_t sample_tokens;
} binq_observation;

/// Runs the layer over all windows as far as one of its inputs, which are taken in ascending order;
/// `before` tells what reads inputs before it, quantized (the rest is not looked at); NULL: it
/// computes with float weights. It goes on from the input that was observed before. The float
/// model's text, if it is followed, moves past the layer with its first input.
binq_status binq_calibration_observe(binq_calibration *calibration, int64_t layer, int64_t input,
                                     const binq_quantized_layer *before, binq_observation *out);

/// Moves the text past the layer, computed with quantized weights and activations, from the input
/// that was observed last; NULL: with the float ones.
binq_status binq_calibration_advance(binq_calibration *calibration, int64_t layer,
                                     const binq_quantized_layer *quantized);

/// Takes the text back to where its layer begins. What observing computed of the layer's quantized
/// linears would be used when the text moves on: this is for when they have changed since.
void binq_calibration_rewind(binq_calibration *calibration);

/// Windows of text, tokens of a window, and floats from one row of text to the next.
int64_t binq_calibration_windows(const binq_calibration *calibration);
int64_t binq_calibration_window(const binq_calibration *calibration);
int64_t binq_calibration_stride(const binq_calibration *calibration);

/// A window of the quantized text before the layer that comes next: [window][stride]. Valid until
/// the text moves on.
const float *binq_calibration_input(const binq_calibration *calibration, int64_t window);
/// A window of the float model's text, past the layer that was observed last: [window][stride].
/// Valid until the next layer is observed; NULL without follow_float.
const float *binq_calibration_target(const binq_calibration *calibration, int64_t window);

/// Runs windows of text through the float model and sums up x x^T of what the linears of its head
/// read, by input: sums[input] is [columns][columns], as binq_hessian_add fills it.
binq_status binq_graph_observe_head(binq_graph *graph, const int32_t *tokens, int64_t windows,
                                    int64_t window, const binq_progress *progress,
                                    float *const *sums);

#endif

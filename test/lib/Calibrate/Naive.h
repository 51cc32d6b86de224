/// A decoder layer written down plainly, in doubles, to compare compiled graphs with.
#ifndef BINQ_TEST_CALIBRATE_NAIVE_H
#define BINQ_TEST_CALIBRATE_NAIVE_H

#include "binq/Calibrate/Calibration.h"
#include "binq/Checkpoint/Model.h"

/// What the linears of a layer read: rows without padding. Freed with naive_free.
typedef struct {
  double *normed, *mixed, *ffn_normed, *gated;
  double *middle; ///< the text between attention and FFN
} naive_inputs;

/// y = layer(x) for one sequence of `length` rows x [length][hidden], from position 0. The linears
/// of the first `quantized_inputs` inputs are as `quantized` has them, the others float; unless it
/// is NULL, its norms are taken too.
void naive_layer(const binq_model *model, int64_t layer, const binq_quantized_layer *quantized,
                 int64_t quantized_inputs, int64_t length, const double *x, double *y,
                 naive_inputs *inputs);
void naive_free(naive_inputs *inputs);

/// y [length][hidden]: final norm.
void naive_head_input(const binq_model *model, int64_t length, const double *x, double *y);
/// y [length][vocabulary]: final norm and output.
void naive_head(const binq_model *model, int64_t length, const double *x, double *y);

#endif

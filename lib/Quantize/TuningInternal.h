/// From the gradient by the weights of a group to that by what they are made of.
#ifndef BINQ_LIB_QUANTIZE_TUNINGINTERNAL_H
#define BINQ_LIB_QUANTIZE_TUNINGINTERNAL_H

#include <stdint.h>

/// Adds to sums[code] the gradient by every weight that has the code: the gradient by its level.
void binq_level_gradient(const uint8_t *codes, const float *gradient, int64_t channels,
                         float *sums);

/// The gradient by the scale of additive planes; sum_of[code] - zero is how many scales a weight
/// is.
float binq_scale_gradient(const uint8_t *codes, const float *sum_of, float zero,
                          const float *gradient, int64_t channels);

#endif

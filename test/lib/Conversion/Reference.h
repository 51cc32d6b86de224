/// What the kernels compute, one value at a time: a plain reference beside each of them. Rows of
/// `x` and `y` are `stride` floats apart, 32 * ceil(columns / 32); padding is zero.
#ifndef BINQ_TEST_CONVERSION_REFERENCE_H
#define BINQ_TEST_CONVERSION_REFERENCE_H

#include "binq/Quantize/Layout.h"
#include <stdbool.h>
#include <stdint.h>

/// Quantized activations of one token, one level a channel.
typedef struct {
  int32_t *levels;    ///< [plane_columns]
  float *scales;      ///< [groups]
  int32_t *sums;      ///< [groups]
  int8_t *int8_codes; ///< [int8_columns]
  float *int8_scales; ///< [int8_groups]
  uint8_t *codes;     ///< [plane_columns]: the bits of the planes
} reference_activations;

/// `out` has room for layout->padded_columns elements everywhere.
void reference_quantize(const float *x, int64_t columns, const uint16_t *order,
                        const binq_level_table *table, const binq_layout *layout,
                        const reference_activations *out);

/// The row of y for one token.
void reference_linear(const binq_quantized_linear *weights, const binq_layout *layout,
                      const reference_activations *x, float *y);

/// One row of a table; `order` is NULL for that of an INT8 table.
void reference_embedding(const binq_quantized_linear *table, const binq_layout *layout,
                         const uint16_t *order, int64_t row, float *y);

void reference_rms_norm(const float *x, const float *weight, int64_t columns, float epsilon,
                        float *y);
/// `angles` is the position's row of the rotary table.
void reference_rope(const float *x, const float *angles, int64_t columns, int64_t head_size,
                    float *y);
void reference_swiglu(const float *gate, const float *up, int64_t columns, float *y);

/// One head of one token at `position`: keys and values are [position + 1][head_size].
void reference_attention(const float *q, const float *keys, const float *values, int64_t position,
                         int64_t head_size, float *y);

/// A head of a key or value in codes: channel d is low + scale * codes[d]; keys are rotated.
typedef struct {
  uint8_t codes[256];
  float scale, low;
} reference_head;
reference_head reference_code_key(const float *x, int64_t head_size, int bits);
reference_head reference_code_value(const float *x, int64_t head_size, int bits);

/// The same as reference_attention over coded heads [position + 1].
void reference_coded_attention(const float *q, const reference_head *keys,
                               const reference_head *values, int64_t position, int64_t head_size,
                               float *y);

float reference_exp(float x);

#endif

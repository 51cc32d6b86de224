/// Random numbers, the same in every run, with the values that are hard among them.
#ifndef BINQ_TEST_CONVERSION_SAMPLES_H
#define BINQ_TEST_CONVERSION_SAMPLES_H

#include "binq/Quantize/Layout.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct {
  uint64_t state;
} samples;

uint32_t samples_next(samples *s);
/// 0 to limit - 1.
int64_t samples_below(samples *s, int64_t limit);
/// Roughly normal.
float samples_float(samples *s);

/// Rows of activations with groups of zeros, ties, one sign only, very small and very large values;
/// padding is zero.
void samples_rows(samples *s, int64_t tokens, int64_t columns, float *out);

/// A permutation of the columns, then padding: [padded_columns].
void samples_order(samples *s, int64_t columns, uint16_t *out);

/// Codes, levels and scales of every kind, extremes among them.
void samples_linear(samples *s, binq_quantized_linear *out);

/// Compares floats by their bits; reports the first difference.
bool samples_equal(const char *what, const float *expected, const float *actual, int64_t count);

#endif

#include "Slice.h"

#include <stddef.h>
#include <string.h>

enum { LANES = 8, VECTORS = BINQ_BLOCK_ROWS / LANES, HALF_LARGEST = 0x7bff, HALF_SMALLEST = 1 };

typedef float lanes __attribute__((ext_vector_type(LANES)));

void binq_slice_product(const float *matrix, int64_t row, const binq_rows *w, int64_t count,
                        binq_rows out[2]) {
  lanes sum[2][VECTORS] = {0};
  for (int64_t k = 0; k < count; ++k) {
    lanes first = (lanes)matrix[k * row], second = (lanes)matrix[k * row + 1];
#pragma clang loop unroll(full)
    for (int i = 0; i < VECTORS; ++i) {
      lanes value;
      memcpy(&value, w[k] + (ptrdiff_t)i * LANES, sizeof value);
      sum[0][i] = __builtin_elementwise_fma(first, value, sum[0][i]);
      sum[1][i] = __builtin_elementwise_fma(second, value, sum[1][i]);
    }
  }
  memcpy(out, sum, sizeof sum);
}

void binq_set_middles(binq_level_set *set) {
  for (int i = 0; i + 1 < set->count; ++i)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      set->middle[i][r] = (set->value[i][r] + set->value[i + 1][r]) * 0.5F;
}

uint16_t binq_scale_to_half(float scale) {
  uint16_t half = binq_float_to_half(scale);
  if (half > HALF_LARGEST)
    return HALF_LARGEST;
  return half == 0 && scale > 0 ? HALF_SMALLEST : half;
}

#include "Slice.h"

#include <stddef.h>

enum { LEVELS = 4, LARGEST = 127 };

/// `value` in units of `scale`, rounded and kept within the int8 that are used.
static float in_units(float value, float scale) {
  float units = __builtin_rintf(value / scale);
  if (!(units > -LARGEST)) // also what is not a number
    return -LARGEST;
  return units < LARGEST ? units : LARGEST;
}

uint16_t binq_store_levels(const float values[LEVELS], int8_t levels[LEVELS]) {
  float largest = 0;
  for (int k = 0; k < LEVELS; ++k) {
    float magnitude = __builtin_fabsf(values[k]);
    largest = magnitude > largest ? magnitude : largest;
  }
  uint16_t half = binq_scale_to_half(largest / LARGEST);
  float scale = binq_half_to_float(half);
  for (int k = 0; k < LEVELS; ++k)
    levels[k] = (int8_t)(scale > 0 ? in_units(values[k], scale) : 0);
  return half;
}

void binq_choose_grouped(const binq_rows *w, const float *h, int64_t channels, int8_t *levels,
                         uint16_t *scales, binq_level_set *set) {
  set->count = LEVELS;
  binq_optimal_levels(w, h, channels, set->value);
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    float exact[LEVELS];
    for (int k = 0; k < LEVELS; ++k)
      exact[k] = set->value[k][r];
    scales[r] = binq_store_levels(exact, levels + (ptrdiff_t)r * LEVELS);
    float scale = binq_half_to_float(scales[r]);
    for (int k = 0; k < LEVELS; ++k) {
      set->value[k][r] = scale * (float)levels[r * LEVELS + k];
      set->code[k] = (uint8_t)k;
    }
  }
  binq_set_middles(set);
}

#include "Slice.h"

enum { LEVELS = 4, LARGEST = 127 };

/// `value` in units of `scale`, rounded and kept within the int8 that are used.
static float in_units(float value, float scale) {
  float units = __builtin_rintf(value / scale);
  if (!(units > -LARGEST)) // also what is not a number
    return -LARGEST;
  return units < LARGEST ? units : LARGEST;
}

void binq_choose_grouped(const binq_rows *w, const float *h, int64_t channels, int8_t *levels,
                         uint16_t *scales, binq_level_set *set) {
  set->count = LEVELS;
  binq_optimal_levels(w, h, channels, set->value);
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    float lowest = -set->value[0][r], highest = set->value[LEVELS - 1][r];
    scales[r] = binq_scale_to_half((lowest > highest ? lowest : highest) / LARGEST);
    float scale = binq_half_to_float(scales[r]);
    for (int k = 0; k < LEVELS; ++k) {
      float units = scale > 0 ? in_units(set->value[k][r], scale) : 0;
      levels[r * LEVELS + k] = (int8_t)units;
      set->value[k][r] = scale * units;
      set->code[k] = (uint8_t)k;
    }
  }
  binq_set_middles(set);
}

/// Levels in the manner of BiLLM (Huang et al. 2024, arXiv 2402.04291). A group of salient channels
/// is made binary twice, the second time what the first leaves over. In any other group weights up
/// to a threshold and those beyond it are made binary apart, the threshold being searched.
#include "Linear.h"

#include <math.h>

enum { CANDIDATES = 80 };

/// Magnitudes of a group's weights in one row.
typedef struct {
  int64_t count;
  float value[BINQ_GROUP];
  float largest;
} magnitudes;

/// Two magnitudes that weights are rounded to, and where the larger one begins.
typedef struct {
  float small, large, threshold;
} split;

static magnitudes magnitudes_of(const binq_rows *w, int64_t first, int64_t channels, int row) {
  magnitudes m = {.count = channels - first};
  for (int64_t j = first; j < channels; ++j) {
    float magnitude = fabsf(w[j][row]);
    m.value[j - first] = magnitude;
    m.largest = magnitude > m.largest ? magnitude : m.largest;
  }
  return m;
}

/// Binary, and what is left binary again: a_1 +- a_2.
static split split_twice(const magnitudes *m) {
  float first = 0, second = 0;
  for (int64_t j = 0; j < m->count; ++j)
    first += m->value[j];
  first /= (float)m->count;
  for (int64_t j = 0; j < m->count; ++j)
    second += fabsf(m->value[j] - first);
  second /= (float)m->count;
  return (split){first - second, first + second, first};
}

/// Means on either side of a threshold; *error is the sum of squares that they leave.
static split split_at(const magnitudes *m, float threshold, float *error) {
  float small = 0, large = 0;
  int64_t larger = 0;
  for (int64_t j = 0; j < m->count; ++j) {
    bool beyond = m->value[j] > threshold;
    larger += beyond;
    *(beyond ? &large : &small) += m->value[j];
  }
  if (m->count > larger)
    small /= (float)(m->count - larger);
  large = larger > 0 ? large / (float)larger : small;
  *error = 0;
  for (int64_t j = 0; j < m->count; ++j) {
    float left = m->value[j] - (m->value[j] > threshold ? large : small);
    *error += left * left;
  }
  return (split){small, large, threshold};
}

static split search_split(const magnitudes *m) {
  float least, error;
  split best = split_at(m, m->largest, &least);
  for (int i = 1; i < CANDIDATES; ++i) {
    split other = split_at(m, m->largest * (float)i / CANDIDATES, &error);
    if (!(error < least))
      continue;
    least = error;
    best = other;
  }
  return best;
}

void binq_choose_billm(const binq_rows *w, int64_t first, int64_t channels, bool salient,
                       binq_coefficients *out, binq_level_set *set) {
  set->count = BINQ_LEVELS;
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    magnitudes m = magnitudes_of(w, first, channels, r);
    split s = salient ? split_twice(&m) : search_split(&m);
    const float values[BINQ_LEVELS] = {-s.large, -s.small, s.small, s.large};
    out->scales[r] = binq_store_levels(values, out->levels[r]);
    set->middle[0][r] = -s.threshold;
    set->middle[1][r] = 0;
    set->middle[2][r] = s.threshold;
    for (int k = 0; k < BINQ_LEVELS; ++k) {
      set->value[k][r] = binq_half_to_float(out->scales[r]) * (float)out->levels[r][k];
      set->code[k] = (uint8_t)k;
    }
  }
}

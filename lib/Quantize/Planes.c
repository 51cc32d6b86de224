/// Additive planes: a search over how much of a group's range the levels cover.
#include "Slice.h"

#include <string.h>

enum { CANDIDATES = 18, LANES = 8 };

#define CANDIDATE_STEP 0.03F

typedef float lanes __attribute__((ext_vector_type(LANES)));

binq_plane_sums binq_plane_sums_of(const binq_linear_format *format) {
  binq_plane_sums sums = {0};
  for (int code = 0; code < 1 << format->planes; ++code) {
    int32_t number = 0;
    for (int k = 0; k < format->planes; ++k)
      number += (code >> k & 1) * format->plane_weights[k];
    float sum = (float)number;
    int place = sums.count;
    while (place > 0 && sums.sum[place - 1] > sum)
      --place;
    if (place > 0 && sums.sum[place - 1] == sum)
      continue; // the lower code stands for it
    for (int i = sums.count++; i > place; --i) {
      sums.sum[i] = sums.sum[i - 1];
      sums.code[i] = sums.code[i - 1];
    }
    sums.sum[place] = sum;
    sums.code[place] = (uint8_t)code;
    sums.top = sum > sums.top ? sum : sums.top;
  }
  return sums;
}

/// A choice for every row: fp16 scale, its value, zero, and the error that follows.
typedef struct {
  uint16_t half[BINQ_BLOCK_ROWS];
  binq_rows scale, zero, error;
} choice;

/// Covers the part `share` of the range from low to high.
static void choose_range(const binq_rows low, const binq_rows high, float share, float top,
                         choice *c) {
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    c->half[r] = binq_scale_to_half((high[r] - low[r]) * share / top);
    c->scale[r] = binq_half_to_float(c->half[r]);
    float zero = c->scale[r] > 0 ? __builtin_rintf(-low[r] * share / c->scale[r]) : 0;
    c->zero[r] = zero < INT8_MAX ? zero : INT8_MAX;
  }
}

static void set_values(const binq_plane_sums *sums, const choice *c, binq_level_set *set) {
  set->count = sums->count;
  memcpy(set->code, sums->code, sizeof set->code);
  for (int i = 0; i < sums->count; ++i)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      set->value[i][r] = c->scale[r] * (sums->sum[i] - c->zero[r]);
  binq_set_middles(set);
}

static lanes load(const float *from) {
  lanes value;
  memcpy(&value, from, sizeof value);
  return value;
}

/// The error of 8 rows from `first` on; written with vectors, for the compiler finds branches here.
static void measure_lanes(const binq_rows *w, const float *h, int64_t channels,
                          const binq_level_set *set, int first, float *error) {
  lanes sum = (lanes)0;
  for (int64_t j = 0; j < channels; ++j) {
    lanes weight = load(w[j] + first), nearest = load(set->value[0] + first);
    for (int i = 1; i < set->count; ++i)
      nearest = weight > load(set->middle[i - 1] + first) ? load(set->value[i] + first) : nearest;
    lanes difference = weight - nearest;
    sum += (lanes)h[j] * (difference * difference);
  }
  memcpy(error, &sum, sizeof sum);
}

static void measure(const binq_rows *w, const float *h, int64_t channels, const binq_level_set *set,
                    binq_rows error) {
  for (int first = 0; first < BINQ_BLOCK_ROWS; first += LANES)
    measure_lanes(w, h, channels, set, first, error + first);
}

static void keep_better(const choice *candidate, choice *best) {
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    if (!(candidate->error[r] < best->error[r]))
      continue;
    best->half[r] = candidate->half[r];
    best->scale[r] = candidate->scale[r];
    best->zero[r] = candidate->zero[r];
    best->error[r] = candidate->error[r];
  }
}

static void find_range(const binq_rows *w, int64_t channels, binq_rows low, binq_rows high) {
  memset(low, 0, sizeof(binq_rows));
  memset(high, 0, sizeof(binq_rows));
  for (int64_t j = 0; j < channels; ++j)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
      low[r] = w[j][r] < low[r] ? w[j][r] : low[r];
      high[r] = w[j][r] > high[r] ? w[j][r] : high[r];
    }
}

void binq_choose_planes(const binq_linear_format *format, const binq_rows *w, const float *h,
                        int64_t channels, int8_t *zeros, uint16_t *scales, binq_level_set *set) {
  binq_plane_sums sums = binq_plane_sums_of(format);
  binq_rows low, high;
  find_range(w, channels, low, high);
  choice best, candidate;
  choose_range(low, high, 1, sums.top, &best);
  for (int i = 0; h && i < CANDIDATES; ++i) {
    choice *c = i == 0 ? &best : &candidate;
    choose_range(low, high, 1 - (float)i * CANDIDATE_STEP, sums.top, c);
    set_values(&sums, c, set);
    measure(w, h, channels, set, c->error);
    if (i > 0)
      keep_better(c, &best);
  }
  set_values(&sums, &best, set);
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    zeros[r] = (int8_t)best.zero[r];
    scales[r] = best.half[r];
  }
}

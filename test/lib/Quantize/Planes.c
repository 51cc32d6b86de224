/// The search for scale and zero of additive planes, and the levels of grouped-binary weights.
#include "Numbers.h"
#include "lib/Quantize/Slice.h"

#include <math.h>
#include <stddef.h>

typedef struct {
  binq_rows w[BINQ_GROUP];
  float h[BINQ_GROUP];
  int8_t numbers[BINQ_BLOCK_ROWS * 4];
  uint16_t scales[BINQ_BLOCK_ROWS];
  binq_level_set set;
} group;

static void fill(group *g, uint64_t seed) {
  for (int64_t j = 0; j < BINQ_GROUP; ++j) {
    g->h[j] = (float)(0.1 + random_unit(&seed));
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      g->w[j][r] = random_normal(&seed) * 0.02F + (r % 2 ? 0.03F : 0);
  }
}

static double error_of_set(const group *g, int r) {
  double sum = 0;
  for (int64_t j = 0; j < BINQ_GROUP; ++j) {
    double least = INFINITY;
    for (int i = 0; i < g->set.count; ++i)
      least = fmin(least, fabs((double)g->w[j][r] - (double)g->set.value[i][r]));
    sum += (double)g->h[j] * least * least;
  }
  return sum;
}

/// The error when the levels just cover the whole range, zero included.
static double error_of_whole_range(const group *g, int r, int top) {
  double low = 0, high = 0, sum = 0;
  for (int64_t j = 0; j < BINQ_GROUP; ++j) {
    low = fmin(low, (double)g->w[j][r]);
    high = fmax(high, (double)g->w[j][r]);
  }
  double scale = (high - low) / top, zero = rint(-low / scale);
  for (int64_t j = 0; j < BINQ_GROUP; ++j) {
    double number = fmin(fmax(rint((double)g->w[j][r] / scale + zero), 0), top) - zero;
    double difference = (double)g->w[j][r] - scale * number;
    sum += (double)g->h[j] * difference * difference;
  }
  return sum;
}

/// Values ascend and are what scale, zero and code say.
static void check_set(const group *g, const binq_linear_format *format) {
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
    for (int i = 0; i < g->set.count; ++i) {
      int number = -g->numbers[r];
      for (int k = 0; k < format->planes; ++k)
        number += (g->set.code[i] >> k & 1) * format->plane_weights[k];
      CHECK(g->set.value[i][r] == binq_half_to_float(g->scales[r]) * (float)number);
      CHECK(i == 0 || g->set.value[i][r] > g->set.value[i - 1][r]);
    }
}

static void check_planes(int planes, const int32_t *weights, int count) {
  binq_linear_format format = {.form = BINQ_FORM_PLANES, .planes = planes};
  memcpy(format.plane_weights, weights, (size_t)planes * sizeof *weights);
  group g;
  fill(&g, 11);
  binq_choose_planes(&format, (const binq_rows *)g.w, g.h, BINQ_GROUP, g.numbers, g.scales, &g.set);
  CHECK_EQ_INT(g.set.count, count);
  check_set(&g, &format);
  double found = 0, whole = 0;
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    found += error_of_set(&g, r);
    whole += error_of_whole_range(&g, r, count - 1);
    // Rounding the scale to fp16 may cost a little where the whole range was best.
    CHECK(error_of_set(&g, r) <= 1.01 * error_of_whole_range(&g, r, count - 1));
  }
  CHECK(found < 0.95 * whole);
}

/// Four stored levels lose next to nothing against the exact ones.
static void check_grouped(void) {
  group g;
  fill(&g, 12);
  binq_rows exact[4];
  binq_optimal_levels((const binq_rows *)g.w, g.h, BINQ_GROUP, exact);
  binq_choose_grouped((const binq_rows *)g.w, g.h, BINQ_GROUP, g.numbers, g.scales, &g.set);
  CHECK_EQ_INT(g.set.count, 4);
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    float scale = binq_half_to_float(g.scales[r]);
    const int8_t *numbers = g.numbers + (ptrdiff_t)r * 4;
    CHECK(numbers[0] == -127 || numbers[3] == 127);
    for (int k = 0; k < 4; ++k) {
      CHECK_EQ_INT(g.set.code[k], k);
      CHECK(g.set.value[k][r] == scale * (float)numbers[k]);
      CHECK(fabsf(g.set.value[k][r] - exact[k][r]) <= 0.51F * scale);
    }
  }
}

static void check_scales(void) {
  CHECK_EQ_INT(binq_scale_to_half(0), 0);
  CHECK_EQ_INT(binq_scale_to_half(1), 0x3c00);
  CHECK_EQ_INT(binq_scale_to_half(1e-30F), 1);
  CHECK_EQ_INT(binq_scale_to_half(1e30F), 0x7bff);
}

int main(void) {
  check_planes(2, (int32_t[]){1, 2}, 4);
  check_planes(3, (int32_t[]){1, 2, 4}, 8);
  check_planes(4, (int32_t[]){8, 2, 4, 1}, 16);
  check_planes(3, (int32_t[]){1, 1, 1}, 4);
  check_grouped();
  check_scales();
  return check_result();
}

/// The exact choice of four levels against an exhaustive one, and against EM.
#include "Numbers.h"
#include "lib/Quantize/Slice.h"

#include <math.h>

typedef struct {
  double w, h;
} weighted;

static int compare_weights(const void *a, const void *b) {
  double x = ((const weighted *)a)->w, y = ((const weighted *)b)->w;
  return (x > y) - (x < y);
}

static double squared_error(const weighted *items, int64_t begin, int64_t end) {
  double h = 0, hw = 0, sum = 0;
  for (int64_t i = begin; i < end; ++i) {
    h += items[i].h;
    hw += items[i].h * items[i].w;
  }
  for (int64_t i = begin; i < end && h > 0; ++i)
    sum += items[i].h * (items[i].w - hw / h) * (items[i].w - hw / h);
  return sum;
}

/// The least error of four runs of the sorted weights, trying all ends.
static double exhaustive_error(weighted *items, int64_t count) {
  qsort(items, (size_t)count, sizeof *items, compare_weights);
  double best = INFINITY;
  for (int64_t a = 0; a <= count; ++a)
    for (int64_t b = a; b <= count; ++b) {
      double two = squared_error(items, 0, a) + squared_error(items, a, b);
      for (int64_t c = b; c <= count && two < best; ++c) {
        double error = two + squared_error(items, b, c) + squared_error(items, c, count);
        best = error < best ? error : best;
      }
    }
  return best;
}

static int nearest(const double *levels, double w) {
  int best = 0;
  for (int k = 1; k < 4; ++k)
    if (fabs(w - levels[k]) < fabs(w - levels[best]))
      best = k;
  return best;
}

static double error_of_levels(const weighted *items, int64_t count, const double *levels) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    double difference = items[i].w - levels[nearest(levels, items[i].w)];
    sum += items[i].h * difference * difference;
  }
  return sum;
}

/// EM from quantiles: what the exact choice replaces.
static double em_error(weighted *items, int64_t count) {
  qsort(items, (size_t)count, sizeof *items, compare_weights);
  double levels[4];
  for (int k = 0; k < 4; ++k)
    levels[k] = items[(2 * k + 1) * count / 8].w;
  for (int round = 0; round < 50; ++round) {
    double h[4] = {0}, hw[4] = {0};
    for (int64_t i = 0; i < count; ++i) {
      int k = nearest(levels, items[i].w);
      h[k] += items[i].h;
      hw[k] += items[i].h * items[i].w;
    }
    for (int k = 0; k < 4; ++k)
      levels[k] = h[k] > 0 ? hw[k] / h[k] : levels[k];
  }
  return error_of_levels(items, count, levels);
}

typedef struct {
  binq_rows w[BINQ_GROUP], levels[4];
  float h[BINQ_GROUP];
} group;

static void random_group(group *g, int64_t channels, uint64_t *state) {
  for (int64_t j = 0; j < channels; ++j) {
    g->h[j] = (float)(0.05 + random_unit(state) * random_unit(state));
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
      // Different shapes: normal, heavy-tailed, on a coarse grid with many equal weights.
      float w = random_normal(state);
      const float shapes[] = {w, w * w * w, __builtin_rintf(w * 2)};
      g->w[j][r] = shapes[r % 3];
    }
  }
}

static void copy_row(const group *g, int64_t channels, int r, weighted *items) {
  for (int64_t j = 0; j < channels; ++j)
    items[j] = (weighted){(double)g->w[j][r], (double)g->h[j]};
}

static double error_found(const group *g, const weighted *items, int64_t channels, int r) {
  double levels[4];
  for (int k = 0; k < 4; ++k) {
    levels[k] = (double)g->levels[k][r];
    CHECK(k == 0 || levels[k] >= levels[k - 1]);
  }
  return error_of_levels(items, channels, levels);
}

static void check_exact(int64_t channels) {
  uint64_t state = 5;
  group g;
  weighted items[BINQ_GROUP];
  random_group(&g, channels, &state);
  binq_optimal_levels((const binq_rows *)g.w, g.h, channels, g.levels);
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    copy_row(&g, channels, r, items);
    double best = exhaustive_error(items, channels);
    double found = error_found(&g, items, channels, r);
    if (!(fabs(found - best) <= 1e-5 * best + 1e-9))
      CHECK_FAIL("row %d: the error is %g, the least is %g", r, found, best);
  }
}

/// EM ends in a local minimum: never below the exact one, and for normal
/// weights a little above on average.
static void check_against_em(int64_t channels) {
  uint64_t state = 6;
  group g;
  weighted items[BINQ_GROUP];
  random_group(&g, channels, &state);
  binq_optimal_levels((const binq_rows *)g.w, g.h, channels, g.levels);
  double exact = 0, em = 0;
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    copy_row(&g, channels, r, items);
    double row = error_found(&g, items, channels, r), em_row = em_error(items, channels);
    CHECK(row <= em_row * (1 + 1e-5) + 1e-9);
    exact += r % 3 == 0 ? row : 0;
    em += r % 3 == 0 ? em_row : 0;
  }
  CHECK(em <= 1.1 * exact);
}

/// Channels without importance have no say; fewer distinct weights than levels are met exactly.
static void check_degenerate(void) {
  static group g;
  for (int64_t j = 0; j < 64; ++j) {
    g.h[j] = j < 32 ? 0 : 3e-20F;
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      g.w[j][r] = j < 32 ? 1000 : (float)(r % 3 * (j % 2 ? 1 : -2));
  }
  binq_optimal_levels((const binq_rows *)g.w, g.h, 64, g.levels);
  weighted items[BINQ_GROUP];
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    copy_row(&g, 64, r, items);
    CHECK(error_found(&g, items + 32, 32, r) <= 1e-9 * 3e-20);
  }
  memset(&g, 0, sizeof g);
  binq_optimal_levels((const binq_rows *)g.w, g.h, 128, g.levels);
  for (int k = 0; k < 4; ++k)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      CHECK(g.levels[k][r] == 0);
}

int main(void) {
  check_exact(4);
  check_exact(32);
  check_exact(45);
  check_against_em(64);
  check_against_em(96);
  check_against_em(128);
  check_degenerate();
  return check_result();
}

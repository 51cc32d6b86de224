/// The four levels of a group of grouped-binary weights, given its codes: the form is a quadratic
/// function of them.
#include "Refine.h"

#include <string.h>

enum { LEVELS = BINQ_LEVELS, LANES = BINQ_LANES, LARGEST = 127, ROUNDING_PASSES = 2 };

/// A level of so little curvature of its own, next to that before elimination, is left where it is.
#define LEAST_PIVOT 1e-6

typedef int32_t mask __attribute__((ext_vector_type(LANES)));
typedef uint8_t row_codes __attribute__((ext_vector_type(LANES)));

/// Of 8 rows: the channels that take each level (1, else 0), the form times them, and the function
/// of the levels that follows.
typedef struct {
  binq_lanes member[LEVELS][BINQ_GROUP], product[LEVELS][BINQ_GROUP];
  binq_lanes slope[LEVELS], curvature[LEVELS][LEVELS];
} level_form;

/// The same of one row: its change with the levels is 2 slope d + d curvature d.
typedef struct {
  double slope[LEVELS], curvature[LEVELS][LEVELS];
  double old[LEVELS], level[LEVELS];
} row_form;

/// What the function of the levels has from level k; its sums fit into registers.
static void collect_level(const binq_group *g, int first, int k, level_form *f) {
  binq_lanes slope = {0}, curvature[LEVELS] = {0};
  for (int64_t j = g->first; j < g->channels; ++j) {
    binq_lanes member = f->member[k][j];
    slope += member * binq_load_lanes(g->gradient[j] + first);
#pragma clang loop unroll(full)
    for (int i = 0; i < LEVELS; ++i)
      curvature[i] += member * f->product[i][j];
  }
  f->slope[k] = slope;
#pragma clang loop unroll(full)
  for (int i = 0; i < LEVELS; ++i)
    f->curvature[k][i] = curvature[i];
}

static void collect_form(const binq_group *g, const float *sums, int first, level_form *f) {
  for (int64_t j = g->first; j < g->channels; ++j) {
    row_codes codes;
    memcpy(&codes, g->codes[j] + first, sizeof codes);
    for (int k = 0; k < LEVELS; ++k)
      f->member[k][j] = __builtin_convertvector(codes, mask) == k ? (binq_lanes)1 : (binq_lanes)0;
  }
  for (int k = 0; k + 1 < LEVELS; ++k)
    binq_multiply_form(g, f->member[k], f->product[k]);
  for (int64_t j = g->first; j < g->channels; ++j) {
    f->product[LEVELS - 1][j] = (binq_lanes)sums[j];
    for (int k = 0; k + 1 < LEVELS; ++k) // every channel takes one level
      f->product[LEVELS - 1][j] -= f->product[k][j];
  }
  for (int k = 0; k < LEVELS; ++k)
    collect_level(g, first, k, f);
}

static row_form form_of_row(const binq_group *g, const level_form *f, int first, int lane) {
  row_form row;
  for (int k = 0; k < LEVELS; ++k) {
    row.slope[k] = (double)f->slope[k][lane];
    row.old[k] = (double)g->set->value[k][first + lane];
    for (int i = 0; i < LEVELS; ++i)
      row.curvature[k][i] =
          ((double)f->curvature[k][i][lane] + (double)f->curvature[i][k][lane]) / 2;
  }
  return row;
}

/// Gauss elimination; levels that no channel takes stay where they are.
static void solve(row_form *f) {
  double a[LEVELS][LEVELS], d[LEVELS];
  bool fixed[LEVELS];
  for (int i = 0; i < LEVELS; ++i) {
    d[i] = -f->slope[i];
    for (int k = 0; k < LEVELS; ++k)
      a[i][k] = f->curvature[i][k];
  }
  for (int i = 0; i < LEVELS; ++i) {
    fixed[i] = !(a[i][i] > LEAST_PIVOT * f->curvature[i][i]);
    for (int r = i + 1; r < LEVELS && !fixed[i]; ++r) {
      double factor = a[r][i] / a[i][i];
      d[r] -= factor * d[i];
      for (int k = i; k < LEVELS; ++k)
        a[r][k] -= factor * a[i][k];
    }
  }
  for (int i = LEVELS - 1; i >= 0; --i) {
    for (int k = i + 1; k < LEVELS; ++k)
      d[i] -= a[i][k] * d[k];
    d[i] = fixed[i] ? 0 : d[i] / a[i][i];
    f->level[i] = f->old[i] + d[i];
  }
}

/// `units`, rounded and kept within the int8 that are used.
static int8_t to_int8(double units) {
  double rounded = __builtin_rint(units);
  if (!(rounded > -LARGEST)) // also what is not a number
    return -LARGEST;
  return (int8_t)(rounded < LARGEST ? rounded : LARGEST);
}

/// Half of what the form grows by with level k, where the levels are now.
static double slope_at(const row_form *f, int k) {
  double slope = f->slope[k];
  for (int i = 0; i < LEVELS; ++i)
    slope += f->curvature[k][i] * (f->level[i] - f->old[i]);
  return slope;
}

/// Rounds the levels to int8 times an fp16 scale, then moves one after another to where it suits
/// the others as rounded.
static uint16_t round_levels(row_form *f, int8_t numbers[LEVELS]) {
  float exact[LEVELS];
  for (int k = 0; k < LEVELS; ++k)
    exact[k] = (float)f->level[k];
  uint16_t half = binq_store_levels(exact, numbers);
  double scale = (double)binq_half_to_float(half);
  for (int k = 0; k < LEVELS; ++k)
    f->level[k] = scale * numbers[k];
  for (int pass = 0; pass < ROUNDING_PASSES && scale > 0; ++pass)
    for (int k = 0; k < LEVELS; ++k) {
      if (!(f->curvature[k][k] > 0))
        continue;
      numbers[k] = to_int8((f->level[k] - slope_at(f, k) / f->curvature[k][k]) / scale);
      f->level[k] = scale * numbers[k];
    }
  return half;
}

static double change_of_form(const row_form *f) {
  double change = 0;
  for (int k = 0; k < LEVELS; ++k)
    change += (f->slope[k] + slope_at(f, k)) * (f->level[k] - f->old[k]);
  return change;
}

void binq_refit_grouped(const binq_group *g, const float *sums, int first) {
  level_form f;
  binq_lanes change[LEVELS] = {0};
  collect_form(g, sums, first, &f);
  for (int lane = 0; lane < LANES; ++lane) {
    int8_t numbers[LEVELS];
    row_form row = form_of_row(g, &f, first, lane);
    solve(&row);
    uint16_t half = round_levels(&row, numbers);
    if (!(change_of_form(&row) < 0))
      continue;
    int r = first + lane;
    g->coefficients->scales[r] = half;
    for (int k = 0; k < LEVELS; ++k) {
      g->coefficients->levels[r][k] = numbers[k];
      g->set->value[k][r] = (float)row.level[k];
      change[k][lane] = (float)(row.level[k] - row.old[k]);
    }
  }
  for (int64_t j = g->first; j < g->channels; ++j) {
    binq_lanes gradient = binq_load_lanes(g->gradient[j] + first);
    for (int k = 0; k < LEVELS; ++k)
      gradient += f.product[k][j] * change[k];
    binq_store_lanes(g->gradient[j] + first, gradient);
    binq_lanes value = binq_load_lanes(g->set->value[0] + first);
    for (int k = 1; k < LEVELS; ++k)
      value = f.member[k][j] != 0 ? binq_load_lanes(g->set->value[k] + first) : value;
    binq_store_lanes(g->value[j] + first, value);
  }
}

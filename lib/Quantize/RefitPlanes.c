/// Scale and zero of a group of additive planes, given its codes: for each zero near the old one
/// the best scale.
#include "Refine.h"

enum { LANES = BINQ_LANES, LARGEST_ZERO = 127 };

/// Of one row: products of the form with u, the sum of planes less the zero, and with ones.
typedef struct {
  double slope_u, slope_ones; ///< gradient times u, times ones
  double u_u, u_ones, ones_ones;
  double scale;
  int zero;
} plane_form;

/// A scale and a zero, `step` from the old one, with what the form changes by.
typedef struct {
  double change;
  uint16_t half;
  int step;
} candidate;

static candidate best_scale(const plane_form *f, int step) {
  candidate none = {0};
  double slope = f->slope_u - step * f->slope_ones; // of u - step times ones
  double with_old = f->u_u - step * f->u_ones;
  double square = f->u_u - 2 * step * f->u_ones + (double)(step * step) * f->ones_ones;
  int zero = f->zero + step;
  double scale = (f->scale * with_old - slope) / square;
  if (!(square > 0) || !(scale > 0) || zero < 0 || zero > LARGEST_ZERO)
    return none;
  uint16_t half = binq_scale_to_half((float)scale);
  double stored = (double)binq_half_to_float(half);
  double change = 2 * (stored * slope - f->scale * f->slope_u) + stored * stored * square -
                  2 * stored * f->scale * with_old + f->scale * f->scale * f->u_u;
  return (candidate){change, half, step};
}

/// Vectors of 8 rows.
typedef struct {
  binq_lanes u[BINQ_GROUP], product[BINQ_GROUP];
  binq_lanes slope_u, slope_ones, u_u, u_ones;
  float ones_ones;
} lanes_form;

static void collect_form(const binq_group *g, const float *sums, int first, binq_lanes scale,
                         lanes_form *f) {
  f->slope_u = f->slope_ones = f->u_u = f->u_ones = (binq_lanes)0;
  f->ones_ones = 0;
  for (int64_t j = g->first; j < g->channels; ++j) {
    binq_lanes value = binq_load_lanes(g->value[j] + first);
    f->u[j] = scale > 0 ? __builtin_elementwise_rint(value / scale) : (binq_lanes)0;
  }
  binq_multiply_form(g, f->u, f->product);
  for (int64_t j = g->first; j < g->channels; ++j) {
    binq_lanes gradient = binq_load_lanes(g->gradient[j] + first);
    f->slope_u += f->u[j] * gradient;
    f->slope_ones += gradient;
    f->u_u += f->u[j] * f->product[j];
    f->u_ones += f->product[j];
    f->ones_ones += sums[j];
  }
}

/// The best choice for a row; no change, if nothing is better.
static candidate choose(const binq_group *g, const lanes_form *f, int first, int lane) {
  int r = first + lane;
  plane_form row = {.slope_u = (double)f->slope_u[lane],
                    .slope_ones = (double)f->slope_ones[lane],
                    .u_u = (double)f->u_u[lane],
                    .u_ones = (double)f->u_ones[lane],
                    .ones_ones = (double)f->ones_ones,
                    .scale = (double)binq_half_to_float(g->coefficients->scales[r]),
                    .zero = g->coefficients->zeros[r]};
  candidate best = {.half = g->coefficients->scales[r]};
  for (int step = -1; step <= 1; ++step) {
    candidate other = best_scale(&row, step);
    if (other.change < best.change)
      best = other;
  }
  return best;
}

void binq_refit_planes(const binq_group *g, const float *sums, int first) {
  binq_plane_sums planes = binq_plane_sums_of(g->format);
  binq_lanes old, scale, step;
  for (int lane = 0; lane < LANES; ++lane)
    old[lane] = binq_half_to_float(g->coefficients->scales[first + lane]);
  lanes_form f;
  collect_form(g, sums, first, old, &f);
  for (int lane = 0; lane < LANES; ++lane) {
    candidate chosen = choose(g, &f, first, lane);
    int r = first + lane;
    g->coefficients->scales[r] = chosen.half;
    g->coefficients->zeros[r] = (int8_t)(g->coefficients->zeros[r] + chosen.step);
    scale[lane] = binq_half_to_float(chosen.half);
    step[lane] = (float)chosen.step;
    for (int i = 0; i < g->set->count; ++i)
      g->set->value[i][r] = scale[lane] * (planes.sum[i] - (float)g->coefficients->zeros[r]);
  }
  for (int64_t j = g->first; j < g->channels; ++j) {
    binq_lanes gradient = binq_load_lanes(g->gradient[j] + first);
    gradient += (scale - old) * f.product[j] - scale * step * (binq_lanes)sums[j];
    binq_store_lanes(g->gradient[j] + first, gradient);
    binq_store_lanes(g->value[j] + first, scale * (f.u[j] - step));
  }
}

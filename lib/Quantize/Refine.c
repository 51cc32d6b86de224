#include "Refine.h"

/// Refits of levels and descents on codes each time a group is at hand: they hardly cost anything
/// next to the spreading of its error, and more do not help.
enum { GROUP_ROUNDS = 3 };

enum { BLOCK = 8 }; ///< rows of the form that are multiplied together: sums enough to wait for none

typedef int32_t mask __attribute__((ext_vector_type(BINQ_LANES)));

/// The best level of channel j for 8 rows; `place` is its number in the set. Of two equally good
/// ones the lower.
static binq_lanes best_level(const binq_group *g, int64_t j, int first, mask *place) {
  float curvature = g->form[j * g->form_row + j];
  binq_lanes target = binq_load_lanes(g->value[j] + first) -
                      binq_load_lanes(g->gradient[j] + first) / (binq_lanes)curvature;
  binq_lanes nearest = binq_load_lanes(g->set->value[0] + first);
  binq_lanes distance = __builtin_elementwise_abs(target - nearest);
  *place = (mask)0;
  for (int i = 1; i < g->set->count; ++i) {
    binq_lanes level = binq_load_lanes(g->set->value[i] + first);
    binq_lanes other = __builtin_elementwise_abs(target - level);
    mask nearer = other < distance;
    nearest = nearer ? level : nearest;
    distance = nearer ? other : distance;
    *place = nearer ? (mask)i : *place;
  }
  return nearest;
}

static void descend_lanes(const binq_group *g, int first) {
  for (int64_t j = g->first; j < g->channels; ++j) {
    mask place;
    binq_lanes level = best_level(g, j, first, &place);
    binq_lanes change = level - binq_load_lanes(g->value[j] + first);
    if (!__builtin_reduce_or(change != 0))
      continue;
    binq_store_lanes(g->value[j] + first, level);
    for (int r = 0; r < BINQ_LANES; ++r)
      g->codes[j][first + r] = g->set->code[place[r]];
    const float *form = g->form + j * g->form_row;
    for (int64_t k = g->first; k < g->channels; ++k) {
      binq_lanes gradient = binq_load_lanes(g->gradient[k] + first);
      gradient = __builtin_elementwise_fma((binq_lanes)form[k], change, gradient);
      binq_store_lanes(g->gradient[k] + first, gradient);
    }
  }
}

void binq_descend(const binq_group *g) {
  for (int first = 0; first < BINQ_BLOCK_ROWS; first += BINQ_LANES)
    descend_lanes(g, first);
}

/// `rows` rows of the form, a constant wherever this is inlined.
static inline __attribute__((always_inline)) void
multiply_rows(int rows, const binq_group *g, int64_t j, const binq_lanes *vector, binq_lanes *out) {
  const float *form = g->form + j * g->form_row;
  binq_lanes sums[BLOCK] = {0};
  for (int64_t k = g->first; k < g->channels; ++k) {
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; ++i)
      sums[i] =
          __builtin_elementwise_fma((binq_lanes)form[i * g->form_row + k], vector[k], sums[i]);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; ++i)
    out[j + i] = sums[i];
}

void binq_multiply_form(const binq_group *g, const binq_lanes *vector, binq_lanes *out) {
  int64_t j = g->first;
  for (; j + BLOCK <= g->channels; j += BLOCK)
    multiply_rows(BLOCK, g, j, vector, out);
  for (; j < g->channels; ++j)
    multiply_rows(1, g, j, vector, out);
}

void binq_refit_levels(const binq_group *g) {
  float sums[BINQ_GROUP] = {0};
  // Of columns, which are those of rows: so they are summed up side by side.
  for (int64_t k = g->first; k < g->channels; ++k)
    for (int64_t j = g->first; j < g->channels; ++j)
      sums[j] += g->form[k * g->form_row + j];
  for (int first = 0; first < BINQ_BLOCK_ROWS; first += BINQ_LANES)
    if (g->format->form == BINQ_FORM_GROUPED_BINARY)
      binq_refit_grouped(g, sums, first);
    else
      binq_refit_planes(g, sums, first);
}

void binq_refine_group(binq_slice *s, const binq_run *run, int64_t group, const float *form,
                       int64_t form_row) {
  binq_group g = {.format = &s->job->out->format,
                  .form = form,
                  .form_row = form_row,
                  .first = run->first - run->begin,
                  .channels = run->end - run->begin,
                  .value = s->value + run->begin,
                  .gradient = s->gradient + run->begin,
                  .codes = s->codes + run->begin,
                  .set = &s->sets[group],
                  .coefficients = &s->coefficients[group]};
  for (int round = 0; round < GROUP_ROUNDS; ++round) {
    binq_refit_levels(&g);
    binq_descend(&g);
  }
}

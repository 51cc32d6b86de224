/// Refinement against the whole Hessian: group after group, the others staying, the INT8 columns
/// always following to where they make up best for the errors.
#include "Refine.h"

#include <string.h>

/// Half of what the form grows by with each plane column.
static void collect_gradient(binq_slice *s) {
  const binq_input_statistics *statistics = s->job->statistics;
  int64_t columns = statistics->plane_columns;
  for (int64_t j = 0; j < columns; ++j)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      s->w[j][r] = s->value[j][r] - binq_original_weight(s, j, r);
  for (int64_t j = 0; j < columns; j += 2)
    binq_slice_product(statistics->reduced + j, columns, (const binq_rows *)s->w, columns,
                       s->gradient + j);
}

/// Adds what a change of the columns of `run` does to columns [begin, end).
static void spread_change(binq_slice *s, const binq_run *run, const binq_rows *change,
                          int64_t begin, int64_t end) {
  int64_t columns = s->job->statistics->plane_columns;
  const float *form = s->job->statistics->reduced + run->begin * columns;
  for (int64_t k = begin; k < end; k += 2) {
    binq_rows product[2];
    binq_slice_product(form + k, columns, change, run->end - run->begin, product);
    for (int c = 0; c < 2; ++c)
      for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
        s->gradient[k + c][r] += product[c][r];
  }
}

static void revisit_group(binq_slice *s, int64_t group) {
  int64_t columns = s->job->statistics->plane_columns;
  binq_run run = binq_run_of(s, group);
  int64_t channels = run.end - run.begin;
  const binq_rows *value = (const binq_rows *)(s->value + run.begin);
  binq_rows change[BINQ_GROUP];
  memcpy(change, value, (size_t)channels * sizeof *change);
  binq_refine_group(s, &run, group, s->job->statistics->reduced + run.begin * (columns + 1),
                    columns);
  for (int64_t j = 0; j < channels; ++j)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      change[j][r] = value[j][r] - change[j][r];
  spread_change(s, &run, (const binq_rows *)change, 0, run.begin);
  spread_change(s, &run, (const binq_rows *)change, run.end, columns);
}

void binq_refine_slice(binq_slice *s) {
  collect_gradient(s);
  for (int64_t round = 0; round < s->job->method->refine; ++round)
    for (int64_t group = 0; group < s->job->layout.groups; ++group)
      revisit_group(s, group);
}

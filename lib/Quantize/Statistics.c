/// What quantizing a linear needs to know of its input: the order of its channels, the damped
/// Hessian, its factor and what is left of it to some of the channels.
#include "Factor.h"
#include "Tasks.h"
#include "binq/Quantize/Quantize.h"
#include "binq/Support/Memory.h"

#include <inttypes.h>
#include <stdlib.h>

enum { MAX_COLUMNS = UINT16_MAX + 1, STRIP = BINQ_CHANNEL_STEP };

typedef struct {
  float diagonal;
  uint16_t index;
} channel;

/// Descending; equal ones stay in the model's order.
static int compare_channels(const void *left, const void *right) {
  const channel *a = left, *b = right;
  if (a->diagonal != b->diagonal)
    return a->diagonal > b->diagonal ? -1 : 1;
  return (a->index > b->index) - (a->index < b->index);
}

/// A channel's error can be made up for by those behind it, so the channels that matter most go
/// first; only the outliers go last, where INT8 absorbs what is left.
static binq_status order_channels(const float *sum, int64_t int8_columns,
                                  binq_input_statistics *s) {
  channel *channels = NULL;
  BINQ_TRY(binq_allocate((size_t)s->columns, sizeof *channels, "channel order", &channels));
  for (int64_t j = 0; j < s->columns; ++j)
    channels[j] = (channel){sum[j * s->columns + j], (uint16_t)j};
  qsort(channels, (size_t)s->columns, sizeof *channels, compare_channels);
  int64_t padding = s->padded_columns - s->columns;
  int64_t outliers = int8_columns < s->columns ? int8_columns : s->columns;
  for (int64_t j = 0; j < padding; ++j)
    s->order[j] = (uint16_t)(s->columns + j);
  for (int64_t j = 0; j < s->columns; ++j)
    s->order[padding + j] = channels[(j + outliers) % s->columns].index;
  free(channels);
  return BINQ_OK;
}

typedef struct {
  const float *sum;
  double scale;
  binq_input_statistics *statistics;
} damped_hessian;

static float hessian_entry(const damped_hessian *d, int64_t row, int64_t column) {
  int64_t columns = d->statistics->columns;
  if (row >= columns || column >= columns)
    return row == column ? 1 : 0;
  // Only the upper triangle of the sum is there.
  int64_t place = row < column ? row * columns + column : column * columns + row;
  double value = (double)d->sum[place] * d->scale;
  if (row != column)
    return (float)value;
  value += d->statistics->damping;
  return value == 0 ? 1 : (float)value; // never seen, and no damping
}

static void fill_rows(const void *argument, int64_t task) {
  const damped_hessian *d = argument;
  const binq_input_statistics *s = d->statistics;
  for (int64_t i = task * STRIP; i < (task + 1) * STRIP; ++i)
    for (int64_t j = 0; j < s->padded_columns; ++j)
      s->hessian[i * s->padded_columns + j] = hessian_entry(d, s->order[i], s->order[j]);
}

/// The inverse of U between the channels of a group.
static void invert_group(const binq_input_statistics *s, int64_t begin, int64_t channels,
                         double inverse[BINQ_GROUP][BINQ_GROUP]) {
  const float *u = s->factor + begin * (s->padded_columns + 1);
  for (int64_t j = 0; j < channels; ++j) {
    inverse[j][j] = 1 / (double)u[j * s->padded_columns + j];
    for (int64_t i = j - 1; i >= 0; --i) {
      double sum = 0;
      for (int64_t k = i + 1; k <= j; ++k)
        sum += (double)u[i * s->padded_columns + k] * inverse[k][j];
      inverse[i][j] = -sum / (double)u[i * s->padded_columns + i];
    }
  }
}

/// The form within a group is U^-1 U^-T.
static void fill_group(const void *argument, int64_t task) {
  const binq_input_statistics *s = argument;
  int64_t begin = task * BINQ_GROUP, rest = s->plane_columns - begin;
  int64_t channels = rest < BINQ_GROUP ? rest : BINQ_GROUP;
  double inverse[BINQ_GROUP][BINQ_GROUP];
  invert_group(s, begin, channels, inverse);
  for (int64_t i = 0; i < channels; ++i)
    for (int64_t j = 0; j < channels; ++j) {
      double sum = 0;
      for (int64_t k = i > j ? i : j; k < channels; ++k)
        sum += inverse[i][k] * inverse[j][k];
      s->within[(begin + i) * BINQ_GROUP + j] = (float)sum;
    }
}

static void fill_identity(binq_input_statistics *s) {
  for (int64_t j = 0; j < s->padded_columns; ++j) {
    s->order[j] = (uint16_t)j;
    s->hessian[j * s->padded_columns + j] = 1;
    s->factor[j * s->padded_columns + j] = 1;
  }
  for (int64_t j = 0; j < s->plane_columns; ++j) {
    s->reduced[j * s->plane_columns + j] = 1;
    s->within[j * BINQ_GROUP + j % BINQ_GROUP] = 1;
  }
}

static binq_status fill(binq_pool *pool, const float *sum, int64_t tokens, double damping,
                        binq_input_statistics *s) {
  damped_hessian d = {.sum = sum, .scale = 2.0 / (double)tokens, .statistics = s};
  double trace = 0;
  for (int64_t j = 0; j < s->columns; ++j)
    trace += (double)sum[j * s->columns + j] * d.scale;
  s->damping = damping * trace / (double)s->columns;
  binq_run_tasks(pool, s->padded_columns / STRIP, fill_rows, &d);
  int64_t int8_columns = s->padded_columns - s->plane_columns;
  BINQ_TRY(binq_inverse_factor(pool, s->hessian, s->padded_columns, int8_columns, s->factor,
                               s->reduced));
  binq_run_tasks(pool, (s->plane_columns + BINQ_GROUP - 1) / BINQ_GROUP, fill_group, s);
  return BINQ_OK;
}

static binq_status allocate_arrays(binq_input_statistics *s) {
  size_t size = (size_t)s->padded_columns;
  BINQ_TRY(binq_allocate(size, sizeof *s->order, "channel order", &s->order));
  BINQ_TRY(binq_allocate(size * size, sizeof *s->hessian, "Hessian", &s->hessian));
  size_t planes = (size_t)s->plane_columns;
  BINQ_TRY(binq_allocate(planes * planes, sizeof *s->reduced, "Hessian", &s->reduced));
  BINQ_TRY(binq_allocate(planes * BINQ_GROUP, sizeof *s->within, "Hessian", &s->within));
  return binq_allocate(size * size, sizeof *s->factor, "factor of a Hessian", &s->factor);
}

static binq_status check(const float *sum, int64_t columns, int64_t tokens, int64_t int8_columns) {
  if (columns < 1 || columns > MAX_COLUMNS)
    return binq_errorf("a linear has 1 to %d columns, not %" PRId64, MAX_COLUMNS, columns);
  if (sum && tokens < 1)
    return binq_errorf("a Hessian needs at least one token");
  if (int8_columns < 0 || int8_columns % STRIP != 0 ||
      int8_columns > binq_round_up(columns, BINQ_CHANNEL_STEP))
    return binq_errorf("an input cannot have %" PRId64 " INT8 columns", int8_columns);
  return BINQ_OK;
}

binq_status binq_input_statistics_create(binq_pool *pool, const float *sum, int64_t columns,
                                         int64_t tokens, int64_t int8_columns, double damping,
                                         binq_input_statistics *out) {
  *out = (binq_input_statistics){0};
  BINQ_TRY(check(sum, columns, tokens, int8_columns));
  out->columns = columns;
  out->padded_columns = binq_round_up(columns, BINQ_CHANNEL_STEP);
  out->plane_columns = out->padded_columns - int8_columns;
  binq_status status = allocate_arrays(out);
  if (!status && sum)
    status = order_channels(sum, int8_columns, out);
  if (!status && sum)
    status = fill(pool, sum, tokens, damping, out);
  else if (!status)
    fill_identity(out);
  if (status)
    binq_input_statistics_free(out);
  return status;
}

void binq_input_statistics_free(binq_input_statistics *statistics) {
  free(statistics->order);
  free(statistics->hessian);
  free(statistics->factor);
  free(statistics->reduced);
  free(statistics->within);
  *statistics = (binq_input_statistics){0};
}

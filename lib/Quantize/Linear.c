/// Quantizes a linear, 32 rows a thread at a time.
#include "Linear.h"
#include "binq/Support/Memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/// The slices of a linear, and one at work for each thread.
typedef struct {
  binq_linear_job job;
  int64_t count;
  _Atomic int64_t next;
  binq_slice *threads;
  double *errors, *norms; ///< of every slice
} slices;

binq_run binq_run_of(const binq_slice *s, int64_t group) {
  const binq_linear_job *job = s->job;
  binq_run run = {.begin = group * BINQ_GROUP, .end = (group + 1) * BINQ_GROUP};
  if (run.end > job->layout.plane_columns)
    run.end = job->layout.plane_columns;
  run.first = run.begin;
  while (run.first < run.end && binq_is_padding(job->statistics, run.first))
    ++run.first;
  return run;
}

float binq_original_weight(const binq_slice *s, int64_t channel, int r) {
  const binq_linear_job *job = s->job;
  int64_t row = s->first_row + r, columns = job->statistics->columns;
  if (row >= job->out->format.rows || binq_is_padding(job->statistics, channel))
    return 0;
  return job->weights[row * columns + job->statistics->order[channel]];
}

static void load_slice(binq_slice *s) {
  for (int64_t j = 0; j < s->job->layout.padded_columns; ++j)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      s->w[j][r] = binq_original_weight(s, j, r);
}

/// The squared distance of the slice's weights from the model's.
static double squared_difference(const binq_slice *s) {
  double sum = 0;
  for (int64_t j = 0; j < s->job->layout.padded_columns; ++j)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
      double difference = (double)s->w[j][r] - (double)binq_original_weight(s, j, r);
      sum += difference * difference;
    }
  return sum;
}

static double squared_weights(const binq_slice *s) {
  double sum = 0;
  for (int64_t j = 0; j < s->job->layout.padded_columns; ++j)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      sum += (double)s->w[j][r] * (double)s->w[j][r];
  return sum;
}

/// The sum over rows of w H w^T.
static double quadratic_form(const binq_slice *s) {
  const binq_input_statistics *statistics = s->job->statistics;
  int64_t size = statistics->padded_columns;
  double sum = 0;
  for (int64_t j = 0; j < size; j += 2) {
    binq_rows product[2];
    binq_slice_product(statistics->hessian + j, size, (const binq_rows *)s->w, size, product);
    for (int c = 0; c < 2; ++c)
      for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
        sum += (double)product[c][r] * (double)s->w[j + c][r];
  }
  return sum;
}

/// Hands over what was chosen for the plane columns.
static void write_codes(const binq_slice *s) {
  binq_quantized_linear *out = s->job->out;
  const binq_layout *layout = &s->job->layout;
  for (int64_t j = 0; j < layout->plane_columns; ++j)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      out->codes[(s->first_row + r) * layout->plane_columns + j] = s->codes[j][r];
  for (int64_t group = 0; group < layout->groups; ++group)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
      const binq_coefficients *from = &s->coefficients[group];
      int64_t place = (s->first_row + r) * layout->groups + group;
      out->scales[place] = from->scales[r];
      if (out->levels)
        memcpy(out->levels + place * BINQ_LEVELS, from->levels[r], BINQ_LEVELS);
      if (out->zeros)
        out->zeros[place] = from->zeros[r];
    }
}

static void choose_codes(binq_slice *s) {
  const binq_method *method = s->job->method;
  bool rounds = method->rounding == BINQ_ROUNDING_NEAREST;
  if (rounds)
    binq_round_codes(s);
  else
    binq_choose_codes(s);
  if (method->refine > 0)
    binq_refine_slice(s);
  if (!rounds && method->refine == 0)
    return;
  load_slice(s);
  binq_replay_codes(s);
}

static void quantize_slice(slices *all, binq_slice *s, int64_t number) {
  double damping = all->job.statistics->damping;
  s->first_row = number * BINQ_BLOCK_ROWS;
  s->error = 0;
  load_slice(s);
  all->norms[number] = quadratic_form(s) - damping * squared_weights(s);
  choose_codes(s);
  write_codes(s);
  binq_choose_int8(s);
  all->errors[number] = s->error - damping * squared_difference(s);
}

/// Takes slices while there are any. Which thread takes which makes no difference.
static void quantize_slices(void *argument, int64_t thread, int64_t threads) {
  (void)threads;
  slices *all = argument;
  for (int64_t i = 0; (i = atomic_fetch_add(&all->next, 1)) < all->count;)
    quantize_slice(all, &all->threads[thread], i);
}

static binq_status create_slice(const binq_linear_job *job, binq_slice *out) {
  size_t channels = (size_t)job->layout.padded_columns, planes = (size_t)job->layout.plane_columns;
  size_t groups = (size_t)job->layout.groups;
  out->job = job;
  BINQ_TRY(binq_allocate(channels, sizeof *out->w, "weights being quantized", &out->w));
  BINQ_TRY(binq_allocate(planes, sizeof *out->value, "quantized weights", &out->value));
  BINQ_TRY(binq_allocate(planes, sizeof *out->gradient, "gradients of weights", &out->gradient));
  BINQ_TRY(binq_allocate(planes, sizeof *out->codes, "codes", &out->codes));
  BINQ_TRY(binq_allocate(groups, sizeof *out->sets, "levels", &out->sets));
  return binq_allocate(groups, sizeof *out->coefficients, "levels", &out->coefficients);
}

static void free_slice(binq_slice *s) {
  free(s->w);
  free(s->value);
  free(s->gradient);
  free(s->codes);
  free(s->sets);
  free(s->coefficients);
}

static binq_status run_slices(binq_pool *pool, slices *all, double *relative_error) {
  size_t threads = (size_t)binq_pool_threads(pool);
  BINQ_TRY(binq_allocate(threads, sizeof *all->threads, "slices", &all->threads));
  for (size_t i = 0; i < threads; ++i)
    BINQ_TRY(create_slice(&all->job, &all->threads[i]));
  BINQ_TRY(binq_allocate((size_t)all->count, sizeof *all->errors, "errors", &all->errors));
  BINQ_TRY(binq_allocate((size_t)all->count, sizeof *all->norms, "norms", &all->norms));
  binq_pool_run(pool, quantize_slices, all);
  double error = 0, norm = 0;
  for (int64_t i = 0; i < all->count; ++i) {
    error += all->errors[i];
    norm += all->norms[i];
  }
  *relative_error = norm > 0 && error > 0 ? error / norm : 0;
  if (!isfinite(error) || !isfinite(norm))
    return binq_errorf("the weights are too large to be quantized");
  return BINQ_OK;
}

static binq_status check_input(const float *weights, const binq_input_statistics *statistics,
                               const binq_linear_format *format) {
  if (format->columns != statistics->columns)
    return binq_errorf("the weights have %" PRId64 " columns, their input %" PRId64,
                       format->columns, statistics->columns);
  int64_t int8_columns = statistics->padded_columns - statistics->plane_columns;
  if (format->int8_columns != int8_columns)
    return binq_errorf("the weights have %" PRId64 " INT8 columns, their input %" PRId64,
                       format->int8_columns, int8_columns);
  for (int64_t i = 0; i < format->rows; ++i)
    for (int64_t j = 0; j < format->columns; ++j)
      if (!isfinite(weights[i * format->columns + j]))
        return binq_errorf(
            "the weight at row %" PRId64 ", column %" PRId64 " is not a finite number", i, j);
  return BINQ_OK;
}

binq_status binq_quantize_linear(binq_pool *pool, const float *weights,
                                 const binq_input_statistics *statistics,
                                 const binq_linear_format *format, const binq_method *method,
                                 binq_quantized_linear *out, double *relative_error) {
  *out = (binq_quantized_linear){.format = *format};
  slices all = {
      .job = {.weights = weights, .statistics = statistics, .method = method, .out = out}};
  BINQ_TRY(binq_layout_of(format, &all.job.layout));
  BINQ_TRY(check_input(weights, statistics, format));
  BINQ_TRY(binq_quantized_linear_create(format, out));
  all.count = all.job.layout.padded_rows / BINQ_BLOCK_ROWS;
  binq_status status = run_slices(pool, &all, relative_error);
  for (int i = 0; all.threads && i < binq_pool_threads(pool); ++i)
    free_slice(&all.threads[i]);
  free(all.threads);
  free(all.errors);
  free(all.norms);
  if (status)
    binq_quantized_linear_free(out);
  return status;
}

/// GPTQ: channels in order, each one's error spread over those still to come.
#include "Slice.h"
#include "Tasks.h"
#include "binq/Quantize/Quantize.h"
#include "binq/Support/Memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 4, INT8_LARGEST = 127 };

typedef struct {
  const float *weights;
  const binq_input_statistics *statistics;
  binq_layout layout;
  binq_quantized_linear *out;
  binq_rows *slices;      ///< [slices][padded_columns]
  double *errors, *norms; ///< of every slice
} quantization;

/// One slice at work.
typedef struct {
  const quantization *all;
  int64_t first_row;
  binq_rows *w; ///< [padded_columns]: what is to be quantized, with the errors made so far spread
                ///< in; behind that, quantized values
  double error; ///< the sum of e^2, which is tr(E H E^T) with the damped H
} slice;

/// A run of channels quantized before their errors are spread to what follows.
typedef struct {
  int64_t begin, end;
  binq_rows error[BINQ_GROUP]; ///< (w - its quantized value) / U_jj
} group_run;

static bool is_padding(const binq_input_statistics *statistics, int64_t channel) {
  return statistics->order[channel] >= statistics->columns;
}

/// A weight of the model; rows past the last and padding channels are zero.
static float original_weight(const slice *s, int64_t channel, int r) {
  const quantization *q = s->all;
  int64_t row = s->first_row + r, columns = q->statistics->columns;
  if (row >= q->out->format.rows || is_padding(q->statistics, channel))
    return 0;
  return q->weights[row * columns + q->statistics->order[channel]];
}

static void load_slice(slice *s) {
  for (int64_t j = 0; j < s->all->layout.padded_columns; ++j)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      s->w[j][r] = original_weight(s, j, r);
}

/// The squared distance of the slice's weights from the model's.
static double squared_difference(const slice *s) {
  double sum = 0;
  for (int64_t j = 0; j < s->all->layout.padded_columns; ++j)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
      double difference = (double)s->w[j][r] - (double)original_weight(s, j, r);
      sum += difference * difference;
    }
  return sum;
}

static double squared_weights(const slice *s) {
  double sum = 0;
  for (int64_t j = 0; j < s->all->layout.padded_columns; ++j)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      sum += (double)s->w[j][r] * (double)s->w[j][r];
  return sum;
}

/// The sum over rows of w H w^T.
static double quadratic_form(const slice *s) {
  const binq_input_statistics *statistics = s->all->statistics;
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

/// Turns channel j into `value`: notes the error and spreads it within the run.
static void settle_channel(slice *s, group_run *run, int64_t j, const binq_rows value) {
  int64_t size = s->all->statistics->padded_columns;
  const float *factor = s->all->statistics->factor + j * size;
  float *error = run->error[j - run->begin];
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
    error[r] = (s->w[j][r] - value[r]) / factor[j];
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
    s->error += (double)error[r] * (double)error[r];
  for (int64_t k = j + 1; k < run->end; ++k)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      s->w[k][r] -= error[r] * factor[k];
  memcpy(s->w[j], value, sizeof(binq_rows));
}

/// Spreads the errors of a run over the channels behind it.
static void spread_errors(slice *s, const group_run *run) {
  int64_t size = s->all->statistics->padded_columns;
  const float *factor = s->all->statistics->factor + run->begin * size;
  for (int64_t k = run->end; k < size; k += 2) {
    binq_rows product[2];
    binq_slice_product(factor + k, size, (const binq_rows *)run->error, run->end - run->begin,
                       product);
    for (int c = 0; c < 2; ++c)
      for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
        s->w[k + c][r] -= product[c][r];
  }
}

/// The level nearest to each row's weight, ties to the lower one, and its code.
static void nearest_levels(const binq_level_set *set, const binq_rows w, binq_rows value,
                           uint8_t *codes) {
  memcpy(value, set->value[0], sizeof(binq_rows));
  memset(codes, set->code[0], BINQ_BLOCK_ROWS);
  for (int i = 1; i < set->count; ++i)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
      bool above = w[r] > set->middle[i - 1][r];
      value[r] = above ? set->value[i][r] : value[r];
      codes[r] = above ? set->code[i] : codes[r];
    }
}

/// How much a channel counts when levels are chosen: 1 / U_jj^2.
static void importance_of_channels(const slice *s, const group_run *run, float *h) {
  const binq_input_statistics *statistics = s->all->statistics;
  for (int64_t j = run->begin; j < run->end; ++j) {
    float diagonal = statistics->factor[j * statistics->padded_columns + j];
    h[j - run->begin] = is_padding(statistics, j) ? 0 : 1 / (diagonal * diagonal);
  }
}

static void choose_levels(const slice *s, const group_run *run, int64_t group,
                          binq_level_set *set) {
  const quantization *q = s->all;
  binq_quantized_linear *out = q->out;
  float h[BINQ_GROUP];
  importance_of_channels(s, run, h);
  const binq_rows *w = (const binq_rows *)(s->w + run->begin);
  int64_t channels = run->end - run->begin;
  int8_t numbers[BINQ_BLOCK_ROWS * LEVELS];
  uint16_t scales[BINQ_BLOCK_ROWS];
  bool grouped = out->format.form == BINQ_FORM_GROUPED_BINARY;
  if (grouped)
    binq_choose_grouped(w, h, channels, numbers, scales, set);
  else
    binq_choose_planes(&out->format, w, h, channels, numbers, scales, set);
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    int64_t place = (s->first_row + r) * q->layout.groups + group;
    out->scales[place] = scales[r];
    if (grouped)
      memcpy(out->levels + place * LEVELS, numbers + (ptrdiff_t)r * LEVELS, LEVELS);
    else
      out->zeros[place] = numbers[r];
  }
}

static void quantize_group(slice *s, int64_t group) {
  const quantization *q = s->all;
  group_run run = {.begin = group * BINQ_GROUP, .end = (group + 1) * BINQ_GROUP};
  if (run.end > q->layout.plane_columns)
    run.end = q->layout.plane_columns;
  binq_level_set set;
  choose_levels(s, &run, group, &set);
  for (int64_t j = run.begin; j < run.end; ++j) {
    binq_rows value = {0};
    uint8_t codes[BINQ_BLOCK_ROWS] = {0};
    if (!is_padding(q->statistics, j))
      nearest_levels(&set, s->w[j], value, codes);
    settle_channel(s, &run, j, value);
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      q->out->codes[(s->first_row + r) * q->layout.plane_columns + j] = codes[r];
  }
  spread_errors(s, &run);
}

/// Scales that bring the largest weight of the INT8 columns to 127.
static void choose_int8_scales(const slice *s, binq_rows scale) {
  binq_rows largest = {0};
  for (int64_t j = s->all->layout.plane_columns; j < s->all->layout.padded_columns; ++j)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
      float magnitude = __builtin_fabsf(s->w[j][r]);
      largest[r] = magnitude > largest[r] ? magnitude : largest[r];
    }
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    uint16_t half = binq_scale_to_half(largest[r] / INT8_LARGEST);
    s->all->out->int8_scales[s->first_row + r] = half;
    scale[r] = binq_half_to_float(half);
  }
}

static void quantize_int8_run(slice *s, group_run *run, const binq_rows scale) {
  const quantization *q = s->all;
  for (int64_t j = run->begin; j < run->end; ++j) {
    binq_rows value;
    int8_t codes[BINQ_BLOCK_ROWS];
    binq_round_to_int8(s->w[j], scale, value, codes);
    settle_channel(s, run, j, value);
    int64_t column = j - q->layout.plane_columns;
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      q->out->int8_codes[(s->first_row + r) * q->out->format.int8_columns + column] = codes[r];
  }
  spread_errors(s, run);
}

static void quantize_int8_columns(slice *s) {
  const binq_layout *layout = &s->all->layout;
  binq_rows scale;
  choose_int8_scales(s, scale);
  for (int64_t begin = layout->plane_columns; begin < layout->padded_columns; begin += BINQ_GROUP) {
    group_run run = {.begin = begin, .end = begin + BINQ_GROUP};
    if (run.end > layout->padded_columns)
      run.end = layout->padded_columns;
    quantize_int8_run(s, &run, scale);
  }
}

static void quantize_slice(const void *argument, int64_t task) {
  const quantization *q = argument;
  slice s = {.all = q,
             .first_row = task * BINQ_BLOCK_ROWS,
             .w = q->slices + task * q->layout.padded_columns};
  load_slice(&s);
  double damping = q->statistics->damping;
  q->norms[task] = quadratic_form(&s) - damping * squared_weights(&s);
  for (int64_t group = 0; group < q->layout.groups; ++group)
    quantize_group(&s, group);
  if (q->out->format.int8_columns > 0)
    quantize_int8_columns(&s);
  q->errors[task] = s.error - damping * squared_difference(&s);
}

static binq_status check_input(const float *weights, const binq_input_statistics *statistics,
                               const binq_linear_format *format) {
  if (format->columns != statistics->columns)
    return binq_errorf("the weights have %" PRId64 " columns, their input %" PRId64,
                       format->columns, statistics->columns);
  for (int64_t i = 0; i < format->rows; ++i)
    for (int64_t j = 0; j < format->columns; ++j)
      if (!isfinite(weights[i * format->columns + j]))
        return binq_errorf(
            "the weight at row %" PRId64 ", column %" PRId64 " is not a finite number", i, j);
  return BINQ_OK;
}

static binq_status run_slices(binq_pool *pool, quantization *q, double *relative_error) {
  int64_t count = q->layout.padded_rows / BINQ_BLOCK_ROWS;
  size_t rows = (size_t)count * (size_t)q->layout.padded_columns;
  BINQ_TRY(binq_allocate(rows, sizeof *q->slices, "weights being quantized", &q->slices));
  BINQ_TRY(binq_allocate((size_t)count, sizeof *q->errors, "errors", &q->errors));
  BINQ_TRY(binq_allocate((size_t)count, sizeof *q->norms, "norms", &q->norms));
  binq_run_tasks(pool, count, quantize_slice, q);
  double error = 0, norm = 0;
  for (int64_t i = 0; i < count; ++i) {
    error += q->errors[i];
    norm += q->norms[i];
  }
  *relative_error = norm > 0 && error > 0 ? error / norm : 0;
  if (!isfinite(error) || !isfinite(norm))
    return binq_errorf("the weights are too large to be quantized");
  return BINQ_OK;
}

binq_status binq_quantize_linear(binq_pool *pool, const float *weights,
                                 const binq_input_statistics *statistics,
                                 const binq_linear_format *format, binq_quantized_linear *out,
                                 double *relative_error) {
  *out = (binq_quantized_linear){.format = *format};
  quantization q = {.weights = weights, .statistics = statistics, .out = out};
  BINQ_TRY(binq_layout_of(format, &q.layout));
  BINQ_TRY(check_input(weights, statistics, format));
  BINQ_TRY(binq_quantized_linear_create(format, out));
  binq_status status = run_slices(pool, &q, relative_error);
  free(q.slices);
  free(q.errors);
  free(q.norms);
  if (status)
    binq_quantized_linear_free(out);
  return status;
}

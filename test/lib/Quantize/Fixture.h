/// Random weights that are quantized for random input, for the tests of what quantizes them.
#ifndef BINQ_TEST_FIXTURE_H
#define BINQ_TEST_FIXTURE_H

#include "Numbers.h"
#include "binq/Quantize/Quantize.h"

typedef struct {
  binq_pool *pool;
  float *weights, *sum;
  binq_input_statistics statistics;
  binq_linear_format format;
  binq_layout layout;
  binq_quantized_linear linear;
  double error;
} fixture;

enum { TOKENS = 500 };

static inline float *correlated_sum(int64_t columns) {
  float *x = new_floats(TOKENS * columns), *sum = new_floats(columns * columns);
  uint64_t state = 21;
  for (int64_t t = 0; t < TOKENS; ++t) {
    float common = random_normal(&state);
    for (int64_t j = 0; j < columns; ++j)
      x[t * columns + j] =
          (random_normal(&state) + common) * (j % 37 == 5 ? 8.0F : 1.0F + (float)(j % 5));
  }
  binq_pool *pool = new_pool(2);
  binq_hessian_add(pool, sum, columns, x, TOKENS);
  binq_pool_destroy(pool);
  free(x);
  return sum;
}

/// Random weights, quantized.
static inline fixture quantize(const binq_linear_format *format, const binq_method *method,
                               int threads) {
  fixture f = {.format = *format, .pool = new_pool(threads)};
  f.weights = random_floats(format->rows * format->columns, 22);
  f.sum = correlated_sum(format->columns);
  CHECK_STATUS_OK(binq_layout_of(format, &f.layout));
  CHECK_STATUS_OK(binq_input_statistics_create(f.pool, f.sum, format->columns, TOKENS,
                                               format->int8_columns, 0.01, &f.statistics));
  CHECK_STATUS_OK(
      binq_quantize_linear(f.pool, f.weights, &f.statistics, format, method, &f.linear, &f.error));
  return f;
}

static inline void free_fixture(fixture *f) {
  binq_quantized_linear_free(&f->linear);
  binq_input_statistics_free(&f->statistics);
  binq_pool_destroy(f->pool);
  free(f->weights);
  free(f->sum);
}

/// tr(E H E^T) / tr(W H W^T) from the sum over tokens alone.
static inline double true_error(const fixture *f) {
  int64_t n = f->layout.padded_columns, columns = f->format.columns;
  float *values = new_floats(f->format.rows * n);
  binq_dequantize(&f->linear, values);
  double error = 0, norm = 0;
  double *e = new_array(columns, sizeof *e), *w = new_array(columns, sizeof *w);
  for (int64_t row = 0; row < f->format.rows; ++row) {
    for (int64_t j = 0; j < n; ++j) {
      int64_t channel = f->statistics.order[j];
      if (channel >= columns)
        continue;
      w[channel] = (double)f->weights[row * columns + channel];
      e[channel] = (double)values[row * n + j] - w[channel];
    }
    for (int64_t i = 0; i < columns; ++i)
      for (int64_t j = 0; j < columns; ++j) {
        double h = (double)(i < j ? f->sum[i * columns + j] : f->sum[j * columns + i]);
        error += e[i] * h * e[j];
        norm += w[i] * h * w[j];
      }
  }
  free(values);
  free(e);
  free(w);
  return error / norm;
}

static inline binq_linear_format make_format(binq_form form, int planes, int64_t rows,
                                             int64_t columns, int64_t int8_columns) {
  return (binq_linear_format){.form = form,
                              .rows = rows,
                              .columns = columns,
                              .planes = planes,
                              .plane_weights = {1, 2, 4, 8},
                              .int8_columns = int8_columns};
}

#endif

/// GPTQ against the original OBQ formula: after every channel the inverse of the Hessian of the
/// channels left is computed anew, in double, and spreads the error. Levels and scales come from
/// the result under test, so the codes must agree but where a weight lies midway.
#include "Fixture.h"

#include <math.h>

static const binq_method GPTQ = {0};

/// Inverts a symmetric positive definite matrix in place, by Gauss and Jordan.
static void invert(double *a, int64_t n) {
  for (int64_t k = 0; k < n; ++k) {
    double pivot = 1 / a[k * n + k];
    a[k * n + k] = 1;
    for (int64_t j = 0; j < n; ++j)
      a[k * n + j] *= pivot;
    for (int64_t i = 0; i < n; ++i) {
      double factor = a[i * n + k];
      if (i == k || factor == 0)
        continue;
      a[i * n + k] = 0;
      for (int64_t j = 0; j < n; ++j)
        a[i * n + j] -= factor * a[k * n + j];
    }
  }
}

/// Strikes the first channel out of an inverse: what is left is the inverse of the rest.
static void strike_first(double *inverse, int64_t n, int64_t first) {
  double diagonal = inverse[first * n + first];
  for (int64_t i = first + 1; i < n; ++i)
    for (int64_t j = first + 1; j < n; ++j)
      inverse[i * n + j] -= inverse[i * n + first] * inverse[first * n + j] / diagonal;
}

/// The values a weight of (row, channel) may take, by code; how many.
static int values_of(const fixture *f, int64_t row, int64_t channel, double *values) {
  const binq_quantized_linear *q = &f->linear;
  int64_t place = row * f->layout.groups + channel / BINQ_GROUP;
  double scale = (double)binq_half_to_float(q->scales[place]);
  for (int code = 0; code < 1 << f->format.planes; ++code) {
    double number = 0;
    for (int k = 0; k < f->format.planes; ++k)
      number += (code >> k & 1) * f->format.plane_weights[k];
    if (f->format.form == BINQ_FORM_GROUPED_BINARY)
      number = (double)q->levels[place * 4 + code];
    else
      number -= (double)q->zeros[place];
    values[code] = scale * number;
  }
  return 1 << f->format.planes;
}

/// Checks the code that was chosen for weight w and returns its value.
static double check_plane_code(const fixture *f, int64_t row, int64_t channel, double w) {
  double values[16];
  int count = values_of(f, row, channel, values);
  double got = values[f->linear.codes[row * f->layout.plane_columns + channel]];
  double least = INFINITY;
  for (int code = 0; code < count; ++code)
    least = fmin(least, fabs(w - values[code]));
  if (!(fabs(w - got) <= least + 1e-4 * (1 + fabs(w))))
    CHECK_FAIL("row %d, channel %d: %g became %g, %g away from the nearest", (int)row, (int)channel,
               w, got, fabs(w - got) - least);
  return got;
}

static double check_int8_code(const fixture *f, int64_t row, int64_t column, double w) {
  double scale = (double)binq_half_to_float(f->linear.int8_scales[row]);
  double code = (double)f->linear.int8_codes[row * f->format.int8_columns + column];
  CHECK(fabs(code) <= 127);
  CHECK(fabs(w - scale * code) <= scale * 0.501 || fabs(code) == 127);
  return scale * code;
}

static void check_row(const fixture *f, const double *inverse, int64_t row, double *inverses) {
  int64_t n = f->layout.padded_columns;
  const uint16_t *order = f->statistics.order;
  double *w = new_array(n, sizeof *w);
  for (int64_t j = 0; j < n; ++j)
    if (order[j] < f->format.columns)
      w[j] = (double)f->weights[row * f->format.columns + order[j]];
  memcpy(inverses, inverse, (size_t)(n * n) * sizeof *inverses);
  for (int64_t j = 0; j < n; ++j) {
    int64_t column = j - f->layout.plane_columns;
    double value = 0;
    if (column >= 0)
      value = check_int8_code(f, row, column, w[j]);
    else if (order[j] < f->format.columns)
      value = check_plane_code(f, row, j, w[j]);
    else
      CHECK_EQ_INT(f->linear.codes[row * f->layout.plane_columns + j], 0);
    double error = (w[j] - value) / inverses[j * n + j];
    for (int64_t k = j + 1; k < n; ++k)
      w[k] -= error * inverses[j * n + k];
    strike_first(inverses, n, j);
  }
  free(w);
}

static void check_against_obq(const binq_linear_format *format) {
  fixture f = quantize(format, &GPTQ, 2);
  int64_t n = f.layout.padded_columns;
  double *inverse = new_array(n * n, sizeof *inverse), *scratch = new_array(n * n, sizeof *scratch);
  for (int64_t i = 0; i < n * n; ++i)
    inverse[i] = (double)f.statistics.hessian[i];
  invert(inverse, n);
  int64_t step = format->rows > 4 ? format->rows / 3 : 1;
  for (int64_t row = 0; row < format->rows; row += step)
    check_row(&f, inverse, row, scratch);
  double expected = true_error(&f);
  if (!(fabs(f.error - expected) <= 2e-3 * expected))
    CHECK_FAIL("the relative error is %g, not %g", f.error, expected);
  CHECK(f.error > 0);
  free(inverse);
  free(scratch);
  free_fixture(&f);
}

/// Packed bytes and error are the same with 1, 2 and 3 threads.
static void check_bits(const binq_linear_format *format) {
  fixture one = quantize(format, &GPTQ, 1);
  size_t bytes = (size_t)one.layout.bytes;
  uint8_t *packed = new_array(one.layout.bytes, 1), *again = new_array(one.layout.bytes, 1);
  binq_pack(&one.linear, packed);
  for (int threads = 2; threads <= 3; ++threads) {
    fixture more = quantize(format, &GPTQ, threads);
    binq_pack(&more.linear, again);
    CHECK(memcmp(packed, again, bytes) == 0);
    CHECK(one.error == more.error);
    free_fixture(&more);
  }
  free(packed);
  free(again);
  free_fixture(&one);
}

/// Rows of padding and all-zero rows come out as zeros.
static void check_zero_rows(void) {
  binq_linear_format format = {
      .form = BINQ_FORM_GROUPED_BINARY, .rows = 3, .columns = 96, .planes = 2, .int8_columns = 32};
  binq_pool *pool = new_pool(1);
  float *weights = random_floats(3L * 96, 1);
  memset(weights + 96, 0, 96 * sizeof *weights);
  binq_input_statistics s;
  CHECK_STATUS_OK(binq_input_statistics_create(pool, NULL, 96, 0, 32, 0.01, &s));
  binq_quantized_linear q;
  double error;
  CHECK_STATUS_OK(binq_quantize_linear(pool, weights, &s, &format, &GPTQ, &q, &error));
  for (int64_t row = 0; row < 32; ++row) {
    bool zero = row == 1 || row >= 3;
    CHECK((q.scales[row] == 0) == zero);
    CHECK((q.int8_scales[row] == 0) == zero);
    for (int64_t j = 0; zero && j < 64; ++j)
      CHECK_EQ_INT(q.codes[row * 64 + j], 0);
  }
  binq_quantized_linear_free(&q);
  binq_input_statistics_free(&s);
  free(weights);
  binq_pool_destroy(pool);
}

/// Ternary weights survive two planes of weight 1 exactly, whatever the Hessian.
static void check_ternary(void) {
  binq_linear_format format = {
      .form = BINQ_FORM_PLANES, .rows = 33, .columns = 172, .planes = 2, .plane_weights = {1, 1}};
  fixture f = quantize(&format, &GPTQ, 1);
  binq_quantized_linear_free(&f.linear);
  uint64_t state = 3;
  for (int64_t i = 0; i < 33L * 172; ++i)
    f.weights[i] = 0.375F * (float)((int)(random_unit(&state) * 3) - 1);
  CHECK_STATUS_OK(
      binq_quantize_linear(f.pool, f.weights, &f.statistics, &format, &GPTQ, &f.linear, &f.error));
  CHECK(f.error == 0);
  float *values = new_floats(33L * 192);
  binq_dequantize(&f.linear, values);
  for (int64_t row = 0; row < 33; ++row)
    for (int64_t j = 0; j < 192; ++j)
      if (f.statistics.order[j] < 172)
        CHECK(values[row * 192 + j] == f.weights[row * 172 + f.statistics.order[j]]);
  free(values);
  free_fixture(&f);
}

static void check_refusals(void) {
  binq_linear_format format = {
      .form = BINQ_FORM_GROUPED_BINARY, .rows = 2, .columns = 64, .planes = 2};
  fixture f = quantize(&format, &GPTQ, 1);
  binq_quantized_linear q;
  double error;
  f.weights[70] = NAN;
  CHECK_STATUS_FAILS(
      binq_quantize_linear(f.pool, f.weights, &f.statistics, &format, &GPTQ, &q, &error),
      "row 1, column 6 is not");
  f.weights[70] = 3e38F;
  CHECK_STATUS_FAILS(
      binq_quantize_linear(f.pool, f.weights, &f.statistics, &format, &GPTQ, &q, &error),
      "too large");
  format.columns = 32;
  CHECK_STATUS_FAILS(
      binq_quantize_linear(f.pool, f.weights, &f.statistics, &format, &GPTQ, &q, &error),
      "32 columns, their input 64");
  free_fixture(&f);
}

int main(void) {
  const int64_t columns[] = {32, 96, 160, 172, 288};
  for (size_t i = 0; i < sizeof columns / sizeof *columns; ++i) {
    int64_t padded = (columns[i] + 31) / 32 * 32;
    for (int64_t int8 = 0; int8 <= 64 && int8 <= padded; int8 += 32) {
      binq_linear_format grouped = make_format(BINQ_FORM_GROUPED_BINARY, 2, 35, columns[i], int8);
      binq_linear_format planes = make_format(BINQ_FORM_PLANES, 3, 35, columns[i], int8);
      check_against_obq(&grouped);
      check_against_obq(&planes);
    }
    binq_linear_format all = make_format(BINQ_FORM_INT8, 0, 5, columns[i], padded);
    check_against_obq(&all);
  }
  binq_linear_format uneven = make_format(BINQ_FORM_PLANES, 3, 35, 96, 0);
  memcpy(uneven.plane_weights, (int32_t[]){5, 1, 5}, 3 * sizeof(int32_t));
  check_against_obq(&uneven);
  binq_linear_format grouped = make_format(BINQ_FORM_GROUPED_BINARY, 2, 100, 576, 32);
  binq_linear_format planes = make_format(BINQ_FORM_PLANES, 4, 100, 576, 32);
  check_bits(&grouped);
  check_bits(&planes);
  check_zero_rows();
  check_ternary();
  check_refusals();
  return check_result();
}

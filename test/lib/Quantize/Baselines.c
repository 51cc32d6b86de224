/// What other methods do with the same planes, against what defines them.
#include "Fixture.h"

#include <math.h>

enum { COLUMNS = 288, ROWS = 35 };

static const binq_method NEAREST = {.rounding = BINQ_ROUNDING_NEAREST};
static const binq_method BILLM = {.rounding = BINQ_ROUNDING_BILLM};

static double weight_at(const fixture *f, int64_t row, int64_t channel) {
  return (double)f->weights[row * COLUMNS + f->statistics.order[channel]];
}

/// Every weight is at the nearest of its levels, which span the group's weights and zero.
static void check_nearest(int planes) {
  binq_linear_format format = make_format(BINQ_FORM_PLANES, planes, ROWS, COLUMNS, 0);
  fixture f = quantize(&format, &NEAREST, 2);
  for (int64_t row = 0; row < ROWS; ++row)
    for (int64_t j = 0; j < COLUMNS; ++j) {
      int64_t place = row * f.layout.groups + j / BINQ_GROUP;
      double step = (double)binq_half_to_float(f.linear.scales[place]);
      double code = f.linear.codes[row * f.layout.plane_columns + j];
      double value = step * (code - f.linear.zeros[place]), w = weight_at(&f, row, j);
      bool inside =
          (code > 0 || w > value - step) && (code < (1 << planes) - 1 || w < value + step);
      CHECK(fabs(w - value) <= step * 0.5001 ||
            (inside && (code == 0 || code == (1 << planes) - 1)));
    }
  CHECK(fabs(f.error - true_error(&f)) <= 2e-3 * f.error);
  const binq_method gptq = {0};
  fixture better = quantize(&format, &gptq, 2);
  CHECK(better.error < f.error);
  free_fixture(&better);
  free_fixture(&f);
}

/// The squares left by the best threshold, tried between all neighbours.
static double least_squares(const fixture *f, int64_t row, int64_t begin, int64_t end) {
  double least = INFINITY;
  for (int64_t at = begin; at < end; ++at) {
    double threshold = fabs(weight_at(f, row, at)), sums[2] = {0}, squares = 0;
    int64_t counts[2] = {0};
    for (int64_t j = begin; j < end; ++j) {
      double magnitude = fabs(weight_at(f, row, j));
      sums[magnitude > threshold] += magnitude;
      counts[magnitude > threshold]++;
    }
    for (int64_t j = begin; j < end; ++j) {
      double magnitude = fabs(weight_at(f, row, j));
      bool beyond = magnitude > threshold;
      squares += pow(magnitude - sums[beyond] / (double)counts[beyond], 2);
    }
    least = fmin(least, squares);
  }
  return least;
}

static double squares_of_group(const fixture *f, const float *values, int64_t row, int64_t begin,
                               int64_t end) {
  double squares = 0;
  for (int64_t j = begin; j < end; ++j)
    squares += pow(weight_at(f, row, j) - (double)values[row * COLUMNS + j], 2);
  return squares;
}

/// The salient group of a row: binary, and the rest binary again.
static void check_twice(const fixture *f, const float *values, int64_t row) {
  double first = 0, second = 0;
  for (int64_t j = 0; j < BINQ_GROUP; ++j)
    first += fabs(weight_at(f, row, j)) / BINQ_GROUP;
  for (int64_t j = 0; j < BINQ_GROUP; ++j)
    second += fabs(fabs(weight_at(f, row, j)) - first) / BINQ_GROUP;
  for (int64_t j = 0; j < BINQ_GROUP; ++j) {
    double w = weight_at(f, row, j), magnitude = first + (fabs(w) > first ? second : -second);
    CHECK(fabs((double)values[row * COLUMNS + j] - copysign(magnitude, w)) < 0.02 * first);
  }
}

/// Without a Hessian nothing is spread, so the levels can be told from the weights.
static void check_billm(void) {
  binq_linear_format format = make_format(BINQ_FORM_GROUPED_BINARY, 2, ROWS, COLUMNS, 0);
  fixture f = quantize(&format, &BILLM, 1);
  binq_quantized_linear_free(&f.linear);
  binq_input_statistics_free(&f.statistics);
  CHECK_STATUS_OK(binq_input_statistics_create(f.pool, NULL, COLUMNS, 0, 0, 0.01, &f.statistics));
  CHECK_STATUS_OK(
      binq_quantize_linear(f.pool, f.weights, &f.statistics, &format, &BILLM, &f.linear, &f.error));
  float *values = new_floats(ROWS * COLUMNS);
  binq_dequantize(&f.linear, values);
  for (int64_t row = 0; row < ROWS; ++row) {
    check_twice(&f, values, row);
    for (int64_t begin = BINQ_GROUP; begin < COLUMNS; begin += BINQ_GROUP) {
      int64_t end = begin + BINQ_GROUP < COLUMNS ? begin + BINQ_GROUP : COLUMNS;
      double got = squares_of_group(&f, values, row, begin, end);
      CHECK(got <= 1.03 * least_squares(&f, row, begin, end));
    }
    for (int64_t group = 0; group < f.layout.groups; ++group) {
      const int8_t *levels = f.linear.levels + (row * f.layout.groups + group) * 4;
      CHECK(levels[0] == -levels[3] && levels[1] == -levels[2]);
    }
  }
  free(values);
  free_fixture(&f);
}

/// With a Hessian, errors are spread, and the levels of the method proper are better.
static void check_order_of_methods(void) {
  binq_linear_format format = make_format(BINQ_FORM_GROUPED_BINARY, 2, ROWS, COLUMNS, 0);
  const binq_method free_levels = {0};
  fixture billm = quantize(&format, &BILLM, 2), ours = quantize(&format, &free_levels, 2);
  CHECK(fabs(billm.error - true_error(&billm)) <= 2e-3 * billm.error);
  CHECK(ours.error < billm.error);
  free_fixture(&billm);
  free_fixture(&ours);
}

int main(void) {
  for (int planes = 1; planes <= 4; ++planes)
    check_nearest(planes);
  check_billm();
  check_order_of_methods();
  return check_result();
}

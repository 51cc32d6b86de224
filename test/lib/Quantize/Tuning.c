/// Tuning on a linear small enough to compute by hand: gradients against finite differences, the
/// result against the output it was tuned for.
#include "binq/Quantize/Tuning.h"
#include "Numbers.h"
#include "binq/Quantize/Quantize.h"
#include "lib/Quantize/TuningInternal.h"

#include <math.h>

enum { TOKENS = 96, STEPS = 60 };

/// Adam as its paper writes it, in double.
static void check_adam(void) {
  enum { COUNT = 13 };
  binq_tuned tuned;
  CHECK_STATUS_OK(binq_tuned_create(COUNT + 2, &tuned));
  double value[COUNT] = {0}, m[COUNT] = {0}, v[COUNT] = {0};
  uint64_t state = 5;
  for (int step = 0; step < 20; ++step) {
    float gradient[COUNT];
    for (int i = 0; i < COUNT; ++i) {
      gradient[i] = i == 3 ? 0 : random_normal(&state) * (i % 2 ? 1e-6F : 10);
      m[i] = 0.9 * m[i] + 0.1 * (double)gradient[i];
      v[i] = 0.95 * v[i] + 0.05 * (double)gradient[i] * (double)gradient[i];
      if (i != 3)
        value[i] -=
            0.02 * (m[i] / (1 - pow(0.9, step + 1))) / sqrt(v[i] / (1 - pow(0.95, step + 1)));
    }
    binq_tuned_move(&tuned, 1, COUNT, gradient, binq_adam_at(step), 0.02F);
  }
  for (int i = 0; i < COUNT; ++i)
    CHECK(fabs((double)tuned.value[i + 1] - value[i]) < 1e-5);
  CHECK(tuned.value[4] == 0 && tuned.value[0] == 0 && tuned.value[COUNT + 1] == 0);
  binq_tuned_free(&tuned);
}

/// A row of one group: half the squared distance of x w from y, by what w is made of.
typedef struct {
  float x[TOKENS][BINQ_GROUP], y[TOKENS];
  uint8_t codes[BINQ_GROUP];
} row_model;

static double loss_of_row(const row_model *m, const double *value_of) {
  double loss = 0;
  for (int t = 0; t < TOKENS; ++t) {
    double sum = -(double)m->y[t];
    for (int j = 0; j < BINQ_GROUP; ++j)
      sum += (double)m->x[t][j] * value_of[m->codes[j]];
    loss += sum * sum / 2;
  }
  return loss;
}

static void gradient_of_row(const row_model *m, const double *value_of, float *gradient) {
  double exact[BINQ_GROUP] = {0};
  for (int t = 0; t < TOKENS; ++t) {
    double sum = -(double)m->y[t];
    for (int j = 0; j < BINQ_GROUP; ++j)
      sum += (double)m->x[t][j] * value_of[m->codes[j]];
    for (int j = 0; j < BINQ_GROUP; ++j)
      exact[j] += sum * (double)m->x[t][j];
  }
  for (int j = 0; j < BINQ_GROUP; ++j)
    gradient[j] = (float)exact[j];
}

static bool near(double a, double b) {
  return fabs(a - b) <= 1e-4 * (fabs(a) + fabs(b)) + 1e-2;
}

/// Levels, and the scale of planes, moved a little either way.
static void check_gradients(void) {
  row_model m;
  uint64_t state = 6;
  for (int j = 0; j < BINQ_GROUP; ++j)
    m.codes[j] = (uint8_t)(random_unit(&state) * 4);
  for (int t = 0; t < TOKENS; ++t) {
    m.y[t] = random_normal(&state);
    for (int j = 0; j < BINQ_GROUP; ++j)
      m.x[t][j] = random_normal(&state);
  }
  double values[4] = {-1.25, -0.5, 0.25, 1.5};
  float gradient[BINQ_GROUP], sums[4] = {0};
  gradient_of_row(&m, values, gradient);
  binq_level_gradient(m.codes, gradient, BINQ_GROUP, sums);
  for (int k = 0; k < 4; ++k) {
    double middle = values[k], difference = 0;
    values[k] = middle + 1e-3;
    difference = loss_of_row(&m, values);
    values[k] = middle - 1e-3;
    difference -= loss_of_row(&m, values);
    values[k] = middle;
    CHECK(near((double)sums[k], difference / 2e-3));
  }
  const float numbers[4] = {0, 1, 2, 3}, zero = 2;
  double less[4], more[4];
  for (int k = 0; k < 4; ++k) {
    values[k] = 0.75 * (double)(numbers[k] - zero);
    less[k] = (0.75 - 1e-3) * (double)(numbers[k] - zero);
    more[k] = (0.75 + 1e-3) * (double)(numbers[k] - zero);
  }
  gradient_of_row(&m, values, gradient);
  CHECK(near((double)binq_scale_gradient(m.codes, numbers, zero, gradient, BINQ_GROUP),
             (loss_of_row(&m, more) - loss_of_row(&m, less)) / 2e-3));
}

/// A linear quantized against the identity, and what it should make of some tokens.
typedef struct {
  binq_linear_format format;
  binq_layout layout;
  binq_quantized_linear linear;
  float *x, *y;                      ///< [tokens][padded columns], [tokens][rows]
  float *weights, *original, *slope; ///< stored weights, float ones, dL/dW
} regression;

static regression new_regression(const binq_linear_format *format) {
  regression r = {.format = *format};
  CHECK_STATUS_OK(binq_layout_of(format, &r.layout));
  int64_t rows = format->rows, columns = format->columns, padded = r.layout.padded_columns;
  float *weights = random_floats(rows * columns, 7);
  r.original = new_floats(rows * padded);
  binq_input_statistics statistics;
  binq_pool *pool = new_pool(1);
  double error;
  CHECK_STATUS_OK(binq_input_statistics_create(pool, NULL, columns, 0, format->int8_columns, 0.01,
                                               &statistics));
  CHECK_STATUS_OK(binq_quantize_linear(pool, weights, &statistics, format, &(binq_method){0},
                                       &r.linear, &error));
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      r.original[i * padded + j] = weights[i * columns + j];
  binq_input_statistics_free(&statistics);
  binq_pool_destroy(pool);
  r.x = new_floats(TOKENS * padded);
  r.y = new_floats(TOKENS * rows);
  r.weights = new_floats(rows * padded);
  r.slope = new_floats(rows * padded);
  uint64_t state = 8;
  for (int64_t t = 0; t < TOKENS; ++t)
    for (int64_t j = 0; j < columns; ++j)
      r.x[t * padded + j] = random_normal(&state);
  for (int64_t t = 0; t < TOKENS; ++t)
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = 0; j < columns; ++j)
        r.y[t * rows + i] += r.x[t * padded + j] * weights[i * columns + j];
  free(weights);
  return r;
}

static void free_regression(regression *r) {
  binq_quantized_linear_free(&r->linear);
  float *const arrays[] = {r->x, r->y, r->original, r->weights, r->slope};
  for (int i = 0; i < 5; ++i)
    free(arrays[i]);
}

/// The squared distance of the stored weights' output from the one that is wanted; its gradient.
static double measure(regression *r) {
  int64_t rows = r->format.rows, padded = r->layout.padded_columns;
  double loss = 0;
  binq_dequantize(&r->linear, r->weights);
  memset(r->slope, 0, (size_t)(rows * padded) * sizeof *r->slope);
  for (int64_t t = 0; t < TOKENS; ++t)
    for (int64_t i = 0; i < rows; ++i) {
      float sum = -r->y[t * rows + i];
      for (int64_t j = 0; j < padded; ++j)
        sum += r->x[t * padded + j] * r->weights[i * padded + j];
      loss += (double)sum * (double)sum;
      for (int64_t j = 0; j < padded; ++j)
        r->slope[i * padded + j] += 2 * sum * r->x[t * padded + j];
    }
  return loss;
}

static void tune(regression *r, binq_tuning_rates rates, int64_t rows_at_once) {
  binq_tuning *tuning;
  CHECK_STATUS_OK(binq_tuning_create(&r->linear, true, &tuning));
  for (int64_t row = 0; row < r->format.rows; ++row)
    binq_tuning_lean(tuning, row, r->original + row * r->layout.padded_columns);
  for (int step = 0; step < STEPS; ++step) {
    measure(r);
    float left = 1 - (float)step / STEPS;
    binq_tuning_rates now = {rates.levels * left, rates.codes * left, rates.int8 * left};
    int64_t rows = r->format.rows;
    for (int64_t end = rows; end > 0; end -= rows_at_once) {
      int64_t begin = end > rows_at_once ? end - rows_at_once : 0;
      binq_tuning_move(tuning, begin, end, r->slope + begin * r->layout.padded_columns,
                       binq_adam_at(step), now);
    }
  }
  binq_tuning_destroy(tuning);
}

/// Levels ascend, codes are of the format, and what is stored survives packing.
static void check_stored(const regression *r) {
  const binq_quantized_linear *linear = &r->linear;
  for (int64_t i = 0; i < r->format.rows * r->layout.plane_columns; ++i)
    CHECK(linear->codes[i] < 1 << r->format.planes);
  for (int64_t i = 0; linear->levels && i < r->format.rows * r->layout.groups; ++i)
    for (int64_t k = 4 * i; k < 4 * i + 3; ++k)
      CHECK(linear->levels[k] <= linear->levels[k + 1]);
  uint8_t *packed = new_array(r->layout.bytes, 1);
  binq_quantized_linear again;
  CHECK_STATUS_OK(binq_quantized_linear_create(&r->format, &again));
  binq_pack(linear, packed);
  binq_unpack(packed, &again);
  int64_t count = r->format.rows * r->layout.padded_columns;
  float *values = new_floats(count);
  binq_dequantize(linear, r->weights);
  binq_dequantize(&again, values);
  CHECK(memcmp(values, r->weights, (size_t)count * sizeof *values) == 0);
  free(values);
  free(packed);
  binq_quantized_linear_free(&again);
}

/// Every kind of number lowers the loss when it is tuned alone, all together the most.
static void check_regression(const binq_linear_format *format) {
  const binq_tuning_rates rates[] = {
      {0.01F, 0, 0}, {0, 0.03F, 0}, {0, 0, 0.003F}, {0.01F, 0.03F, 0.003F}};
  double before = 0, after[4];
  for (int i = 0; i < 4; ++i) {
    regression r = new_regression(format);
    before = measure(&r);
    tune(&r, rates[i], 5);
    after[i] = measure(&r);
    check_stored(&r);
    free_regression(&r);
  }
  CHECK(after[0] < before && after[1] < before);
  CHECK(format->int8_columns ? after[2] < before : after[2] == before);
  CHECK(after[3] < 0.8 * before && after[3] < after[0] && after[3] < after[2]);
}

static int64_t codes_of(const regression *r) {
  return r->format.rows * r->layout.plane_columns;
}

/// Without codes the rest is tuned as it is with codes that stay where they are, though the
/// linear's arrays be others at every step.
static void check_kept_codes(const binq_linear_format *format) {
  regression a = new_regression(format), b = new_regression(format);
  uint8_t *packed = new_array(a.layout.bytes, 1);
  binq_tuning *kept, *moved;
  CHECK_STATUS_OK(binq_tuning_create(&a.linear, false, &kept));
  CHECK_STATUS_OK(binq_tuning_create(&b.linear, true, &moved));
  for (int step = 0; step < 8; ++step) {
    measure(&a);
    measure(&b);
    binq_pack(&a.linear, packed);
    binq_quantized_linear_free(&a.linear);
    CHECK_STATUS_OK(binq_quantized_linear_create(format, &a.linear));
    binq_unpack(packed, &a.linear);
    binq_tuning_rates rates = {0.03F, 0, 0.003F};
    binq_tuning_move(kept, 0, format->rows, a.slope, binq_adam_at(step), rates);
    binq_tuning_move(moved, 0, format->rows, b.slope, binq_adam_at(step), rates);
    CHECK(memcmp(a.linear.codes, b.linear.codes, (size_t)codes_of(&a)) == 0);
  }
  check_stored(&a);
  measure(&a);
  measure(&b);
  size_t count = (size_t)(format->rows * a.layout.padded_columns);
  CHECK(memcmp(a.weights, b.weights, count * sizeof *a.weights) == 0);
  binq_tuning_destroy(kept);
  binq_tuning_destroy(moved);
  free(packed);
  free_regression(&a);
  free_regression(&b);
}

/// However the rows come, they end up the same.
static void check_order(const binq_linear_format *format) {
  const binq_tuning_rates rates = {0.01F, 0.03F, 0.003F};
  regression a = new_regression(format), b = new_regression(format);
  tune(&a, rates, 1);
  tune(&b, rates, format->rows);
  measure(&a);
  measure(&b);
  size_t count = (size_t)(format->rows * a.layout.padded_columns);
  CHECK(memcmp(a.weights, b.weights, count * sizeof *a.weights) == 0);
  free_regression(&a);
  free_regression(&b);
}

/// Steps far too long, and gradients that are no numbers, still leave what can be stored.
static void check_wild(const binq_linear_format *format) {
  regression r = new_regression(format);
  tune(&r, (binq_tuning_rates){3, 5, 3}, 4);
  check_stored(&r);
  binq_tuning *tuning;
  CHECK_STATUS_OK(binq_tuning_create(&r.linear, true, &tuning));
  for (int64_t i = 0; i < format->rows * r.layout.padded_columns; ++i)
    r.slope[i] = i % 3 ? NAN : INFINITY;
  binq_tuning_move(tuning, 0, format->rows, r.slope, binq_adam_at(0),
                   (binq_tuning_rates){0.01F, 0.01F, 0.01F});
  check_stored(&r);
  binq_tuning_destroy(tuning);
  free_regression(&r);
}

static void check(const binq_linear_format *format) {
  check_regression(format);
  check_order(format);
  check_kept_codes(format);
  check_wild(format);
}

int main(void) {
  check_adam();
  check_gradients();
  check(&(binq_linear_format){9, 200, 32, BINQ_FORM_GROUPED_BINARY, 2, {0}});
  check(&(binq_linear_format){3, 150, 0, BINQ_FORM_GROUPED_BINARY, 2, {0}});
  check(&(binq_linear_format){9, 200, 32, BINQ_FORM_PLANES, 3, {1, 2, 4}});
  check(&(binq_linear_format){5, 140, 0, BINQ_FORM_PLANES, 2, {1, 1}});
  check(&(binq_linear_format){5, 140, 32, BINQ_FORM_PLANES, 1, {1}});
  return check_result();
}

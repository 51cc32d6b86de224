/// Simulated activations against a plain reading of the rules, and the choice of plane scales.
#include "Numbers.h"
#include "binq/Quantize/Quantize.h"

#include <math.h>

/// What a value of a group stands for: the level nearest to it, ties to the lower one.
static float plain_short(const int32_t *scales, float mu, float x) {
  float v = x / mu;
  double best = INFINITY;
  int level = 0;
  for (int code = 0; code < 16; ++code) {
    int sum = 0;
    for (int k = 0; k < 4; ++k)
      sum += (code >> k & 1) * scales[k];
    double distance = fabs((double)v - sum);
    if (distance < best || (distance == best && sum < level)) {
      best = distance;
      level = sum;
    }
  }
  return (float)level * mu;
}

static float plain_long(float mu, float x) {
  float level = ceilf(x / mu - 0.5F);
  return fminf(fmaxf(level, -128), 127) * mu;
}

/// Quantizes in place one group of a token, gathered.
static void plain_group(const int32_t *scales, int planes, float *x, int64_t count) {
  float extreme = 0;
  for (int64_t j = 0; j < count; ++j)
    if (fabsf(x[j]) > fabsf(extreme) || (fabsf(x[j]) == fabsf(extreme) && x[j] > 0))
      extreme = x[j];
  float mu = extreme / (float)scales[planes - 1];
  for (int64_t j = 0; j < count; ++j) {
    float value = planes == 4 ? plain_short(scales, mu, x[j]) : plain_long(mu, x[j]);
    x[j] = extreme == 0 ? 0 : value;
  }
}

static void plain_int8(float *x, int64_t count) {
  float largest = 0;
  for (int64_t j = 0; j < count; ++j)
    largest = fmaxf(largest, fabsf(x[j]));
  float scale = largest / 127;
  for (int64_t j = 0; j < count; ++j)
    x[j] = scale == 0 ? 0 : fminf(fmaxf(ceilf(x[j] / scale - 0.5F), -127), 127) * scale;
}

static void plain_token(const float *x, const uint16_t *order, const binq_linear_format *format,
                        const int32_t *scales, int planes, float *out) {
  int64_t padded = (format->columns + 31) / 32 * 32, split = padded - format->int8_columns;
  for (int64_t j = 0; j < padded; ++j)
    out[j] = order[j] < format->columns ? x[order[j]] : 0;
  for (int64_t j = 0; j < split; j += 128)
    plain_group(scales, planes, out + j, split - j < 128 ? split - j : 128);
  for (int64_t j = split; j < padded; j += 128)
    plain_int8(out + j, padded - j < 128 ? padded - j : 128);
}

static void shuffle(uint16_t *order, int64_t count) {
  uint64_t state = 8;
  for (int64_t j = 0; j < count; ++j)
    order[j] = (uint16_t)j;
  for (int64_t j = count - 1; j > 0; --j) {
    int64_t other = (int64_t)(random_unit(&state) * (double)(j + 1));
    uint16_t saved = order[j];
    order[j] = order[other];
    order[other] = saved;
  }
}

/// Values with ties: multiples of a quarter, some groups all zero, some with equal extremes.
static float *awkward_tokens(int64_t tokens, int64_t columns) {
  float *x = random_floats(tokens * columns, 15);
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t j = 0; j < columns; ++j) {
      float *value = &x[t * columns + j];
      if (t % 4 == 1)
        *value = rintf(*value * 4) / 4;
      if (t % 4 == 2)
        *value = j % 3 == 0 ? (float)(j % 2 * 16 - 8) : rintf(*value * 2) / 2;
      if (t % 8 == 3)
        *value = 0;
    }
  return x;
}

static void check_simulation(int64_t columns, int64_t int8_columns, const int32_t *scales,
                             int planes) {
  enum { TOKENS = 37 };
  int64_t padded = (columns + 31) / 32 * 32;
  binq_linear_format format = {.form = BINQ_FORM_GROUPED_BINARY,
                               .rows = 1,
                               .columns = columns,
                               .planes = 2,
                               .int8_columns = int8_columns};
  binq_level_table table;
  CHECK_STATUS_OK(binq_level_table_of(scales, planes, &table));
  float *x = awkward_tokens(TOKENS, columns), *out = new_floats(TOKENS * padded);
  float *expected = new_floats(padded);
  uint16_t *order = new_array(padded, sizeof *order);
  shuffle(order, padded);
  for (int threads = 1; threads <= 3; ++threads) {
    binq_pool *pool = new_pool(threads);
    binq_simulate_activations(pool, x, TOKENS, order, &format, &table, out);
    binq_pool_destroy(pool);
    for (int64_t t = 0; t < TOKENS; ++t) {
      plain_token(x + t * columns, order, &format, scales, planes, expected);
      for (int64_t j = 0; j < padded; ++j)
        if (out[t * padded + j] != expected[j])
          CHECK_FAIL("token %d, channel %d: %g, not %g", (int)t, (int)j,
                     (double)out[t * padded + j], (double)expected[j]);
    }
  }
  free(x);
  free(out);
  free(expected);
  free(order);
}

typedef struct {
  binq_pool *pool;
  binq_input_statistics statistics;
  binq_quantized_linear linears[2];
  float *x;
} layer;

enum { COLUMNS = 172, TOKENS = 90 };

/// `power` of the values decides how heavy the tails are.
static layer create_layer(int power) {
  layer l = {.pool = new_pool(2), .x = random_floats((int64_t)TOKENS * COLUMNS, 31)};
  for (int64_t i = 0; i < (int64_t)TOKENS * COLUMNS; ++i)
    l.x[i] = power == 3 ? l.x[i] * l.x[i] * l.x[i] : l.x[i];
  float *sum = new_floats((int64_t)COLUMNS * COLUMNS);
  binq_hessian_add(l.pool, sum, COLUMNS, l.x, TOKENS);
  CHECK_STATUS_OK(
      binq_input_statistics_create(l.pool, sum, COLUMNS, TOKENS, 32, 0.01, &l.statistics));
  free(sum);
  for (int i = 0; i < 2; ++i) {
    binq_linear_format format = {.form = BINQ_FORM_GROUPED_BINARY,
                                 .rows = 40 + 8L * i,
                                 .columns = COLUMNS,
                                 .planes = 2,
                                 .int8_columns = 32};
    float *weights = random_floats(format.rows * COLUMNS, (uint64_t)i);
    double error;
    CHECK_STATUS_OK(binq_quantize_linear(l.pool, weights, &l.statistics, &format, &(binq_method){0},
                                         &l.linears[i], &error));
    free(weights);
  }
  return l;
}

static void free_layer(layer *l) {
  for (int i = 0; i < 2; ++i)
    binq_quantized_linear_free(&l->linears[i]);
  binq_input_statistics_free(&l->statistics);
  free(l->x);
  binq_pool_destroy(l->pool);
}

/// The sum over both linears and all tokens of |W (x^ - x)|^2, output by output.
static double output_error(const layer *l, const binq_level_table *table) {
  int64_t padded = l->statistics.padded_columns;
  float *quantized = new_floats(TOKENS * padded);
  binq_simulate_activations(l->pool, l->x, TOKENS, l->statistics.order, &l->linears[0].format,
                            table, quantized);
  double error = 0;
  for (int i = 0; i < 2; ++i) {
    int64_t rows = l->linears[i].format.rows;
    float *weights = new_floats(rows * padded);
    binq_dequantize(&l->linears[i], weights);
    for (int64_t t = 0; t < TOKENS; ++t)
      for (int64_t row = 0; row < rows; ++row) {
        double sum = 0;
        for (int64_t j = 0; j < padded; ++j) {
          int64_t channel = l->statistics.order[j];
          double x = channel < COLUMNS ? (double)l->x[t * COLUMNS + channel] : 0;
          sum += (double)weights[row * padded + j] * ((double)quantized[t * padded + j] - x);
        }
        error += sum * sum;
      }
    free(weights);
  }
  free(quantized);
  return error;
}

/// What is chosen is no worse than the plain scales and two smoothed ones.
static void check_choice(int power) {
  static const int32_t others[][4] = {{1, 2, 4, -8}, {2, 3, 8, -12}, {2, 3, 7, -11}};
  layer l = create_layer(power);
  binq_level_table chosen, other;
  CHECK_STATUS_OK(binq_choose_levels(l.pool, l.x, TOKENS, &l.statistics, l.linears, 2, 4, &chosen));
  double error = output_error(&l, &chosen);
  for (size_t i = 0; i < sizeof others / sizeof *others; ++i) {
    CHECK_STATUS_OK(binq_level_table_of(others[i], 4, &other));
    CHECK(error <= output_error(&l, &other) * (1 + 1e-5));
  }
  if (power == 3)
    CHECK(chosen.plane_scale[0] != 1 || chosen.plane_scale[3] != -8);
  CHECK_STATUS_OK(binq_choose_levels(l.pool, l.x, TOKENS, &l.statistics, l.linears, 2, 8, &chosen));
  CHECK_EQ_INT(chosen.planes, 8);
  CHECK_STATUS_FAILS(
      binq_choose_levels(l.pool, l.x, TOKENS, &l.statistics, l.linears, 2, 5, &chosen),
      "4 or 8 planes");
  free_layer(&l);
}

int main(void) {
  static const int32_t plain[] = {1, 2, 4, -8}, smooth[] = {2, 3, 8, -12};
  static const int32_t eight[] = {1, 2, 4, 8, 16, 32, 64, -128};
  check_simulation(32, 0, plain, 4);
  check_simulation(172, 32, plain, 4);
  check_simulation(172, 192, plain, 4);
  check_simulation(320, 160, smooth, 4);
  check_simulation(576, 32, smooth, 4);
  check_simulation(576, 32, eight, 8);
  check_choice(1);
  check_choice(3);
  return check_result();
}

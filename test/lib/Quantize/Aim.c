/// Aiming at the float model, by what comes out of linears.
#include "Numbers.h"
#include "binq/Quantize/Quantize.h"

#include <math.h>

enum { COLUMNS = 172, ROWS = 19, TOKENS = 900 };

/// What two models read, and what a linear of the float one has for weights.
typedef struct {
  binq_pool *pool;
  float *plain, *quantized; ///< [TOKENS][COLUMNS]
  float *weights, *sum, *cross;
} texts;

/// The quantized text is the float one in other proportions, with an error of its own.
static texts make_texts(int threads) {
  texts t = {.pool = new_pool(threads)};
  uint64_t state = 31;
  t.plain = new_floats(TOKENS * COLUMNS);
  t.quantized = new_floats(TOKENS * COLUMNS);
  t.weights = random_floats(ROWS * COLUMNS, 32);
  t.sum = new_floats(COLUMNS * COLUMNS);
  t.cross = new_floats(COLUMNS * COLUMNS);
  for (int64_t i = 0; i < TOKENS; ++i) {
    float common = random_normal(&state);
    for (int64_t j = 0; j < COLUMNS; ++j) {
      float x = (random_normal(&state) + common) * (j % 41 == 7 ? 20.0F : 1.0F);
      t.plain[i * COLUMNS + j] = x;
      t.quantized[i * COLUMNS + j] = 0.8F * x + 0.3F * random_normal(&state) + 0.2F * common;
    }
  }
  binq_hessian_add(t.pool, t.sum, COLUMNS, t.quantized, TOKENS);
  binq_cross_add(t.pool, t.cross, t.plain, COLUMNS, t.quantized, COLUMNS, TOKENS);
  return t;
}

static void free_texts(texts *t) {
  binq_pool_destroy(t->pool);
  free(t->plain);
  free(t->quantized);
  free(t->weights);
  free(t->sum);
  free(t->cross);
}

/// The weights after aiming, with INT8 columns or without: those only change the channel order.
static float *aimed(const texts *t, const float *cross, double share, double damping,
                    int64_t int8_columns) {
  binq_input_statistics statistics;
  binq_aim aim;
  float *weights = new_floats(ROWS * COLUMNS);
  memcpy(weights, t->weights, ROWS * COLUMNS * sizeof *weights);
  CHECK_STATUS_OK(binq_input_statistics_create(t->pool, t->sum, COLUMNS, TOKENS, int8_columns,
                                               damping, &statistics));
  CHECK_STATUS_OK(binq_aim_create(t->pool, t->sum, cross, TOKENS, &statistics, &aim));
  CHECK_STATUS_OK(binq_aim_weights(t->pool, &aim, share, NULL, ROWS, weights));
  binq_aim_free(&aim);
  binq_input_statistics_free(&statistics);
  return weights;
}

/// y[t] of row i: weights times text.
static double output(const float *weights, const float *text, int64_t i, int64_t t) {
  double sum = 0;
  for (int64_t j = 0; j < COLUMNS; ++j)
    sum += (double)weights[i * COLUMNS + j] * (double)text[t * COLUMNS + j];
  return sum;
}

/// The squared distance of the outputs, the float model's weights and text against others.
static double distance(const texts *t, const float *weights) {
  double sum = 0;
  for (int64_t i = 0; i < ROWS; ++i)
    for (int64_t k = 0; k < TOKENS; ++k) {
      double d = output(t->weights, t->plain, i, k) - output(weights, t->quantized, i, k);
      sum += d * d;
    }
  return sum;
}

/// The further it aims the nearer it comes, and least squares leave nothing that the input could
/// explain.
static void check_least_squares(void) {
  texts t = make_texts(2);
  double last = distance(&t, t.weights);
  for (int step = 1; step <= 4; ++step) {
    float *weights = aimed(&t, t.cross, step * 0.25, 1e-6, 32);
    double now = distance(&t, weights);
    CHECK(now < last);
    last = now;
    if (step == 4)
      for (int64_t j = 0; j < COLUMNS; ++j) {
        double product = 0, size = 0;
        for (int64_t k = 0; k < TOKENS; ++k) {
          double x = (double)t.quantized[k * COLUMNS + j];
          double y = output(t.weights, t.plain, 0, k);
          product += (y - output(weights, t.quantized, 0, k)) * x;
          size += fabs(y * x);
        }
        CHECK(fabs(product) <= 1e-3 * size);
      }
    free(weights);
  }
  free_texts(&t);
}

/// What the outputs should be is aimed at as if other weights gave it for what the float model
/// reads: here they do.
static void check_wanted(void) {
  texts t = make_texts(2);
  float *extra = random_floats(ROWS * COLUMNS, 33), *wanted = new_floats(ROWS * COLUMNS);
  float *rows = new_floats(TOKENS * ROWS), *sums = new_floats(ROWS * COLUMNS);
  binq_input_statistics statistics;
  binq_aim aim, compared;
  for (int64_t i = 0; i < ROWS * COLUMNS; ++i)
    sums[i] = t.weights[i] + extra[i];
  binq_matmul(t.pool, t.plain, TOKENS, sums, ROWS, COLUMNS, rows, ROWS);
  binq_cross_add(t.pool, wanted, rows, ROWS, t.quantized, COLUMNS, TOKENS);
  CHECK_STATUS_OK(
      binq_input_statistics_create(t.pool, t.sum, COLUMNS, TOKENS, 32, 1e-6, &statistics));
  CHECK_STATUS_OK(binq_aim_create(t.pool, t.sum, NULL, TOKENS, &statistics, &aim));
  CHECK_STATUS_OK(binq_aim_create(t.pool, t.sum, t.cross, TOKENS, &statistics, &compared));
  CHECK_STATUS_OK(binq_aim_weights(t.pool, &aim, 1, wanted, ROWS, t.weights));
  CHECK_STATUS_OK(binq_aim_weights(t.pool, &compared, 1, NULL, ROWS, sums));
  for (int64_t i = 0; i < ROWS * COLUMNS; ++i)
    CHECK(fabsf(t.weights[i] - sums[i]) < 1e-3F);
  binq_aim_free(&aim);
  binq_aim_free(&compared);
  binq_input_statistics_free(&statistics);
  free(extra);
  free(wanted);
  free(rows);
  free(sums);
  free_texts(&t);
}

/// Nothing changes where the texts agree, or when nothing is to change; and where damping is all,
/// little does.
static void check_unchanged(void) {
  texts t = make_texts(1);
  size_t bytes = ROWS * COLUMNS * sizeof(float);
  float *same = new_floats(COLUMNS * COLUMNS);
  for (int64_t i = 0; i < COLUMNS; ++i)
    for (int64_t j = 0; j < COLUMNS; ++j)
      same[i * COLUMNS + j] = t.sum[i < j ? i * COLUMNS + j : j * COLUMNS + i];
  float *weights = aimed(&t, same, 1, 0.01, 0);
  CHECK(memcmp(weights, t.weights, bytes) == 0);
  free(weights);
  weights = aimed(&t, t.cross, 0, 0.01, 0);
  CHECK(memcmp(weights, t.weights, bytes) == 0);
  free(weights);
  weights = aimed(&t, t.cross, 1, 1e6, 0);
  for (int64_t i = 0; i < ROWS * COLUMNS; ++i)
    CHECK(fabsf(weights[i] - t.weights[i]) < 1e-3F);
  free(weights);
  free(same);
  free_texts(&t);
}

static void check_bits(void) {
  texts one = make_texts(1), three = make_texts(3);
  float *a = aimed(&one, one.cross, 0.5, 0.01, 32), *b = aimed(&three, three.cross, 0.5, 0.01, 32);
  CHECK(memcmp(a, b, ROWS * COLUMNS * sizeof *a) == 0);
  free(a);
  free(b);
  free_texts(&one);
  free_texts(&three);
}

int main(void) {
  check_least_squares();
  check_wanted();
  check_unchanged();
  check_bits();
  return check_result();
}

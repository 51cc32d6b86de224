/// Matmuls, their gradients, Hessians and cross products against sums in double, and their bits
/// across threads and batches.
#include "Numbers.h"
#include "binq/Quantize/Quantize.h"

#include <math.h>

typedef struct {
  int64_t tokens, rows, columns;
} shape;

static const shape SHAPES[] = {{1, 1, 1},      {5, 17, 31},     {7, 96, 172},   {400, 100, 193},
                               {13, 192, 576}, {385, 97, 1000}, {768, 32, 200}, {9, 400, 33}};
enum { SHAPE_COUNT = sizeof SHAPES / sizeof *SHAPES };

static void check_close(float got, double expected, double magnitude) {
  if (!(fabs((double)got - expected) <= 1e-6 * magnitude + 1e-30))
    CHECK_FAIL("%.9g is not %.9g", (double)got, expected);
}

static void check_matmul(shape s) {
  binq_pool *pool = new_pool(2);
  int64_t ldy = s.rows + 3;
  float *x = random_floats(s.tokens * s.columns, 1), *w = random_floats(s.rows * s.columns, 2);
  float *y = new_floats(s.tokens * ldy);
  for (int64_t i = 0; i < s.tokens * ldy; ++i)
    y[i] = 7;
  binq_matmul(pool, x, s.tokens, w, s.rows, s.columns, y, ldy);
  for (int64_t t = 0; t < s.tokens; ++t) {
    for (int64_t i = 0; i < s.rows; ++i) {
      double sum = 0, magnitude = 0;
      for (int64_t j = 0; j < s.columns; ++j) {
        double product = (double)x[t * s.columns + j] * (double)w[i * s.columns + j];
        sum += product;
        magnitude += fabs(product);
      }
      check_close(y[t * ldy + i], sum, magnitude);
    }
    for (int64_t i = s.rows; i < ldy; ++i)
      CHECK(y[t * ldy + i] == 7);
  }
  free(x);
  free(w);
  free(y);
  binq_pool_destroy(pool);
}

static void check_hessian(shape s) {
  binq_pool *pool = new_pool(2);
  float *x = random_floats(s.tokens * s.columns, 3);
  float *sum = new_floats(s.columns * s.columns);
  binq_hessian_add(pool, sum, s.columns, x, s.tokens);
  binq_hessian_add(pool, sum, s.columns, x, s.tokens);
  for (int64_t i = 0; i < s.columns; ++i)
    for (int64_t j = i; j < s.columns; ++j) {
      double expected = 0, magnitude = 0;
      for (int64_t t = 0; t < s.tokens; ++t) {
        double product = 2.0 * (double)x[t * s.columns + i] * (double)x[t * s.columns + j];
        expected += product;
        magnitude += fabs(product);
      }
      check_close(sum[i * s.columns + j], expected, magnitude);
    }
  free(x);
  free(sum);
  binq_pool_destroy(pool);
}

static void check_cross(shape s) {
  binq_pool *pool = new_pool(2);
  float *left = random_floats(s.tokens * s.rows, 6);
  float *right = random_floats(s.tokens * s.columns, 7), *sum = new_floats(s.rows * s.columns);
  binq_cross_add(pool, sum, left, s.rows, right, s.columns, s.tokens);
  binq_cross_add(pool, sum, left, s.rows, right, s.columns, s.tokens);
  for (int64_t i = 0; i < s.rows; ++i)
    for (int64_t j = 0; j < s.columns; ++j) {
      double expected = 0, magnitude = 0;
      for (int64_t t = 0; t < s.tokens; ++t) {
        double product = 2.0 * (double)left[t * s.rows + i] * (double)right[t * s.columns + j];
        expected += product;
        magnitude += fabs(product);
      }
      check_close(sum[i * s.columns + j], expected, magnitude);
    }
  free(left);
  free(right);
  free(sum);
  binq_pool_destroy(pool);
}

/// dx = dy w and dw = dy^T x, rows of dy and dx further apart than they are long.
static void check_gradients(shape s) {
  binq_pool *pool = new_pool(2);
  int64_t ldy = s.rows + 3, ldx = s.columns + 5;
  float *dy = random_floats(s.tokens * ldy, 8), *w = random_floats(s.rows * s.columns, 9);
  float *x = random_floats(s.tokens * s.columns, 10), *dw = new_floats(s.rows * s.columns);
  float *dx = new_floats(s.tokens * ldx);
  binq_matmul_input_gradient(pool, dy, ldy, s.tokens, w, s.rows, s.columns, false, dx, ldx);
  binq_matmul_input_gradient(pool, dy, ldy, s.tokens, w, s.rows, s.columns, true, dx, ldx);
  binq_matmul_weight_gradient(pool, dy, ldy, x, s.tokens, s.rows, s.columns, dw);
  for (int64_t t = 0; t < s.tokens; ++t) {
    for (int64_t j = 0; j < s.columns; ++j) {
      double sum = 0, magnitude = 0;
      for (int64_t i = 0; i < s.rows; ++i) {
        double product = 2 * (double)dy[t * ldy + i] * (double)w[i * s.columns + j];
        sum += product;
        magnitude += fabs(product);
      }
      check_close(dx[t * ldx + j], sum, magnitude);
    }
    for (int64_t j = s.columns; j < ldx; ++j)
      CHECK(dx[t * ldx + j] == 0);
  }
  for (int64_t i = 0; i < s.rows; ++i)
    for (int64_t j = 0; j < s.columns; ++j) {
      double sum = 0, magnitude = 0;
      for (int64_t t = 0; t < s.tokens; ++t) {
        double product = (double)dy[t * ldy + i] * (double)x[t * s.columns + j];
        sum += product;
        magnitude += fabs(product);
      }
      check_close(dw[i * s.columns + j], sum, magnitude);
    }
  free(dy);
  free(w);
  free(x);
  free(dw);
  free(dx);
  binq_pool_destroy(pool);
}

/// The same bits with any number of threads, for a token alone, for a row of weights alone, and
/// with weights that come 192 rows at a time.
static void check_gradient_bits(shape s) {
  float *dy = random_floats(s.tokens * s.rows, 11), *w = random_floats(s.rows * s.columns, 12);
  float *x = random_floats(s.tokens * s.columns, 13);
  int64_t inputs = s.tokens * s.columns, weights = s.rows * s.columns;
  int64_t last = s.tokens - 1, last_row = s.rows - 1;
  float *dx = new_floats(inputs), *dx_again = new_floats(inputs);
  float *dw = new_floats(weights), *dw_again = new_floats(weights);
  for (int threads = 1; threads <= 3; ++threads) {
    binq_pool *pool = new_pool(threads);
    binq_matmul_input_gradient(pool, dy, s.rows, s.tokens, w, s.rows, s.columns, false,
                               threads == 1 ? dx : dx_again, s.columns);
    binq_matmul_weight_gradient(pool, dy, s.rows, x, s.tokens, s.rows, s.columns,
                                threads == 1 ? dw : dw_again);
    if (threads > 1) {
      CHECK(memcmp(dx, dx_again, (size_t)inputs * sizeof *dx) == 0);
      CHECK(memcmp(dw, dw_again, (size_t)weights * sizeof *dw) == 0);
    }
    for (int64_t row = 0; row < s.rows; row += 192)
      binq_matmul_input_gradient(pool, dy + last * s.rows + row, s.rows, 1, w + row * s.columns,
                                 s.rows - row < 192 ? s.rows - row : 192, s.columns, row > 0,
                                 dx_again, s.columns);
    CHECK(memcmp(dx + last * s.columns, dx_again, (size_t)s.columns * sizeof *dx) == 0);
    binq_matmul_weight_gradient(pool, dy + last_row, s.rows, x, s.tokens, 1, s.columns, dw_again);
    CHECK(memcmp(dw + last_row * s.columns, dw_again, (size_t)s.columns * sizeof *dw) == 0);
    binq_pool_destroy(pool);
  }
  free(dy);
  free(w);
  free(x);
  free(dx);
  free(dx_again);
  free(dw);
  free(dw_again);
}

/// The same bits with any number of threads, and for a token alone as among others.
static void check_bits(shape s) {
  float *x = random_floats(s.tokens * s.columns, 4), *w = random_floats(s.rows * s.columns, 5);
  int64_t outputs = s.tokens * s.rows, entries = s.columns * s.columns;
  float *y = new_floats(outputs), *again = new_floats(outputs);
  float *sum = new_floats(entries), *sum_again = new_floats(entries);
  for (int threads = 1; threads <= 3; ++threads) {
    binq_pool *pool = new_pool(threads);
    binq_matmul(pool, x, s.tokens, w, s.rows, s.columns, threads == 1 ? y : again, s.rows);
    binq_hessian_add(pool, threads == 1 ? sum : sum_again, s.columns, x, s.tokens);
    binq_cross_add(pool, threads == 1 ? sum : sum_again, x, s.columns, x, s.columns, s.tokens);
    if (threads > 1) {
      CHECK(memcmp(y, again, (size_t)outputs * sizeof *y) == 0);
      CHECK(memcmp(sum, sum_again, (size_t)entries * sizeof *sum) == 0);
    }
    memset(sum_again, 0, (size_t)entries * sizeof *sum_again);
    int64_t last = s.tokens - 1;
    binq_matmul(pool, x + last * s.columns, 1, w, s.rows, s.columns, again, s.rows);
    CHECK(memcmp(y + last * s.rows, again, (size_t)s.rows * sizeof *y) == 0);
    binq_pool_destroy(pool);
  }
  free(x);
  free(w);
  free(y);
  free(again);
  free(sum);
  free(sum_again);
}

int main(void) {
  for (int i = 0; i < SHAPE_COUNT; ++i) {
    check_matmul(SHAPES[i]);
    check_hessian(SHAPES[i]);
    check_cross(SHAPES[i]);
    check_bits(SHAPES[i]);
    check_gradients(SHAPES[i]);
    check_gradient_bits(SHAPES[i]);
  }
  return check_result();
}

/// Order, damping and factor of an input's Hessian.
#include "Numbers.h"
#include "binq/Quantize/Quantize.h"

#include <math.h>

/// The sum of x x^T over correlated tokens whose channels differ widely in size.
static float *correlated_sum(int64_t columns, int64_t tokens) {
  float *sum = new_floats(columns * columns);
  float *x = new_floats(columns);
  uint64_t state = 9;
  for (int64_t t = 0; t < tokens; ++t) {
    float common = random_normal(&state);
    for (int64_t j = 0; j < columns; ++j)
      x[j] = (random_normal(&state) + common) * (float)(1 + j * 7 % 11);
    for (int64_t i = 0; i < columns; ++i)
      for (int64_t j = i; j < columns; ++j)
        sum[i * columns + j] += x[i] * x[j];
  }
  free(x);
  return sum;
}

static double sum_entry(const float *sum, int64_t columns, int64_t i, int64_t j) {
  return (double)(i < j ? sum[i * columns + j] : sum[j * columns + i]);
}

static void check_order(const binq_input_statistics *s, const float *sum, int64_t int8_columns) {
  int64_t padding = s->padded_columns - s->columns;
  bool *seen = new_array(s->padded_columns, sizeof *seen);
  double last = INFINITY, least_outlier = INFINITY, greatest = 0;
  for (int64_t j = 0; j < s->padded_columns; ++j) {
    int64_t channel = s->order[j];
    REQUIRE(channel < s->padded_columns && !seen[channel]);
    seen[channel] = true;
    CHECK((channel >= s->columns) == (j < padding));
    if (j < padding)
      continue;
    double diagonal = sum_entry(sum, s->columns, channel, channel);
    if (j == s->padded_columns - int8_columns)
      last = INFINITY;
    CHECK(diagonal <= last);
    last = diagonal;
    if (j < s->padded_columns - int8_columns)
      greatest = diagonal > greatest ? diagonal : greatest;
    else
      least_outlier = diagonal < least_outlier ? diagonal : least_outlier;
  }
  CHECK(greatest <= least_outlier);
  free(seen);
}

static void check_hessian(const binq_input_statistics *s, const float *sum, int64_t tokens,
                          double damping) {
  double trace = 0;
  for (int64_t j = 0; j < s->columns; ++j)
    trace += 2 * sum_entry(sum, s->columns, j, j) / (double)tokens;
  double added = damping * trace / (double)s->columns;
  CHECK(fabs(s->damping - added) <= 1e-12 * added);
  for (int64_t i = 0; i < s->padded_columns; ++i)
    for (int64_t j = 0; j < s->padded_columns; ++j) {
      double expected = i == j;
      if (s->order[i] < s->columns && s->order[j] < s->columns)
        expected = 2 * sum_entry(sum, s->columns, s->order[i], s->order[j]) / (double)tokens +
                   (i == j ? added : 0);
      double got = (double)s->hessian[i * s->padded_columns + j];
      if (!(fabs(got - expected) <= 1e-6 * fabs(expected)))
        CHECK_FAIL("H[%d][%d] is %g, not %g", (int)i, (int)j, got, expected);
    }
}

/// U is upper and U H U^T = I, which is H^-1 = U^T U.
static void check_factor(const binq_input_statistics *s) {
  int64_t n = s->padded_columns;
  double *product = new_array(n * n, sizeof *product); // H U^T
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j)
      for (int64_t k = j; k < n; ++k)
        product[i * n + j] += (double)s->hessian[i * n + k] * (double)s->factor[j * n + k];
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) {
      CHECK(j >= i || s->factor[i * n + j] == 0);
      double sum = 0;
      for (int64_t k = i; k < n; ++k)
        sum += (double)s->factor[i * n + k] * product[k * n + j];
      if (!(fabs(sum - (i == j)) <= 1e-4))
        CHECK_FAIL("(U H U^T)[%d][%d] is %g", (int)i, (int)j, sum);
    }
  free(product);
}

/// Eliminates the last unknown of n: what is left is the form when it follows the others to the
/// least value.
static void eliminate_last(double *form, int64_t row, int64_t n) {
  for (int64_t i = 0; i + 1 < n; ++i)
    for (int64_t j = 0; j + 1 < n; ++j)
      form[i * row + j] -=
          form[i * row + n - 1] * form[(n - 1) * row + j] / form[(n - 1) * row + n - 1];
}

static void check_form(const char *what, const float *got, int64_t got_row, const double *form,
                       int64_t row, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    for (int64_t j = begin; j < end; ++j) {
      double expected = form[i * row + j], value = (double)got[(i - begin) * got_row + j - begin];
      double magnitude = sqrt(form[i * row + i] * form[j * row + j]);
      if (!(fabs(value - expected) <= 1e-4 * magnitude))
        CHECK_FAIL("%s[%d][%d] is %g, not %g", what, (int)i, (int)j, value, expected);
    }
}

/// The forms that are left when INT8 columns, then all behind a group, are eliminated one by one.
static void check_forms(const binq_input_statistics *s) {
  int64_t n = s->padded_columns, planes = s->plane_columns;
  double *form = new_array(n * n, sizeof *form);
  for (int64_t i = 0; i < n * n; ++i)
    form[i] = (double)s->hessian[i];
  for (int64_t left = n; left > planes; --left)
    eliminate_last(form, n, left);
  check_form("reduced", s->reduced, planes, form, n, 0, planes);
  int64_t left = planes;
  for (int64_t begin = (planes - 1) / BINQ_GROUP * BINQ_GROUP; begin >= 0; begin -= BINQ_GROUP) {
    int64_t end = begin + BINQ_GROUP < planes ? begin + BINQ_GROUP : planes;
    for (; left > end; --left)
      eliminate_last(form, n, left);
    check_form("within", s->within + begin * BINQ_GROUP, BINQ_GROUP, form, n, begin, end);
  }
  free(form);
}

static void check_statistics(int64_t columns, int64_t int8_columns) {
  enum { TOKENS = 700 };
  float *sum = correlated_sum(columns, TOKENS);
  binq_input_statistics one, many;
  binq_pool *pool = new_pool(1);
  CHECK_STATUS_OK(
      binq_input_statistics_create(pool, sum, columns, TOKENS, int8_columns, 0.01, &one));
  binq_pool_destroy(pool);
  CHECK_EQ_INT(one.columns, columns);
  CHECK_EQ_INT(one.padded_columns, (columns + 31) / 32 * 32);
  check_order(&one, sum, int8_columns);
  check_hessian(&one, sum, TOKENS, 0.01);
  check_factor(&one);
  check_forms(&one);
  CHECK_EQ_INT(one.plane_columns, one.padded_columns - int8_columns);
  pool = new_pool(3);
  CHECK_STATUS_OK(
      binq_input_statistics_create(pool, sum, columns, TOKENS, int8_columns, 0.01, &many));
  binq_pool_destroy(pool);
  size_t bytes = (size_t)one.padded_columns * (size_t)one.padded_columns * sizeof(float);
  CHECK(memcmp(one.factor, many.factor, bytes) == 0);
  CHECK(memcmp(one.hessian, many.hessian, bytes) == 0);
  size_t planes = (size_t)one.plane_columns;
  CHECK(memcmp(one.reduced, many.reduced, planes * planes * sizeof(float)) == 0);
  CHECK(memcmp(one.within, many.within, planes * BINQ_GROUP * sizeof(float)) == 0);
  binq_input_statistics_free(&one);
  binq_input_statistics_free(&many);
  free(sum);
}

static void check_identity(void) {
  binq_pool *pool = new_pool(1);
  binq_input_statistics s;
  CHECK_STATUS_OK(binq_input_statistics_create(pool, NULL, 40, 0, 32, 0.01, &s));
  for (int64_t i = 0; i < 64; ++i) {
    CHECK_EQ_INT(s.order[i], i);
    for (int64_t j = 0; j < 64; ++j) {
      CHECK(s.hessian[i * 64 + j] == (float)(i == j));
      CHECK(s.factor[i * 64 + j] == (float)(i == j));
    }
  }
  CHECK(s.damping == 0);
  binq_input_statistics_free(&s);
  binq_pool_destroy(pool);
}

/// Channels that were never seen are no reason to fail, even all of them, even without damping.
static void check_unseen_channels(void) {
  binq_pool *pool = new_pool(1);
  float sum[32 * 32] = {0};
  binq_input_statistics s;
  CHECK_STATUS_OK(binq_input_statistics_create(pool, sum, 32, 5, 0, 0.01, &s));
  CHECK(s.factor[0] == 1);
  binq_input_statistics_free(&s);
  sum[3 * 32 + 3] = 4;
  CHECK_STATUS_OK(binq_input_statistics_create(pool, sum, 32, 2, 0, 0, &s));
  CHECK_EQ_INT(s.order[0], 3);
  CHECK(s.hessian[0] == 4);
  CHECK(s.factor[0] == 0.5F);
  CHECK(s.hessian[33] == 1);
  binq_input_statistics_free(&s);
  binq_pool_destroy(pool);
}

static void check_refusals(void) {
  binq_pool *pool = new_pool(1);
  float sum[32 * 32] = {[0] = 1, [1] = 2, [33] = 1};
  binq_input_statistics s;
  CHECK_STATUS_FAILS(binq_input_statistics_create(pool, sum, 32, 1, 0, 0.01, &s),
                     "not positive definite");
  sum[1] = NAN;
  CHECK_STATUS_FAILS(binq_input_statistics_create(pool, sum, 32, 1, 0, 0.01, &s),
                     "not positive definite");
  sum[1] = 0;
  sum[0] = INFINITY;
  CHECK_STATUS_FAILS(binq_input_statistics_create(pool, sum, 32, 1, 0, 0.01, &s),
                     "not positive definite");
  CHECK_STATUS_FAILS(binq_input_statistics_create(pool, sum, 32, 0, 0, 0.01, &s), "one token");
  CHECK_STATUS_FAILS(binq_input_statistics_create(pool, sum, 0, 1, 0, 0.01, &s), "columns");
  CHECK_STATUS_FAILS(binq_input_statistics_create(pool, sum, 70000, 1, 0, 0.01, &s), "70000");
  CHECK_STATUS_FAILS(binq_input_statistics_create(pool, sum, 32, 1, -32, 0.01, &s), "-32");
  CHECK_STATUS_FAILS(binq_input_statistics_create(pool, sum, 32, 1, 40, 0.01, &s), "40");
  CHECK_STATUS_FAILS(binq_input_statistics_create(pool, sum, 32, 1, 64, 0.01, &s), "64");
  binq_pool_destroy(pool);
}

int main(void) {
  const int64_t columns[] = {1, 32, 96, 172, 320};
  for (size_t i = 0; i < sizeof columns / sizeof *columns; ++i)
    for (int64_t int8 = 0; int8 <= 64 && int8 <= columns[i]; int8 += 32)
      check_statistics(columns[i], int8);
  check_identity();
  check_unseen_channels();
  check_refusals();
  return check_result();
}

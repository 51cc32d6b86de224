/// With the order of rows and columns reversed, h becomes V^T V, V upper; then U is the transpose
/// of V^-1, reversed back. In double, tile by tile; the sums of an element always run in the same
/// order.
#include "Factor.h"
#include "Tasks.h"
#include "binq/Support/Memory.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { TILE = 64, STRIP = 32, LANES = 4, VECTORS = STRIP / LANES };

typedef double lanes __attribute__((ext_vector_type(LANES)));

typedef struct {
  const float *h;
  float *factor, *reduced;
  int64_t size, last;
  double *v;       ///< [size][size], the upper triangle counts: reversed h, gradually becoming V
  double *inverse; ///< [size][size], V^-1; its diagonal tiles are ready as soon as V's are
  int64_t tile;    ///< first row of the tiles being eliminated
} factorization;

static int64_t tile_end(const factorization *f, int64_t begin) {
  return begin + TILE < f->size ? begin + TILE : f->size;
}

/// A row of the left operand, its elements `step` apart, times 32 columns of the right one.
typedef struct {
  const double *left;
  int64_t step;
  const double *right;
  int64_t row; ///< doubles from one row of the right operand to the next
  int64_t depth;
} strip_product;

static void multiply_strip(strip_product p, double out[STRIP]) {
  lanes sum[VECTORS] = {0};
  for (int64_t k = 0; k < p.depth; ++k) {
    lanes factor = (lanes)p.left[k * p.step];
    const double *right = p.right + k * p.row;
#pragma clang loop unroll(full)
    for (int i = 0; i < VECTORS; ++i) {
      lanes value;
      memcpy(&value, right + (ptrdiff_t)i * LANES, sizeof value);
      sum[i] = __builtin_elementwise_fma(factor, value, sum[i]);
    }
  }
  memcpy(out, sum, sizeof sum);
}

/// Factors the diagonal tile in place. False if the matrix is not positive definite.
static bool factor_diagonal(factorization *f) {
  int64_t begin = f->tile, end = tile_end(f, begin), n = f->size;
  for (int64_t k = begin; k < end; ++k) {
    double *row = f->v + k * n;
    if (!(row[k] > 0) || isinf(row[k]))
      return false;
    double pivot = sqrt(row[k]);
    for (int64_t j = k; j < end; ++j)
      row[j] /= pivot;
    for (int64_t i = k + 1; i < end; ++i)
      for (int64_t j = i; j < end; ++j)
        f->v[i * n + j] -= row[i] * row[j];
  }
  return true;
}

/// Inverts the diagonal tile, column by column from the diagonal up.
static void invert_diagonal(factorization *f) {
  int64_t begin = f->tile, end = tile_end(f, begin), n = f->size;
  for (int64_t j = begin; j < end; ++j) {
    f->inverse[j * n + j] = 1 / f->v[j * n + j];
    for (int64_t i = j - 1; i >= begin; --i) {
      double sum = 0;
      for (int64_t k = i + 1; k <= j; ++k)
        sum += f->v[i * n + k] * f->inverse[k * n + j];
      f->inverse[i * n + j] = -sum / f->v[i * n + i];
    }
  }
}

/// The tiles right of the diagonal one, 32 columns a task: the transposed inverse of the diagonal
/// tile times them.
static void solve_strip(const void *argument, int64_t task) {
  const factorization *f = argument;
  int64_t begin = f->tile, end = tile_end(f, begin), n = f->size, column = end + task * STRIP;
  double solved[TILE][STRIP];
  for (int64_t i = begin; i < end; ++i)
    multiply_strip((strip_product){.left = f->inverse + begin * n + i,
                                   .step = n,
                                   .right = f->v + begin * n + column,
                                   .row = n,
                                   .depth = i + 1 - begin},
                   solved[i - begin]);
  for (int64_t i = begin; i < end; ++i)
    memcpy(f->v + i * n + column, solved[i - begin], sizeof solved[0]);
}

/// Takes the eliminated rows out of 32 columns of the rest, down to the diagonal.
static void eliminate_strip(const void *argument, int64_t task) {
  const factorization *f = argument;
  int64_t begin = f->tile, end = tile_end(f, begin), n = f->size, column = n - (task + 1) * STRIP;
  for (int64_t i = end; i < column + STRIP; ++i) {
    double product[STRIP];
    multiply_strip((strip_product){.left = f->v + begin * n + i,
                                   .step = n,
                                   .right = f->v + begin * n + column,
                                   .row = n,
                                   .depth = end - begin},
                   product);
    double *to = f->v + i * n + column;
    for (int j = 0; j < STRIP; ++j)
      to[j] -= product[j];
  }
}

/// V^-1 of 32 columns, tile by tile upwards from the diagonal tile, which is there already.
static void invert_strip(const void *argument, int64_t task) {
  const factorization *f = argument;
  int64_t n = f->size, column = n - (task + 1) * STRIP;
  for (int64_t begin = column / TILE * TILE - TILE; begin >= 0; begin -= TILE) {
    int64_t end = begin + TILE, last = column + STRIP;
    double sums[TILE][STRIP], row[STRIP];
    for (int64_t i = begin; i < end; ++i)
      multiply_strip((strip_product){.left = f->v + i * n + end,
                                     .step = 1,
                                     .right = f->inverse + end * n + column,
                                     .row = n,
                                     .depth = last - end},
                     sums[i - begin]);
    for (int64_t i = begin; i < end; ++i) {
      multiply_strip((strip_product){.left = f->inverse + i * n + i,
                                     .step = 1,
                                     .right = sums[i - begin],
                                     .row = STRIP,
                                     .depth = end - i},
                     row);
      for (int j = 0; j < STRIP; ++j)
        f->inverse[i * n + column + j] = -row[j];
    }
  }
}

static void reverse_rows(const void *argument, int64_t task) {
  const factorization *f = argument;
  int64_t n = f->size;
  for (int64_t i = task * STRIP; i < (task + 1) * STRIP; ++i)
    for (int64_t j = i; j < n; ++j)
      f->v[i * n + j] = (double)f->h[(n - 1 - i) * n + n - 1 - j];
}

static void write_rows(const void *argument, int64_t task) {
  const factorization *f = argument;
  int64_t n = f->size;
  for (int64_t i = task * STRIP; i < (task + 1) * STRIP; ++i)
    for (int64_t j = 0; j < n; ++j)
      f->factor[i * n + j] = j < i ? 0 : (float)f->inverse[(n - 1 - j) * n + n - 1 - i];
}

/// Rows of the reduced form: h less what the last unknowns, which were eliminated first, take over.
static void reduce_rows(const void *argument, int64_t task) {
  const factorization *f = argument;
  int64_t n = f->size, kept = n - f->last;
  for (int64_t i = task * STRIP; i < (task + 1) * STRIP; ++i)
    for (int64_t j = 0; j < kept; j += STRIP) {
      double sum[STRIP];
      multiply_strip((strip_product){.left = f->v + n - 1 - i,
                                     .step = n,
                                     .right = f->v + n - STRIP - j,
                                     .row = n,
                                     .depth = f->last},
                     sum);
      for (int64_t c = 0; c < STRIP; ++c)
        f->reduced[i * kept + j + c] = (float)((double)f->h[i * n + j + c] - sum[STRIP - 1 - c]);
    }
}

static binq_status factorize(binq_pool *pool, factorization *f) {
  int64_t strips = f->size / STRIP;
  binq_run_tasks(pool, strips, reverse_rows, f);
  for (f->tile = 0; f->tile < f->size; f->tile += TILE) {
    if (!factor_diagonal(f))
      return binq_errorf(
          "the Hessian of an input is not positive definite: its values are not finite, or the"
          " damping is too small");
    invert_diagonal(f);
    int64_t rest = (f->size - tile_end(f, f->tile)) / STRIP;
    binq_run_tasks(pool, rest, solve_strip, f);
    binq_run_tasks(pool, rest, eliminate_strip, f);
  }
  binq_run_tasks(pool, strips, invert_strip, f);
  binq_run_tasks(pool, strips, write_rows, f);
  binq_run_tasks(pool, strips - f->last / STRIP, reduce_rows, f);
  return BINQ_OK;
}

binq_status binq_inverse_factor(binq_pool *pool, const float *h, int64_t size, int64_t last,
                                float *factor, float *reduced) {
  factorization f = {.h = h, .factor = factor, .reduced = reduced, .size = size, .last = last};
  size_t count = (size_t)size * (size_t)size;
  binq_status status = binq_allocate(count, sizeof *f.v, "factor of a Hessian", &f.v);
  if (!status)
    status = binq_allocate(count, sizeof *f.inverse, "factor of a Hessian", &f.inverse);
  if (!status)
    status = factorize(pool, &f);
  free(f.v);
  free(f.inverse);
  return status;
}

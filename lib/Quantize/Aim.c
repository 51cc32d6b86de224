/// W + share (W_ls - W), W_ls = W (C + d I) (H + d I)^-1, so W_ls - W = W (C - H) (H + d I)^-1: the
/// difference is computed, for it is small where the two texts are alike, and zero where they
/// agree. Where what the outputs should be is known, its product with the text, M, takes the place
/// of W C.
#include "binq/Quantize/Quantize.h"
#include "binq/Support/Memory.h"

#include <stdlib.h>

/// Element (i, j) of a Hessian's sum, of which only the upper triangle is there.
static double sum_at(const float *sum, int64_t columns, int64_t i, int64_t j) {
  return (double)(i < j ? sum[i * columns + j] : sum[j * columns + i]);
}

/// (C - H)^T, scaled as the Hessian is: what binq_matmul wants on its right.
static void fill_difference(const float *sum, const float *cross, binq_aim *out) {
  int64_t columns = out->columns;
  for (int64_t i = 0; i < columns; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      double from = cross ? (double)cross[i * columns + j] : 0;
      double difference = from - sum_at(sum, columns, i, j);
      out->difference[j * columns + i] = (float)(difference * 2 / (double)out->tokens);
    }
}

/// U^T U in the model's order.
static binq_status fill_inverse(binq_pool *pool, const binq_input_statistics *statistics,
                                binq_aim *out) {
  int64_t padded = statistics->padded_columns, columns = out->columns;
  float *inverse;
  BINQ_TRY(binq_allocate((size_t)padded * (size_t)padded, sizeof *inverse, "inverse of a Hessian",
                         &inverse));
  binq_hessian_add(pool, inverse, padded, statistics->factor, padded);
  for (int64_t i = 0; i < padded; ++i)
    for (int64_t j = 0; j < padded; ++j)
      if (statistics->order[i] < columns && statistics->order[j] < columns)
        out->inverse[statistics->order[i] * columns + statistics->order[j]] =
            (float)sum_at(inverse, padded, i, j);
  free(inverse);
  return BINQ_OK;
}

binq_status binq_aim_create(binq_pool *pool, const float *sum, const float *cross, int64_t tokens,
                            const binq_input_statistics *statistics, binq_aim *out) {
  *out = (binq_aim){.columns = statistics->columns, .tokens = tokens};
  size_t count = (size_t)out->columns * (size_t)out->columns;
  binq_status status =
      binq_allocate(count, sizeof *out->difference, "cross product", &out->difference);
  if (!status)
    status = binq_allocate(count, sizeof *out->inverse, "inverse of a Hessian", &out->inverse);
  if (!status)
    status = fill_inverse(pool, statistics, out);
  if (!status)
    fill_difference(sum, cross, out);
  if (status)
    binq_aim_free(out);
  return status;
}

void binq_aim_free(binq_aim *aim) {
  free(aim->difference);
  free(aim->inverse);
  *aim = (binq_aim){0};
}

binq_status binq_aim_weights(binq_pool *pool, const binq_aim *aim, double share,
                             const float *wanted, int64_t rows, float *weights) {
  size_t count = (size_t)rows * (size_t)aim->columns;
  float *missed, *step;
  BINQ_TRY(binq_allocate(2 * count, sizeof *missed, "weights to aim at", &missed));
  step = missed + count;
  binq_matmul(pool, weights, rows, aim->difference, aim->columns, aim->columns, missed,
              aim->columns);
  for (size_t i = 0; wanted && i < count; ++i)
    missed[i] += (float)((double)wanted[i] * 2 / (double)aim->tokens);
  binq_matmul(pool, missed, rows, aim->inverse, aim->columns, aim->columns, step, aim->columns);
  for (size_t i = 0; i < count; ++i)
    weights[i] = (float)((double)weights[i] + share * (double)step[i]);
  free(missed);
  return BINQ_OK;
}

#include "Product.h"
#include "Tasks.h"
#include "binq/Quantize/Quantize.h"

#include <stdbool.h>

/// sum += left^T right.
typedef struct {
  const float *left, *right;
  int64_t rows, columns; ///< of the sum: columns of left and right
  int64_t tokens, tiles; ///< tiles in a row
  bool upper;            ///< only the blocks that reach the diagonal or lie above it
  float *sum;
} accumulation;

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/// Panel by panel of columns, each as far down as the diagonal.
static void multiply_diagonal(binq_left left, int64_t size, const float *right, int64_t depth,
                              float *sum, int64_t row) {
  for (int64_t j = 0; j < size; j += BINQ_PANEL)
    binq_product(left, smaller(j + BINQ_PANEL, size), right + j * depth,
                 smaller(BINQ_PANEL, size - j), depth, true, sum + j, row);
}

static void run_tile(const void *argument, int64_t task) {
  const accumulation *a = argument;
  int64_t row = task / a->tiles * BINQ_TILE, column = task % a->tiles * BINQ_TILE;
  if (a->upper && row > column)
    return;
  int64_t height = smaller(BINQ_TILE, a->rows - row);
  int64_t width = smaller(BINQ_TILE, a->columns - column);
  _Alignas(64) float left[BINQ_DEPTH * BINQ_TILE], right[BINQ_DEPTH * BINQ_TILE];
  for (int64_t token = 0; token < a->tokens; token += BINQ_DEPTH) {
    int64_t tokens = smaller(BINQ_DEPTH, a->tokens - token);
    binq_pack_left(a->left + token * a->rows + row, a->rows, height, tokens, left);
    binq_pack_right(a->right + token * a->columns + column, a->columns, width, tokens, right);
    binq_left packed = {.values = left, .row = tokens, .packed = true};
    float *sum = a->sum + row * a->columns + column;
    if (a->upper && row == column)
      multiply_diagonal(packed, width, right, tokens, sum, a->columns);
    else
      binq_product(packed, height, right, width, tokens, true, sum, a->columns);
  }
}

static void accumulate(binq_pool *pool, accumulation *a) {
  a->tiles = (a->columns + BINQ_TILE - 1) / BINQ_TILE;
  binq_run_tasks(pool, (a->rows + BINQ_TILE - 1) / BINQ_TILE * a->tiles, run_tile, a);
}

void binq_hessian_add(binq_pool *pool, float *sum, int64_t columns, const float *x,
                      int64_t tokens) {
  accumulation a = {.left = x,
                    .right = x,
                    .rows = columns,
                    .columns = columns,
                    .tokens = tokens,
                    .upper = true,
                    .sum = sum};
  accumulate(pool, &a);
}

void binq_cross_add(binq_pool *pool, float *sum, const float *left, int64_t rows,
                    const float *right, int64_t columns, int64_t tokens) {
  accumulation a = {
      .left = left, .right = right, .rows = rows, .columns = columns, .tokens = tokens, .sum = sum};
  accumulate(pool, &a);
}

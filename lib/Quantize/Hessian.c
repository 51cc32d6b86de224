#include "Product.h"
#include "Tasks.h"
#include "binq/Quantize/Quantize.h"

#include <stdbool.h>

/// sum += left^T right.
typedef struct {
  const float *left, *right;
  int64_t rows, columns; ///< of the sum: columns of left and right
  int64_t tokens, tiles; ///< tiles in a row
  bool upper;            ///< only the tiles that reach the diagonal or lie above it
  float *sum;
} accumulation;

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
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
    binq_product((binq_left){.values = left, .row = tokens, .packed = true}, height, right, width,
                 tokens, true, a->sum + row * a->columns + column, a->columns);
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

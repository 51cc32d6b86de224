#include "Product.h"
#include "Tasks.h"
#include "binq/Quantize/Quantize.h"

#include <stdbool.h>

/// sum += left^T right.
typedef struct {
  const float *left, *right;
  int64_t columns, tokens, tiles;
  bool upper; ///< only the tiles that reach the diagonal or lie above it
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
  int64_t height = smaller(BINQ_TILE, a->columns - row);
  int64_t width = smaller(BINQ_TILE, a->columns - column);
  _Alignas(64) float left[BINQ_DEPTH * BINQ_TILE], right[BINQ_DEPTH * BINQ_TILE];
  for (int64_t token = 0; token < a->tokens; token += BINQ_DEPTH) {
    int64_t tokens = smaller(BINQ_DEPTH, a->tokens - token), first = token * a->columns;
    binq_pack_left(a->left + first + row, a->columns, height, tokens, left);
    binq_pack_right(a->right + first + column, a->columns, width, tokens, right);
    binq_product((binq_left){.values = left, .row = tokens, .packed = true}, height, right, width,
                 tokens, true, a->sum + row * a->columns + column, a->columns);
  }
}

static void accumulate(binq_pool *pool, accumulation *a) {
  a->tiles = (a->columns + BINQ_TILE - 1) / BINQ_TILE;
  binq_run_tasks(pool, a->tiles * a->tiles, run_tile, a);
}

void binq_hessian_add(binq_pool *pool, float *sum, int64_t columns, const float *x,
                      int64_t tokens) {
  accumulation a = {
      .left = x, .right = x, .columns = columns, .tokens = tokens, .upper = true, .sum = sum};
  accumulate(pool, &a);
}

void binq_cross_add(binq_pool *pool, float *sum, int64_t columns, const float *left,
                    const float *right, int64_t tokens) {
  accumulation a = {.left = left, .right = right, .columns = columns, .tokens = tokens, .sum = sum};
  accumulate(pool, &a);
}

#include "Product.h"
#include "Tasks.h"
#include "binq/Quantize/Quantize.h"

#include <stdbool.h>
#include <string.h>

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

/// Copies `width` columns of `tokens` rows into panels of `panel` columns (a constant where this is
/// inlined); what is missing of the last panel is zero.
static inline void pack_columns(int64_t panel, const float *x, int64_t columns, int64_t width,
                                int64_t tokens, float *out) {
  for (int64_t j = 0; j < width; j += panel)
    for (int64_t t = 0; t < tokens; ++t, out += panel) {
      const float *from = x + t * columns + j;
      if (width - j >= panel)
        memcpy(out, from, (size_t)panel * sizeof *out);
      else
        for (int64_t i = 0; i < panel; ++i)
          out[i] = j + i < width ? from[i] : 0;
    }
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
    pack_columns(BINQ_LEFT_PANEL, a->left + first + row, a->columns, height, tokens, left);
    pack_columns(BINQ_PANEL, a->right + first + column, a->columns, width, tokens, right);
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

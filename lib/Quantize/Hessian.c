#include "Product.h"
#include "Tasks.h"
#include "binq/Quantize/Quantize.h"

#include <string.h>

typedef struct {
  const float *x;
  int64_t columns, tokens, tiles;
  float *sum;
} hessian;

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
  const hessian *h = argument;
  int64_t row = task / h->tiles * BINQ_TILE, column = task % h->tiles * BINQ_TILE;
  if (row > column)
    return;
  int64_t height = smaller(BINQ_TILE, h->columns - row);
  int64_t width = smaller(BINQ_TILE, h->columns - column);
  _Alignas(64) float left[BINQ_DEPTH * BINQ_TILE], right[BINQ_DEPTH * BINQ_TILE];
  for (int64_t token = 0; token < h->tokens; token += BINQ_DEPTH) {
    int64_t tokens = smaller(BINQ_DEPTH, h->tokens - token);
    const float *x = h->x + token * h->columns;
    pack_columns(BINQ_LEFT_PANEL, x + row, h->columns, height, tokens, left);
    pack_columns(BINQ_PANEL, x + column, h->columns, width, tokens, right);
    binq_product((binq_left){.values = left, .row = tokens, .packed = true}, height, right, width,
                 tokens, true, h->sum + row * h->columns + column, h->columns);
  }
}

void binq_hessian_add(binq_pool *pool, float *sum, int64_t columns, const float *x,
                      int64_t tokens) {
  hessian h = {x, columns, tokens, (columns + BINQ_TILE - 1) / BINQ_TILE, sum};
  binq_run_tasks(pool, h.tiles * h.tiles, run_tile, &h);
}

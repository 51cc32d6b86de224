#include "Product.h"
#include "Tasks.h"
#include "binq/Quantize/Quantize.h"

enum {
  SLICE = 384
}; ///< tokens of a task: with BINQ_DEPTH of their channels they stay in a second-level cache

typedef struct {
  const float *x, *w;
  int64_t tokens, rows, columns, ldy, row_tiles;
  float *y;
} matmul;

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/// Transposes `depth` channels of `rows` rows of w into panels; what is missing of the last panel
/// is zero.
static void pack_rows(const float *w, int64_t columns, int64_t rows, int64_t depth, float *panels) {
  for (int64_t row = 0; row < (rows + BINQ_PANEL - 1) / BINQ_PANEL * BINQ_PANEL; ++row) {
    float *to = panels + row / BINQ_PANEL * BINQ_PANEL * depth + row % BINQ_PANEL;
    const float *from = w + row * columns;
    for (int64_t k = 0; k < depth; ++k)
      to[k * BINQ_PANEL] = row < rows ? from[k] : 0;
  }
}

static void run_tile(const void *argument, int64_t task) {
  const matmul *m = argument;
  int64_t token = task / m->row_tiles * SLICE, row = task % m->row_tiles * BINQ_TILE;
  int64_t tokens = smaller(SLICE, m->tokens - token), width = smaller(BINQ_TILE, m->rows - row);
  _Alignas(64) float panels[BINQ_DEPTH * BINQ_TILE];
  for (int64_t k = 0; k < m->columns; k += BINQ_DEPTH) {
    int64_t depth = smaller(BINQ_DEPTH, m->columns - k);
    pack_rows(m->w + row * m->columns + k, m->columns, width, depth, panels);
    binq_left left = {.values = m->x + token * m->columns + k, .row = m->columns};
    float *y = m->y + token * m->ldy + row;
    binq_product(left, tokens, panels, width, depth, k > 0, y, m->ldy);
  }
}

void binq_matmul(binq_pool *pool, const float *x, int64_t tokens, const float *w, int64_t rows,
                 int64_t columns, float *y, int64_t ldy) {
  matmul m = {x, w, tokens, rows, columns, ldy, (rows + BINQ_TILE - 1) / BINQ_TILE, y};
  binq_run_tasks(pool, (tokens + SLICE - 1) / SLICE * m.row_tiles, run_tile, &m);
}

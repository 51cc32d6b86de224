#include "Product.h"
#include "Tasks.h"
#include "binq/Quantize/Quantize.h"

#include <stddef.h>
#include <string.h>

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

enum { LANES = 8 };
typedef float lanes __attribute__((ext_vector_type(LANES)));

/// Columns of a square of 8 rows, `row` floats apart, to where they are BINQ_PANEL floats apart.
static void transpose_square(const float *from, int64_t row, float *to) {
  lanes r[LANES], pairs[LANES], fours[LANES];
  for (int i = 0; i < LANES; ++i)
    memcpy(&r[i], from + i * row, sizeof r[i]);
  for (int i = 0; i < LANES; i += 2) {
    pairs[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    pairs[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < LANES; i += 4)
    for (int k = 0; k < 2; ++k) {
      lanes a = pairs[i + k], b = pairs[i + k + 2];
      fours[i + 2 * k] = __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
      fours[i + 2 * k + 1] = __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
    }
  for (int i = 0; i < LANES / 2; ++i) {
    lanes a = fours[i], b = fours[i + 4];
    lanes low = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
    lanes high = __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
    memcpy(to + (ptrdiff_t)i * BINQ_PANEL, &low, sizeof low);
    memcpy(to + (ptrdiff_t)(i + 4) * BINQ_PANEL, &high, sizeof high);
  }
}

/// Transposes `depth` channels of `rows` rows of w into panels; what is missing of the last panel
/// is zero.
static void pack_rows(const float *w, int64_t columns, int64_t rows, int64_t depth, float *panels) {
  if (rows % BINQ_PANEL == 0 && depth % LANES == 0) {
    for (int64_t row = 0; row < rows; row += LANES)
      for (int64_t k = 0; k < depth; k += LANES)
        transpose_square(w + row * columns + k, columns,
                         panels + row / BINQ_PANEL * BINQ_PANEL * depth + k * BINQ_PANEL +
                             row % BINQ_PANEL);
    return;
  }
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

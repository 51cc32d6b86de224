/// The two products of a linear's adjoint.
#include "Product.h"
#include "Tasks.h"
#include "binq/Quantize/Quantize.h"

enum { SLICE = 384 }; ///< tokens of a task, as in binq_matmul

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

typedef struct {
  const float *dy, *w;
  int64_t tokens, rows, columns, ldy, ldx, column_tiles;
  bool add;
  float *dx;
} input_gradient;

static void run_input_tile(const void *argument, int64_t task) {
  const input_gradient *g = argument;
  int64_t token = task / g->column_tiles * SLICE, column = task % g->column_tiles * BINQ_TILE;
  int64_t tokens = smaller(SLICE, g->tokens - token);
  int64_t width = smaller(BINQ_TILE, g->columns - column);
  _Alignas(64) float panels[BINQ_DEPTH * BINQ_TILE];
  for (int64_t row = 0; row < g->rows; row += BINQ_DEPTH) {
    int64_t depth = smaller(BINQ_DEPTH, g->rows - row);
    binq_pack_right(g->w + row * g->columns + column, g->columns, width, depth, panels);
    binq_left left = {.values = g->dy + token * g->ldy + row, .row = g->ldy};
    binq_product(left, tokens, panels, width, depth, g->add || row > 0,
                 g->dx + token * g->ldx + column, g->ldx);
  }
}

void binq_matmul_input_gradient(binq_pool *pool, const float *dy, int64_t ldy, int64_t tokens,
                                const float *w, int64_t rows, int64_t columns, bool add, float *dx,
                                int64_t ldx) {
  input_gradient g = {
      dy, w, tokens, rows, columns, ldy, ldx, (columns + BINQ_TILE - 1) / BINQ_TILE, add, dx};
  binq_run_tasks(pool, (tokens + SLICE - 1) / SLICE * g.column_tiles, run_input_tile, &g);
}

typedef struct {
  const float *dy, *x;
  int64_t tokens, rows, columns, ldy;
  float *dw;
} weight_gradient;

static void run_weight_tile(const void *argument, int64_t task) {
  const weight_gradient *g = argument;
  int64_t row = task * BINQ_TILE, height = smaller(BINQ_TILE, g->rows - row);
  _Alignas(64) float left[BINQ_DEPTH * BINQ_TILE], right[BINQ_DEPTH * BINQ_TILE];
  for (int64_t token = 0; token < g->tokens; token += BINQ_DEPTH) {
    int64_t tokens = smaller(BINQ_DEPTH, g->tokens - token);
    binq_pack_left(g->dy + token * g->ldy + row, g->ldy, height, tokens, left);
    for (int64_t column = 0; column < g->columns; column += BINQ_TILE) {
      int64_t width = smaller(BINQ_TILE, g->columns - column);
      binq_pack_right(g->x + token * g->columns + column, g->columns, width, tokens, right);
      binq_product((binq_left){.values = left, .row = tokens, .packed = true}, height, right, width,
                   tokens, token > 0, g->dw + row * g->columns + column, g->columns);
    }
  }
}

void binq_matmul_weight_gradient(binq_pool *pool, const float *dy, int64_t ldy, const float *x,
                                 int64_t tokens, int64_t rows, int64_t columns, float *dw) {
  weight_gradient g = {dy, x, tokens, rows, columns, ldy, dw};
  binq_run_tasks(pool, (rows + BINQ_TILE - 1) / BINQ_TILE, run_weight_tile, &g);
}

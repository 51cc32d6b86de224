#include "Product.h"

#include <string.h>

enum { LANES = 8 };

typedef float lanes __attribute__((ext_vector_type(LANES)));

/// A panel of the right operand and where its products go.
typedef struct {
  const float *panel;
  int64_t depth;
  bool add;
  float *c;
  int64_t ldc;
} product;

static inline lanes load(const float *from) {
  lanes value;
  memcpy(&value, from, sizeof value);
  return value;
}

static inline void store(float *to, lanes value) {
  memcpy(to, &value, sizeof value);
}

/// Element (i, k) of the left operand; one of the strides is a constant wherever this is inlined.
static inline __attribute__((always_inline)) float element(binq_left left, bool packed, int64_t i,
                                                           int64_t k) {
  return packed ? left.values[k * BINQ_LEFT_PANEL + i] : left.values[i * left.row + k];
}

/// A block of `rows` (a constant where this is inlined) by 16, kept in registers over the whole
/// depth.
static inline __attribute__((always_inline)) void product_block(int rows, bool packed,
                                                                binq_left left, product to) {
  lanes sum[BINQ_LEFT_PANEL][2] = {0};
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; ++i)
    __builtin_prefetch(to.c + i * to.ldc);
#pragma clang loop unroll_count(4)
  for (int64_t k = 0; k < to.depth; ++k) {
    const float *panel = to.panel + k * BINQ_PANEL;
    lanes right[2] = {load(panel), load(panel + LANES)};
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; ++i) {
      lanes factor = (lanes)element(left, packed, i, k);
      sum[i][0] = __builtin_elementwise_fma(factor, right[0], sum[i][0]);
      sum[i][1] = __builtin_elementwise_fma(factor, right[1], sum[i][1]);
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; ++i) {
    float *c = to.c + i * to.ldc;
    store(c, to.add ? load(c) + sum[i][0] : sum[i][0]);
    store(c + LANES, to.add ? load(c + LANES) + sum[i][1] : sum[i][1]);
  }
}

#define DEFINE_BLOCK(rows)                                                                         \
  static void block_##rows(binq_left left, product to) {                                           \
    if (left.packed)                                                                               \
      product_block(rows, true, left, to);                                                         \
    else                                                                                           \
      product_block(rows, false, left, to);                                                        \
  }

DEFINE_BLOCK(1)
DEFINE_BLOCK(2)
DEFINE_BLOCK(3)
DEFINE_BLOCK(4)
DEFINE_BLOCK(5)
DEFINE_BLOCK(6)

static void (*const BLOCKS[])(binq_left, product) = {block_1, block_2, block_3,
                                                     block_4, block_5, block_6};

/// The last columns, fewer than a panel has: through a block on the side.
static void product_edge(int64_t rows, binq_left left, int64_t columns, product to) {
  float side[BINQ_LEFT_PANEL * BINQ_PANEL];
  product aside = {to.panel, to.depth, false, side, BINQ_PANEL};
  BLOCKS[rows - 1](left, aside);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      float *c = to.c + i * to.ldc + j;
      float sum = side[i * BINQ_PANEL + j];
      *c = to.add ? *c + sum : sum;
    }
}

void binq_product(binq_left left, int64_t rows, const float *panels, int64_t columns, int64_t depth,
                  bool add, float *c, int64_t ldc) {
  for (int64_t j = 0; j < columns; j += BINQ_PANEL, panels += depth * BINQ_PANEL)
    for (int64_t i = 0; i < rows; i += BINQ_LEFT_PANEL) {
      int64_t count = rows - i < BINQ_LEFT_PANEL ? rows - i : BINQ_LEFT_PANEL;
      binq_left part = left;
      part.values += i * left.row;
      product to = {panels, depth, add, c + i * ldc + j, ldc};
      if (columns - j < BINQ_PANEL)
        product_edge(count, part, columns - j, to);
      else
        BLOCKS[count - 1](part, to);
    }
}

/// `panel` is a constant where this is inlined.
static inline __attribute__((always_inline)) void pack_columns(int64_t panel, const float *x,
                                                               int64_t stride, int64_t width,
                                                               int64_t depth, float *out) {
  for (int64_t j = 0; j < width; j += panel)
    for (int64_t k = 0; k < depth; ++k, out += panel) {
      const float *from = x + k * stride + j;
      if (width - j >= panel)
        memcpy(out, from, (size_t)panel * sizeof *out);
      else
        for (int64_t i = 0; i < panel; ++i)
          out[i] = j + i < width ? from[i] : 0;
    }
}

void binq_pack_left(const float *x, int64_t stride, int64_t width, int64_t depth, float *panels) {
  pack_columns(BINQ_LEFT_PANEL, x, stride, width, depth, panels);
}

void binq_pack_right(const float *x, int64_t stride, int64_t width, int64_t depth, float *panels) {
  pack_columns(BINQ_PANEL, x, stride, width, depth, panels);
}

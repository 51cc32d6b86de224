/// The dense product under matmuls and Hessians. An element is a sum of products in ascending order
/// of the inner index, each step one fused multiply-add: its bits depend on nothing but its
/// operands.
#ifndef BINQ_LIB_QUANTIZE_PRODUCT_H
#define BINQ_LIB_QUANTIZE_PRODUCT_H

#include <stdbool.h>
#include <stdint.h>

enum {
  BINQ_LEFT_PANEL = 6, ///< rows of the left operand that are worked on together
  BINQ_PANEL = 16,     ///< columns of the right operand that lie together
  BINQ_DEPTH = 192,    ///< inner indices summed up before they go to the result
  BINQ_TILE = 96,      ///< a multiple of BINQ_PANEL: columns of a task
};

/// The left operand: element (i, k) is values[i * row + k]. If it is packed, in panels of 6 rows:
/// of the panel that row i begins, element (i + n, k) is values[i * row + 6 k + n], so `row` is the
/// depth.
typedef struct {
  const float *values;
  int64_t row;
  bool packed;
} binq_left;

/// c[i][j] = (add ? c[i][j] : 0) + sum over k < depth of left(i, k) * panel(k, j), for i < rows, j
/// < columns. `panels`: for every 16 columns [depth][16], the last one padded. `ldc` floats lie
/// between rows of c.
void binq_product(binq_left left, int64_t rows, const float *panels, int64_t columns, int64_t depth,
                  bool add, float *c, int64_t ldc);

/// Copies `width` columns of `depth` rows, `stride` floats apart, into panels: of 6 columns, for a
/// packed left operand whose row i is column i; or of 16, for a right one. What is missing of the
/// last panel is zero.
void binq_pack_left(const float *x, int64_t stride, int64_t width, int64_t depth, float *panels);
void binq_pack_right(const float *x, int64_t stride, int64_t width, int64_t depth, float *panels);

#endif

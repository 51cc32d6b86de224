/// The arithmetic of docs/numerics.md once more, one value at a time, written from that text alone:
/// what compiled models are compared with, bit for bit. Shares no code with the kernels or with the
/// packing.
#ifndef BINQ_TEST_INTERPRETER_ARITHMETIC_H
#define BINQ_TEST_INTERPRETER_ARITHMETIC_H

#include <stdint.h>

/// Float rows, `columns` values each.
typedef struct {
  int64_t rows, columns;
  float *values;
} matrix;

/// One token's quantized activations, levels instead of codes.
typedef struct {
  int64_t plane_columns, int8_columns;
  int32_t *levels;     ///< [rows][plane_columns]
  float *scales;       ///< [rows][groups]
  int32_t *int8_codes; ///< [rows][int8_columns]
  float *int8_scales;  ///< [rows][int8 groups]
} activations;

/// A linear's attributes and packed bytes.
typedef struct {
  const char *form;
  int64_t rows, columns, int8_columns, planes;
  int32_t plane_weights[4];
  const uint8_t *packed;
} linear;

matrix matrix_create(int64_t rows, int64_t columns);
matrix rms_norm(matrix x, const float *weight, float epsilon);
matrix swiglu(matrix gate, matrix up);
matrix add(matrix a, matrix b);
/// `table` is [positions][head_size/2][cos, sin].
matrix rope(matrix x, const int32_t *positions, int64_t head_size, const float *table);
/// Causal attention of x's rows over all `keys` and `values` of positions 0..rows-1.
matrix attention(matrix q, matrix keys, matrix values, const int32_t *positions, int64_t head_count,
                 int64_t kv_head_count);
/// The same by way of a cache whose codes have `bits` bits, 8 or 4.
matrix coded_attention(matrix q, matrix keys, matrix values, const int32_t *positions,
                       int64_t head_count, int64_t kv_head_count, int bits);
activations quantize(matrix x, const uint16_t *order, const int32_t *level_table,
                     int64_t int8_columns);
matrix apply(activations x, int64_t rows, const linear *weights);
/// Row `token` of a table; `order` is NULL where channels are in the model's order.
void embedding_row(const linear *table, const uint16_t *order, int64_t token, float *out);

#endif

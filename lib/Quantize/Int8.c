#include "Slice.h"
#include "binq/Quantize/Quantize.h"

#include <inttypes.h>
#include <math.h>

enum { LARGEST = 127 };

void binq_round_to_int8(const binq_rows w, const binq_rows scale, binq_rows value, int8_t *codes) {
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    float code = __builtin_ceilf(w[r] / scale[r] - 0.5F);
    code = code > -LARGEST ? code : -LARGEST; // also what is not a number
    code = code < LARGEST ? code : LARGEST;
    code = scale[r] > 0 ? code : 0;
    value[r] = scale[r] * code;
    codes[r] = (int8_t)code;
  }
}

static uint16_t scale_of_row(const float *weights, int64_t columns) {
  float largest = 0;
  for (int64_t j = 0; j < columns; ++j) {
    float magnitude = __builtin_fabsf(weights[j]);
    largest = magnitude > largest ? magnitude : largest;
  }
  return binq_scale_to_half(largest / LARGEST);
}

uint16_t binq_store_int8(const float *weights, int64_t columns, int8_t *codes) {
  uint16_t half = scale_of_row(weights, columns);
  binq_rows scale, value;
  for (int i = 0; i < BINQ_BLOCK_ROWS; ++i)
    scale[i] = binq_half_to_float(half);
  // A row's columns take the place of a slice's rows here.
  for (int64_t j = 0; j < columns; j += BINQ_BLOCK_ROWS) {
    binq_rows w = {0};
    for (int64_t i = 0; i < BINQ_BLOCK_ROWS && j + i < columns; ++i)
      w[i] = weights[j + i];
    binq_round_to_int8(w, scale, value, codes + j);
  }
  return half;
}

static binq_status check_block(const float *weights, int64_t rows,
                               const binq_linear_format *format) {
  if (format->form != BINQ_FORM_INT8)
    return binq_errorf("only INT8 weights can be quantized a block at a time");
  if (rows < 0 || rows > BINQ_BLOCK_ROWS)
    return binq_errorf("a block has up to %d rows, not %" PRId64, BINQ_BLOCK_ROWS, rows);
  for (int64_t i = 0; i < rows * format->columns; ++i)
    if (!isfinite(weights[i]))
      return binq_errorf("a weight in column %" PRId64 " is not a finite number",
                         i % format->columns);
  return BINQ_OK;
}

binq_status binq_quantize_int8_block(const float *weights, int64_t rows_here,
                                     const binq_linear_format *format, uint8_t *out) {
  BINQ_TRY(check_block(weights, rows_here, format));
  binq_linear_format block = *format;
  block.rows = BINQ_BLOCK_ROWS;
  binq_quantized_linear linear;
  BINQ_TRY(binq_quantized_linear_create(&block, &linear));
  for (int64_t row = 0; row < rows_here; ++row)
    linear.int8_scales[row] = binq_store_int8(weights + row * format->columns, format->columns,
                                              linear.int8_codes + row * format->int8_columns);
  binq_pack(&linear, out); // one block, whose size is a multiple of 64 already
  binq_quantized_linear_free(&linear);
  return BINQ_OK;
}

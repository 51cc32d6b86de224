/// INT8 rows without calibration: blocks against codes worked out here.
#include "Numbers.h"
#include "binq/Quantize/Quantize.h"

#include <math.h>

static void check_row(const float *weights, int64_t columns, const int8_t *codes, uint16_t scale) {
  float largest = 0;
  for (int64_t j = 0; j < columns; ++j)
    largest = fmaxf(largest, fabsf(weights[j]));
  CHECK_EQ_INT(scale, binq_float_to_half(largest / 127));
  float value = binq_half_to_float(scale);
  for (int64_t j = 0; j < (columns + 31) / 32 * 32; ++j) {
    float code = j < columns && value > 0 ? ceilf(weights[j] / value - 0.5F) : 0;
    CHECK_EQ_INT(codes[j], fminf(fmaxf(code, -127), 127));
  }
}

static void check_blocks(int64_t rows, int64_t columns) {
  int64_t padded = (columns + 31) / 32 * 32;
  binq_linear_format format = {
      .form = BINQ_FORM_INT8, .rows = rows, .columns = columns, .int8_columns = padded};
  binq_layout layout;
  CHECK_STATUS_OK(binq_layout_of(&format, &layout));
  CHECK_EQ_INT(layout.bytes, layout.padded_rows / 32 * layout.block_bytes);
  float *weights = random_floats(rows * columns, 41);
  memset(weights, 0, (size_t)columns * sizeof *weights);
  uint8_t *packed = new_array(layout.bytes, 1);
  memset(packed, 0xaa, (size_t)layout.bytes);
  for (int64_t row = 0; row < rows; row += 32)
    CHECK_STATUS_OK(binq_quantize_int8_block(weights + row * columns,
                                             rows - row < 32 ? rows - row : 32, &format,
                                             packed + row / 32 * layout.block_bytes));
  binq_quantized_linear linear;
  CHECK_STATUS_OK(binq_quantized_linear_create(&format, &linear));
  binq_unpack(packed, &linear);
  for (int64_t row = 0; row < layout.padded_rows; ++row) {
    const int8_t *codes = linear.int8_codes + row * padded;
    if (row < rows)
      check_row(weights + row * columns, columns, codes, linear.int8_scales[row]);
    for (int64_t j = row < rows ? columns : 0; j < padded; ++j)
      CHECK_EQ_INT(codes[j], 0);
  }
  binq_quantized_linear_free(&linear);
  free(packed);
  free(weights);
}

static void check_refusals(void) {
  binq_linear_format format = {
      .form = BINQ_FORM_INT8, .rows = 64, .columns = 32, .int8_columns = 32};
  float weights[64] = {[40] = INFINITY};
  uint8_t packed[32 * 32 + 64];
  CHECK_STATUS_FAILS(binq_quantize_int8_block(weights, 2, &format, packed),
                     "a weight in column 8 is not");
  CHECK_STATUS_FAILS(binq_quantize_int8_block(weights, 33, &format, packed), "not 33");
  format = (binq_linear_format){
      .form = BINQ_FORM_GROUPED_BINARY, .rows = 64, .columns = 32, .planes = 2};
  CHECK_STATUS_FAILS(binq_quantize_int8_block(weights, 1, &format, packed), "only INT8");
}

int main(void) {
  check_blocks(1, 1);
  check_blocks(33, 172);
  check_blocks(64, 576);
  check_refusals();
  return check_result();
}

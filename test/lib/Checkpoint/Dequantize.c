/// Tensors as floats, against values worked out by hand, or by integer arithmetic on the bits.
#include "Check.h"
#include "Floats.h"
#include "binq/Checkpoint/Model.h"

static void expand(binq_tensor_type type, const uint8_t *data, size_t size, int64_t columns,
                   float *out) {
  const binq_tensor tensor = {"t", type, 1, columns, data, size, 0};
  binq_tensor_dequantize(&tensor, 0, 1, out);
}

static void test_f32(void) {
  // Not aligned to four bytes, as data may lie in a file.
  const uint8_t bytes[] = {0, 0x00, 0x00, 0xc0, 0x3f, 0x00, 0x00, 0x20, 0xc1};
  float out[2];
  expand(BINQ_TENSOR_F32, bytes + 1, 8, 2, out);
  check_bits(out[0], 1.5f);
  check_bits(out[1], -10.0f);
}

static void test_f16(void) {
  for (uint32_t bits = 0; bits < 65536; bits++) {
    const uint8_t bytes[] = {(uint8_t)bits, (uint8_t)(bits >> 8)};
    float out = 0;
    expand(BINQ_TENSOR_F16, bytes, 2, 1, &out);
    if ((bits & 0x7fff) > 0x7c00)
      CHECK(isnan(out));
    else
      check_bits(out, half_by_hand(bits));
  }
}

static void test_bf16(void) {
  const uint8_t bytes[] = {0x80, 0x3f, 0x49, 0x40, 0x00, 0x80, 0x80, 0xff};
  float out[4];
  expand(BINQ_TENSOR_BF16, bytes, sizeof bytes, 4, out);
  check_bits(out[0], 1.0f);
  check_bits(out[1], 3.140625f);
  check_bits(out[2], -0.0f);
  check_bits(out[3], -INFINITY);
}

static void test_q8_0(void) {
  uint8_t bytes[34] = {0x00, 0xb4}; // -0.25
  for (int i = 0; i < 32; i++)
    bytes[2 + i] = (uint8_t)(i * 8 - 128);
  float out[32];
  expand(BINQ_TENSOR_Q8_0, bytes, sizeof bytes, 32, out);
  for (int i = 0; i < 32; i++)
    check_bits(out[i], i == 16 ? -0.0f : 32.0f - 2.0f * (float)i);
}

static void test_q4_0(void) {
  uint8_t bytes[18] = {0x00, 0x38}; // 0.5
  for (int i = 0; i < 16; i++)
    bytes[2 + i] = (uint8_t)(i | (15 - i) << 4);
  float out[32];
  expand(BINQ_TENSOR_Q4_0, bytes, sizeof bytes, 32, out);
  for (int i = 0; i < 16; i++) {
    check_bits(out[i], 0.5f * (float)(i - 8));
    check_bits(out[16 + i], 0.5f * (float)(7 - i));
  }
}

static void test_q4_1(void) {
  uint8_t bytes[20] = {0x00, 0x38, 0x00, 0xc2}; // 0.5 and -3
  for (int i = 0; i < 16; i++)
    bytes[4 + i] = (uint8_t)(i | (15 - i) << 4);
  float out[32];
  expand(BINQ_TENSOR_Q4_1, bytes, sizeof bytes, 32, out);
  for (int i = 0; i < 16; i++) {
    check_bits(out[i], 0.5f * (float)i - 3.0f);
    check_bits(out[16 + i], 0.5f * (float)(15 - i) - 3.0f);
  }
}

/// Rows of two blocks: a range of rows must come from its place and fill no more than itself.
static void test_rows(void) {
  enum { ROWS = 5, BLOCKS = 2, COLUMNS = 32 * BLOCKS, VALUES = 2 * COLUMNS };
  uint8_t bytes[ROWS * BLOCKS][34] = {0};
  for (int block = 0; block < ROWS * BLOCKS; block++) {
    bytes[block][1] = 0x3c; // 1.0
    memset(&bytes[block][2], block, 32);
  }
  binq_tensor tensor = {"t", BINQ_TENSOR_Q8_0, ROWS, COLUMNS, bytes[0], sizeof bytes, 0};
  float out[VALUES + 1];
  out[VALUES] = 77;
  binq_tensor_dequantize(&tensor, 2, 4, out);
  for (int i = 0; i < VALUES; i++) {
    int block = 2 * BLOCKS + i / 32;
    check_bits(out[i], (float)block);
  }
  check_bits(out[VALUES], 77);
  binq_tensor_dequantize(&tensor, 3, 3, out);
  check_bits(out[0], 4);
}

/// Heads whose halves lie one behind the other: rows come out with partners side by side.
static void test_heads(void) {
  enum { HEADS = 3, HEAD = 8, ROWS = HEADS * HEAD, COLUMNS = 2 };
  static const float expected[HEAD] = {0, 4, 1, 5, 2, 6, 3, 7};
  float rows[ROWS][COLUMNS], out[ROWS + 1][COLUMNS];
  for (int i = 0; i < ROWS; i++)
    for (int j = 0; j < COLUMNS; j++)
      rows[i][j] = (float)(10 * i + j);
  const binq_tensor tensor = {"t",         BINQ_TENSOR_F32, ROWS, COLUMNS, (const uint8_t *)rows,
                              sizeof rows, HEAD / 2};
  for (int begin = 0; begin <= ROWS; begin++) {
    for (int end = begin; end <= ROWS; end++) {
      out[end - begin][0] = 77;
      binq_tensor_dequantize(&tensor, begin, end, out[0]);
      check_bits(out[end - begin][0], 77);
      for (int i = begin; i < end; i++)
        for (int j = 0; j < COLUMNS; j++)
          check_bits(out[i - begin][j],
                     10 * ((float)(i - i % HEAD) + expected[i % HEAD]) + (float)j);
    }
  }
}

int main(void) {
  test_f32();
  test_f16();
  test_bf16();
  test_q8_0();
  test_q4_0();
  test_q4_1();
  test_rows();
  test_heads();
  return check_result();
}

#include "Gguf.h"
#include "binq/Checkpoint/Model.h"
#include <string.h>

// The block formats: 32 values behind a half precision scale (and minimum), little-endian.
enum {
  BLOCK = 32,
  Q8_0_BYTES = 2 + 32,
  Q4_0_BYTES = 2 + 16,
  Q4_1_BYTES = 4 + 16,
};

static float read_half(const uint8_t *bytes) {
  _Float16 value;
  memcpy(&value, bytes, sizeof value);
  return (float)value;
}

static float read_bfloat(const uint8_t *bytes) {
  uint32_t bits = ((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8) << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void expand_q8_0(const uint8_t *restrict block, float *restrict out) {
  float scale = read_half(block);
  for (int i = 0; i < BLOCK; i++)
    out[i] = (float)(int8_t)block[2 + i] * scale;
}

/// Byte i holds value i in its low half and value i + 16 in its high half.
static void expand_q4_0(const uint8_t *restrict block, float *restrict out) {
  float scale = read_half(block);
  for (int i = 0; i < BLOCK / 2; i++) {
    out[i] = (float)((block[2 + i] & 15) - 8) * scale;
    out[i + BLOCK / 2] = (float)((block[2 + i] >> 4) - 8) * scale;
  }
}

static void expand_q4_1(const uint8_t *restrict block, float *restrict out) {
  float scale = read_half(block);
  float minimum = read_half(block + 2);
  for (int i = 0; i < BLOCK / 2; i++) {
    out[i] = (float)(block[4 + i] & 15) * scale + minimum;
    out[i + BLOCK / 2] = (float)(block[4 + i] >> 4) * scale + minimum;
  }
}

static void expand_blocks(const uint8_t *data, int64_t count, int bytes,
                          void (*expand)(const uint8_t *block, float *out), float *out) {
  // One block at a time is what vectorizes well; several at a time would be gathers.
#pragma clang loop vectorize(disable)
  for (int64_t i = 0; i < count / BLOCK; i++)
    expand(data + i * bytes, out + i * BLOCK);
}

binq_status binq_tensor_size(binq_tensor_type type, int64_t rows, int64_t columns, size_t *out) {
  static const struct {
    size_t values, bytes;
  } blocks[] = {
      [BINQ_TENSOR_F32] = {1, 4},
      [BINQ_TENSOR_F16] = {1, 2},
      [BINQ_TENSOR_BF16] = {1, 2},
      [BINQ_TENSOR_Q8_0] = {BLOCK, Q8_0_BYTES},
      [BINQ_TENSOR_Q4_0] = {BLOCK, Q4_0_BYTES},
      [BINQ_TENSOR_Q4_1] = {BLOCK, Q4_1_BYTES},
  };
  if ((size_t)columns % blocks[type].values != 0)
    return binq_errorf("rows of %lld values are not whole blocks of %zu", (long long)columns,
                       blocks[type].values);
  size_t row = 0;
  BINQ_TRY(
      binq_size_multiply((size_t)columns / blocks[type].values, blocks[type].bytes, "row", &row));
  return binq_size_multiply((size_t)rows, row, "data", out);
}

/// Rows that lie behind one another in the file.
static void read_rows(const binq_tensor *tensor, int64_t begin, int64_t end, float *out) {
  int64_t count = (end - begin) * tensor->columns;
  // The size is that of whole rows, so a row's place follows from it whatever the type.
  const uint8_t *data = tensor->data + (size_t)begin * (tensor->size / (size_t)tensor->rows);
  switch (tensor->type) {
  case BINQ_TENSOR_F32:
    memcpy(out, data, (size_t)count * sizeof *out);
    break;
  case BINQ_TENSOR_F16:
    for (int64_t i = 0; i < count; i++)
      out[i] = read_half(data + 2 * i);
    break;
  case BINQ_TENSOR_BF16:
    for (int64_t i = 0; i < count; i++)
      out[i] = read_bfloat(data + 2 * i);
    break;
  case BINQ_TENSOR_Q8_0:
    expand_blocks(data, count, Q8_0_BYTES, expand_q8_0, out);
    break;
  case BINQ_TENSOR_Q4_0:
    expand_blocks(data, count, Q4_0_BYTES, expand_q4_0, out);
    break;
  case BINQ_TENSOR_Q4_1:
    expand_blocks(data, count, Q4_1_BYTES, expand_q4_1, out);
    break;
  }
}

/// Where a row that binq asks for is in the file.
static int64_t row_in_file(const binq_tensor *tensor, int64_t row) {
  int64_t half = tensor->half_head, in_head = row % (2 * half);
  return row - in_head + in_head % 2 * half + in_head / 2;
}

void binq_tensor_dequantize(const binq_tensor *tensor, int64_t begin, int64_t end, float *out) {
  if (tensor->half_head == 0) {
    read_rows(tensor, begin, end, out);
    return;
  }
  for (int64_t row = begin; row < end; row++, out += tensor->columns) {
    int64_t place = row_in_file(tensor, row);
    read_rows(tensor, place, place + 1, out);
  }
}

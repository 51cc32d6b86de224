#include "Blocks.h"
#include "Gguf.h"
#include "binq/Checkpoint/Model.h"

/// Blocks: how many values and bytes, and what makes values of them, unless each stands alone.
static const struct {
  int64_t values, bytes;
  void (*expand)(const uint8_t *block, float *out);
} formats[] = {
    [BINQ_TENSOR_F32] = {1, 4, NULL},
    [BINQ_TENSOR_F16] = {1, 2, NULL},
    [BINQ_TENSOR_BF16] = {1, 2, NULL},
    [BINQ_TENSOR_Q8_0] = {BINQ_BLOCK, 2 + 32, binq_expand_q8_0},
    [BINQ_TENSOR_Q4_0] = {BINQ_BLOCK, 2 + 16, binq_expand_q4_0},
    [BINQ_TENSOR_Q4_1] = {BINQ_BLOCK, 4 + 16, binq_expand_q4_1},
    [BINQ_TENSOR_Q5_0] = {BINQ_BLOCK, 2 + 4 + 16, binq_expand_q5_0},
    [BINQ_TENSOR_Q5_1] = {BINQ_BLOCK, 4 + 4 + 16, binq_expand_q5_1},
    [BINQ_TENSOR_Q2_K] = {BINQ_SUPER_BLOCK, 16 + 64 + 4, binq_expand_q2_k},
    [BINQ_TENSOR_Q3_K] = {BINQ_SUPER_BLOCK, 32 + 64 + 12 + 2, binq_expand_q3_k},
    [BINQ_TENSOR_Q4_K] = {BINQ_SUPER_BLOCK, 4 + 12 + 128, binq_expand_q4_k},
    [BINQ_TENSOR_Q5_K] = {BINQ_SUPER_BLOCK, 4 + 12 + 32 + 128, binq_expand_q5_k},
    [BINQ_TENSOR_Q6_K] = {BINQ_SUPER_BLOCK, 128 + 64 + 16 + 2, binq_expand_q6_k},
};

static float read_bfloat(const uint8_t *bytes) {
  uint32_t bits = ((uint32_t)bytes[0] | (uint32_t)bytes[1] << 8) << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void expand_blocks(binq_tensor_type type, const uint8_t *data, int64_t count, float *out) {
  int64_t values = formats[type].values, bytes = formats[type].bytes;
  for (int64_t i = 0; i < count / values; i++)
    formats[type].expand(data + i * bytes, out + i * values);
}

binq_status binq_tensor_size(binq_tensor_type type, int64_t rows, int64_t columns, size_t *out) {
  int64_t values = formats[type].values;
  if (columns % values != 0)
    return binq_errorf("rows of %lld values are not whole blocks of %lld", (long long)columns,
                       (long long)values);
  size_t row = 0;
  BINQ_TRY(
      binq_size_multiply((size_t)(columns / values), (size_t)formats[type].bytes, "row", &row));
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
      out[i] = binq_read_half(data + 2 * i);
    break;
  case BINQ_TENSOR_BF16:
    for (int64_t i = 0; i < count; i++)
      out[i] = read_bfloat(data + 2 * i);
    break;
  default:
    expand_blocks(tensor->type, data, count, out);
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

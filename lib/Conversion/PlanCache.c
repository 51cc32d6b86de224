// What attention works on, and what its cache takes.
#include "Plan.h"

#include <inttypes.h>

/// Kernels take heads in vectors of eight values.
enum { HEAD_MULTIPLE = 8 };
/// Scratch of the kernels of a coded cache; sums of products with 255 fit 32 bits up to this size.
enum { LARGEST_CODED_HEAD = 256 };

binq_status binq_check_head_size(MlirOperation op, int64_t head_size) {
  if (head_size % HEAD_MULTIPLE)
    return binq_op_error(op, "has heads of %" PRId64 " values, which is no multiple of %d",
                         head_size, HEAD_MULTIPLE);
  return BINQ_OK;
}

/// Bytes of a key or value in codes. With 4 bits they come in units of 16 channels.
static int64_t coded_bytes(binq_cache_format format, int64_t head_size) {
  return format == BINQ_CACHE_INT8 ? head_size : binq_round_up(head_size, 16) / 2;
}

binq_status binq_attention_shape_of(MlirOperation op, binq_attention_shape *out) {
  BINQ_TRY(binq_get_integer(op, "head_count", &out->heads));
  BINQ_TRY(binq_get_integer(op, "kv_head_count", &out->kv_heads));
  BINQ_TRY(binq_cache_format_of(op, &out->format));
  int64_t shape[2] = {0, 0};
  binq_tensor_shape(mlirValueGetType(mlirOperationGetOperand(op, 0)), 2, shape);
  out->head_size = shape[1] / out->heads;
  BINQ_TRY(binq_check_head_size(op, out->head_size));
  out->rotation = out->head_size & -out->head_size;
  out->row_bytes = out->head_size * (int64_t)sizeof(float);
  int64_t factor_bytes = 0;
  if (out->format != BINQ_CACHE_FLOAT) {
    if (out->head_size > LARGEST_CODED_HEAD)
      return binq_op_error(op, "has heads of %" PRId64 " values, above %d, which have no codes",
                           out->head_size, LARGEST_CODED_HEAD);
    out->row_bytes = coded_bytes(out->format, out->head_size);
    factor_bytes = 2 * (int64_t)sizeof(uint16_t);
  }
  out->position_bytes = 2 * out->kv_heads * (out->row_bytes + factor_bytes);
  return BINQ_OK;
}

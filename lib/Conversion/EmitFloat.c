// Calls of the kernels on floats, and of the host where weights are float.
#include "EmitSteps.h"

#include <inttypes.h>
#include <math.h>

binq_status binq_emit_host_embedding(binq_emitter *e, const binq_step *step) {
  const MlirValue *environment = e->environment;
  MlirValue operands[] = {environment[BINQ_ENV_HOST],        binq_memory(e, binq_operand(step, 0)),
                          binq_memory(e, binq_result(step)), environment[BINQ_ENV_COUNT],
                          environment[BINQ_ENV_THREAD],      environment[BINQ_ENV_THREADS]};
  binq_emit_call(e, "binq_host_embedding", 6, operands);
  return BINQ_OK;
}

binq_status binq_emit_host_linear(binq_emitter *e, const binq_step *step) {
  const MlirValue *environment = e->environment;
  MlirValue x;
  binq_match_matmul(step->op, &x, NULL);
  MlirValue operands[] = {environment[BINQ_ENV_HOST],
                          binq_emit_index(e, e->host_linears++),
                          binq_memory(e, x),
                          binq_memory(e, binq_result(step)),
                          environment[BINQ_ENV_COUNT],
                          environment[BINQ_ENV_THREAD],
                          environment[BINQ_ENV_THREADS]};
  binq_emit_call(e, "binq_host_linear", 7, operands);
  return BINQ_OK;
}

binq_status binq_emit_rms_norm(binq_emitter *e, const binq_step *step) {
  double epsilon;
  MlirValue weight;
  BINQ_TRY(binq_get_number(step->op, "epsilon", &epsilon));
  BINQ_TRY(binq_stored_operand(e, step, binq_operand(step, 1), &weight));
  int64_t columns = binq_columns_of(binq_result(step));
  binq_kernel_call call = binq_call_of(e, "rms_norm", "%lld", (long long)columns);
  binq_call_operand(&call, binq_memory(e, binq_operand(step, 0)));
  binq_call_operand(&call, weight);
  binq_call_operand(&call, binq_emit_float(e, (float)epsilon));
  binq_call_operand(&call, binq_memory(e, binq_result(step)));
  binq_call_share(&call);
  binq_call_size(&call, binq_row_stride(columns));
  binq_call_float(&call, (float)columns);
  return binq_call_finish(&call);
}

/// Kernels take heads in vectors of eight values.
static binq_status check_head_size(const binq_step *step, int64_t head_size) {
  if (head_size % 8)
    return binq_op_error(step->op, "has heads of %" PRId64 " values, which is no multiple of 8",
                         head_size);
  return BINQ_OK;
}

binq_status binq_emit_rope(binq_emitter *e, const binq_step *step) {
  int64_t head_size;
  BINQ_TRY(binq_get_integer(step->op, "head_size", &head_size));
  BINQ_TRY(check_head_size(step, head_size));
  int64_t columns = binq_columns_of(binq_result(step));
  binq_kernel_call call =
      binq_call_of(e, "rope", "%lldx%lld", (long long)(columns / head_size), (long long)head_size);
  binq_call_operand(&call, binq_memory(e, binq_operand(step, 0)));
  binq_call_operand(&call, binq_memory(e, binq_operand(step, 1)));
  binq_call_operand(&call, e->environment[BINQ_ENV_ROPE]);
  binq_call_operand(&call, binq_memory(e, binq_result(step)));
  binq_call_share(&call);
  binq_call_size(&call, columns);
  binq_call_size(&call, binq_row_stride(columns));
  binq_call_size(&call, head_size);
  return binq_call_finish(&call);
}

typedef struct {
  int64_t heads, kv_heads, head_size;
} head_counts;

static binq_status get_heads(const binq_step *step, head_counts *out) {
  BINQ_TRY(binq_get_integer(step->op, "head_count", &out->heads));
  BINQ_TRY(binq_get_integer(step->op, "kv_head_count", &out->kv_heads));
  out->head_size = binq_columns_of(binq_operand(step, 0)) / out->heads;
  return check_head_size(step, out->head_size);
}

binq_status binq_emit_append_cache(binq_emitter *e, const binq_step *step) {
  head_counts heads;
  BINQ_TRY(get_heads(step, &heads));
  binq_kernel_call call = binq_call_of(e, "append_cache", "%lldx%lld", (long long)heads.kv_heads,
                                       (long long)heads.head_size);
  for (int i = 1; i <= 3; i++)
    binq_call_operand(&call, binq_memory(e, binq_operand(step, i)));
  binq_call_operand(&call, e->environment[BINQ_ENV_CACHE]);
  binq_call_cache_share(&call);
  binq_call_size(&call, heads.kv_heads);
  binq_call_size(&call, heads.head_size);
  binq_call_size(&call, binq_stride_of(binq_operand(step, 1)));
  return binq_call_finish(&call);
}

binq_status binq_emit_attention(binq_emitter *e, const binq_step *step) {
  head_counts heads;
  BINQ_TRY(get_heads(step, &heads));
  binq_kernel_call call = binq_call_of(e, "attention", "%lldx%lldx%lld", (long long)heads.heads,
                                       (long long)heads.kv_heads, (long long)heads.head_size);
  binq_call_operand(&call, binq_memory(e, binq_operand(step, 0)));
  binq_call_operand(&call, binq_memory(e, binq_operand(step, 3)));
  binq_call_operand(&call, e->environment[BINQ_ENV_CACHE]);
  binq_call_operand(&call, binq_memory(e, binq_result(step)));
  binq_call_cache_share(&call);
  binq_call_size(&call, heads.heads);
  binq_call_size(&call, heads.kv_heads);
  binq_call_size(&call, heads.head_size);
  binq_call_size(&call, binq_stride_of(binq_result(step)));
  binq_call_float(&call, (float)(1.0 / sqrt((double)heads.head_size)));
  return binq_call_finish(&call);
}

static binq_status emit_elementwise(binq_emitter *e, const binq_step *step, const char *kernel) {
  int64_t stride = binq_stride_of(binq_result(step));
  binq_kernel_call call = binq_call_of(e, kernel, "%lld", (long long)stride);
  binq_call_operand(&call, binq_memory(e, binq_operand(step, 0)));
  binq_call_operand(&call, binq_memory(e, binq_operand(step, 1)));
  binq_call_operand(&call, binq_memory(e, binq_result(step)));
  binq_call_share(&call);
  binq_call_size(&call, stride);
  return binq_call_finish(&call);
}

binq_status binq_emit_swiglu(binq_emitter *e, const binq_step *step) {
  return emit_elementwise(e, step, "swiglu");
}

binq_status binq_emit_sum(binq_emitter *e, const binq_step *step) {
  return emit_elementwise(e, step, "add");
}

// Calls of the kernels on floats, and of the host where weights are float.
#include "EmitSteps.h"

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

binq_status binq_emit_rotation(binq_emitter *e, const binq_step *step, const char *kernel) {
  int64_t head_size;
  BINQ_TRY(binq_get_integer(step->op, "head_size", &head_size));
  BINQ_TRY(binq_check_head_size(step->op, head_size));
  int64_t columns = binq_columns_of(binq_result(step));
  binq_kernel_call call =
      binq_call_of(e, kernel, "%lldx%lld", (long long)(columns / head_size), (long long)head_size);
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

binq_status binq_emit_rope(binq_emitter *e, const binq_step *step) {
  return binq_emit_rotation(e, step, "rope");
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

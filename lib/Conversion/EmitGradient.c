// Calls of the adjoints' kernels, and of the host for what it knows: the gradient by the output,
// and weights.
#include "EmitSteps.h"

#include <math.h>

binq_status binq_emit_output_gradient(binq_emitter *e, const binq_step *step) {
  const MlirValue *environment = e->environment;
  MlirValue operands[] = {environment[BINQ_ENV_HOST],        binq_memory(e, binq_operand(step, 0)),
                          binq_memory(e, binq_result(step)), environment[BINQ_ENV_COUNT],
                          environment[BINQ_ENV_THREAD],      environment[BINQ_ENV_THREADS]};
  binq_emit_call(e, "binq_host_output_gradient", 6, operands);
  return BINQ_OK;
}

/// The number of the host's linear that `step` is the adjoint of; -1: there is none.
static int64_t linear_number(const binq_plan *plan, const binq_step *step) {
  int64_t number = 0;
  for (int i = 0; i < plan->step_count; i++) {
    MlirValue x, weight;
    if (plan->steps[i].kind != BINQ_STEP_HOST_LINEAR)
      continue;
    binq_match_matmul(plan->steps[i].op, &x, &weight);
    if (mlirValueEqual(x, binq_operand(step, 0)) && mlirValueEqual(weight, binq_operand(step, 1)))
      return number;
    number++;
  }
  return -1;
}

binq_status binq_emit_linear_gradient(binq_emitter *e, const binq_step *step) {
  const MlirValue *environment = e->environment;
  int64_t number = linear_number(e->plan, step);
  if (number < 0)
    return binq_op_error(step->op, "is not the adjoint of a linear of its function");
  MlirValue operands[] = {environment[BINQ_ENV_HOST],
                          binq_emit_index(e, number),
                          binq_memory(e, binq_operand(step, 0)),
                          binq_memory(e, binq_operand(step, 2)),
                          binq_memory(e, binq_result(step)),
                          environment[BINQ_ENV_COUNT],
                          environment[BINQ_ENV_THREAD],
                          environment[BINQ_ENV_THREADS]};
  binq_emit_call(e, "binq_host_linear_gradient", 8, operands);
  return BINQ_OK;
}

binq_status binq_emit_rope_gradient(binq_emitter *e, const binq_step *step) {
  return binq_emit_rotation(e, step, "rope_gradient");
}

/// Operands [first, last] and then results, as memrefs.
static void push_memory(binq_kernel_call *call, const binq_step *step, int first, int last) {
  for (int i = first; i <= last; i++)
    binq_call_operand(call, binq_memory(call->e, binq_operand(step, i)));
}

static void push_result(binq_kernel_call *call, const binq_step *step, int index) {
  binq_call_operand(call, binq_memory(call->e, mlirOperationGetResult(step->op, index)));
}

binq_status binq_emit_swiglu_gradient(binq_emitter *e, const binq_step *step) {
  int64_t stride = binq_stride_of(binq_result(step));
  binq_kernel_call call = binq_call_of(e, "swiglu_gradient", "%lld", (long long)stride);
  push_memory(&call, step, 0, 2);
  push_result(&call, step, 0);
  push_result(&call, step, 1);
  binq_call_share(&call);
  binq_call_size(&call, stride);
  return binq_call_finish(&call);
}

binq_status binq_emit_rms_norm_gradient(binq_emitter *e, const binq_step *step) {
  double epsilon;
  MlirValue weight;
  BINQ_TRY(binq_get_number(step->op, "epsilon", &epsilon));
  BINQ_TRY(binq_stored_operand(e, step, binq_operand(step, 1), &weight));
  int64_t columns = binq_columns_of(binq_result(step));
  binq_kernel_call call = binq_call_of(e, "rms_norm_gradient", "%lld", (long long)columns);
  push_memory(&call, step, 0, 0);
  binq_call_operand(&call, weight);
  push_memory(&call, step, 2, 2);
  binq_call_operand(&call, binq_emit_float(e, (float)epsilon));
  push_result(&call, step, 0);
  binq_call_operand(&call, binq_scratch(e, step));
  binq_call_share(&call);
  binq_call_size(&call, binq_row_stride(columns));
  binq_call_float(&call, (float)columns);
  return binq_call_finish(&call);
}

binq_status binq_emit_rms_norm_weight_gradient(binq_emitter *e, const binq_step *step) {
  int64_t stride = binq_stride_of(binq_result(step));
  binq_kernel_call call = binq_call_of(e, "rms_norm_weight_gradient", "%lld", (long long)stride);
  push_memory(&call, step, 0, 0);
  push_memory(&call, step, 2, 2);
  binq_call_operand(&call, binq_scratch(e, step));
  push_result(&call, step, 1);
  binq_call_share(&call);
  binq_call_size(&call, stride);
  return binq_call_finish(&call);
}

/// What both kernels of attention's adjoint take behind their memory.
static binq_status finish_attention(binq_kernel_call *call, const binq_step *step) {
  binq_attention_shape shape;
  BINQ_TRY(binq_attention_shape_of(step->op, &shape));
  binq_call_operand(call, call->e->environment[BINQ_ENV_SEQUENCES]);
  binq_call_share(call);
  binq_call_size(call, shape.heads);
  binq_call_size(call, shape.kv_heads);
  binq_call_size(call, shape.head_size);
  binq_call_size(call, binq_stride_of(binq_operand(step, 0)));
  binq_call_size(call, binq_stride_of(binq_operand(step, 1)));
  binq_call_size(call, binq_row_stride(BINQ_ATTENTION_STATISTICS * shape.heads));
  binq_call_float(call, (float)(1.0 / sqrt((double)shape.head_size)));
  return binq_call_finish(call);
}

static binq_status call_attention(const binq_emitter *e, const binq_step *step, const char *kernel,
                                  binq_kernel_call *out) {
  binq_attention_shape shape;
  BINQ_TRY(binq_attention_shape_of(step->op, &shape));
  *out = binq_call_of(e, kernel, "%lldx%lldx%lld", (long long)shape.heads,
                      (long long)shape.kv_heads, (long long)shape.head_size);
  return BINQ_OK;
}

binq_status binq_emit_attention_query_gradient(binq_emitter *e, const binq_step *step) {
  binq_kernel_call call;
  BINQ_TRY(call_attention(e, step, "attention_query_gradient", &call));
  push_memory(&call, step, 0, 4);
  push_result(&call, step, 0);
  binq_call_operand(&call, binq_scratch(e, step));
  return finish_attention(&call, step);
}

binq_status binq_emit_attention_key_gradient(binq_emitter *e, const binq_step *step) {
  binq_kernel_call call;
  BINQ_TRY(call_attention(e, step, "attention_key_gradient", &call));
  push_memory(&call, step, 0, 2);
  push_memory(&call, step, 4, 4);
  binq_call_operand(&call, binq_scratch(e, step));
  push_result(&call, step, 1);
  push_result(&call, step, 2);
  return finish_attention(&call, step);
}

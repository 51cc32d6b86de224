#include "EmitSteps.h"

#include <stdarg.h>
#include <stdio.h>

binq_status binq_emit_step(binq_emitter *e, const binq_step *step) {
  static binq_status (*const emit[])(binq_emitter *, const binq_step *) = {
      [BINQ_STEP_HOST_EMBEDDING] = binq_emit_host_embedding,
      [BINQ_STEP_EMBEDDING] = binq_emit_embedding,
      [BINQ_STEP_RMS_NORM] = binq_emit_rms_norm,
      [BINQ_STEP_ROPE] = binq_emit_rope,
      [BINQ_STEP_APPEND_CACHE] = binq_emit_append_cache,
      [BINQ_STEP_ATTENTION] = binq_emit_attention,
      [BINQ_STEP_SWIGLU] = binq_emit_swiglu,
      [BINQ_STEP_ADD] = binq_emit_sum,
      [BINQ_STEP_QUANTIZE] = binq_emit_quantize,
      [BINQ_STEP_LINEAR] = binq_emit_linear,
      [BINQ_STEP_HOST_LINEAR] = binq_emit_host_linear,
      [BINQ_STEP_OUTPUT_GRADIENT] = binq_emit_output_gradient,
      [BINQ_STEP_LINEAR_GRADIENT] = binq_emit_linear_gradient,
      [BINQ_STEP_ROPE_GRADIENT] = binq_emit_rope_gradient,
      [BINQ_STEP_SWIGLU_GRADIENT] = binq_emit_swiglu_gradient,
      [BINQ_STEP_RMS_NORM_GRADIENT] = binq_emit_rms_norm_gradient,
      [BINQ_STEP_RMS_NORM_WEIGHT_GRADIENT] = binq_emit_rms_norm_weight_gradient,
      [BINQ_STEP_ATTENTION_QUERY_GRADIENT] = binq_emit_attention_query_gradient,
      [BINQ_STEP_ATTENTION_KEY_GRADIENT] = binq_emit_attention_key_gradient,
  };
  return emit[step->kind](e, step);
}

binq_kernel_call binq_call_of(const binq_emitter *e, const char *kernel, const char *suffix, ...) {
  binq_kernel_call call = {.e = e, .kernel = kernel};
  int length = snprintf(call.name, sizeof call.name, "%s_", kernel);
  va_list arguments;
  va_start(arguments, suffix);
  vsnprintf(call.name + length, sizeof call.name - (size_t)length, suffix, arguments);
  va_end(arguments);
  return call;
}

void binq_call_operand(binq_kernel_call *call, MlirValue value) {
  call->operands[call->operand_count++] = value;
}

static void environment(binq_kernel_call *call, int first, int last) {
  for (int i = first; i <= last; i++)
    binq_call_operand(call, call->e->environment[i]);
}

void binq_call_share(binq_kernel_call *call) {
  environment(call, BINQ_ENV_COUNT, BINQ_ENV_COUNT);
  environment(call, BINQ_ENV_THREAD, BINQ_ENV_THREADS);
}

void binq_call_cache_share(binq_kernel_call *call) {
  environment(call, BINQ_ENV_SEQUENCES, BINQ_ENV_CAPACITY);
  binq_call_share(call);
}

static void constant(binq_kernel_call *call, MlirAttribute attribute) {
  call->constants[call->constant_count++] = attribute;
}

void binq_call_size(binq_kernel_call *call, int64_t size) {
  constant(call, mlirIntegerAttrGet(mlirIndexTypeGet(call->e->builder.context), size));
}

void binq_call_integer(binq_kernel_call *call, unsigned width, int64_t value) {
  constant(call, mlirIntegerAttrGet(binq_integer(call->e->builder.context, width), value));
}

void binq_call_float(binq_kernel_call *call, float value) {
  constant(call, binq_f32_attribute(call->e->builder.context, value));
}

binq_status binq_call_finish(const binq_kernel_call *call) {
  binq_kernel_use use = {call->kernel, call->name, call->constants, (size_t)call->constant_count};
  BINQ_TRY(binq_kernel_instantiate(call->e->kernels, call->e->module, &use));
  binq_emit_call(call->e, call->name, call->operand_count, call->operands);
  return BINQ_OK;
}

MlirValue binq_operand(const binq_step *step, int index) {
  return mlirOperationGetOperand(step->op, index);
}

MlirValue binq_result(const binq_step *step) {
  return mlirOperationGetResult(step->op, 0);
}

MlirValue binq_memory(const binq_emitter *e, MlirValue value) {
  return e->buffers[binq_plan_buffer(e->plan, value)];
}

MlirValue binq_scratch(const binq_emitter *e, const binq_step *step) {
  return e->buffers[step->scratch];
}

binq_status binq_stored_operand(const binq_emitter *e, const binq_step *step, MlirValue value,
                                MlirValue *out) {
  int index = binq_plan_stored(e->plan, value);
  if (index < 0)
    return binq_op_error(step->op, "reads parameters that are no binq.param");
  *out = e->stored[index];
  return BINQ_OK;
}

int64_t binq_columns_of(MlirValue rows) {
  int64_t shape[2] = {0, 0};
  binq_tensor_shape(mlirValueGetType(rows), 2, shape);
  return shape[1];
}

int64_t binq_stride_of(MlirValue rows) {
  return binq_row_stride(binq_columns_of(rows));
}

/// Calls of kernels: what the steps of a plan become.
#ifndef BINQ_CONVERSION_EMIT_STEPS_H
#define BINQ_CONVERSION_EMIT_STEPS_H

#include "Emit.h"

/// A call of a kernel in the making: operands that stay arguments, then constants, and a name that
/// tells the constants.
typedef struct {
  const binq_emitter *e;
  const char *kernel;
  char name[160];
  MlirValue operands[32];
  int operand_count;
  MlirAttribute constants[32];
  int constant_count;
} binq_kernel_call;

/// The copy is called KERNEL_SUFFIX.
__attribute__((format(printf, 3, 4))) binq_kernel_call binq_call_of(const binq_emitter *e,
                                                                    const char *kernel,
                                                                    const char *suffix, ...);
void binq_call_operand(binq_kernel_call *call, MlirValue value);
/// count, thread, threads
void binq_call_share(binq_kernel_call *call);
/// sequences, capacity, count, thread, threads
void binq_call_cache_share(binq_kernel_call *call);
void binq_call_size(binq_kernel_call *call, int64_t size);
void binq_call_integer(binq_kernel_call *call, unsigned width, int64_t value);
void binq_call_float(binq_kernel_call *call, float value);
binq_status binq_call_finish(const binq_kernel_call *call);

MlirValue binq_operand(const binq_step *step, int index);
MlirValue binq_result(const binq_step *step);
/// The memref of a value that a step computes or the function takes.
MlirValue binq_memory(const binq_emitter *e, MlirValue value);
/// A parameter that kernels read.
binq_status binq_stored_operand(const binq_emitter *e, const binq_step *step, MlirValue value,
                                MlirValue *out);
/// The memref that the steps of an operation share.
MlirValue binq_scratch(const binq_emitter *e, const binq_step *step);
int64_t binq_columns_of(MlirValue rows);
int64_t binq_stride_of(MlirValue rows);

binq_status binq_emit_host_embedding(binq_emitter *e, const binq_step *step);
binq_status binq_emit_host_linear(binq_emitter *e, const binq_step *step);
binq_status binq_emit_rms_norm(binq_emitter *e, const binq_step *step);
binq_status binq_emit_rope(binq_emitter *e, const binq_step *step);
binq_status binq_emit_append_cache(binq_emitter *e, const binq_step *step);
binq_status binq_emit_attention(binq_emitter *e, const binq_step *step);
binq_status binq_emit_swiglu(binq_emitter *e, const binq_step *step);
binq_status binq_emit_sum(binq_emitter *e, const binq_step *step);
binq_status binq_emit_embedding(binq_emitter *e, const binq_step *step);
binq_status binq_emit_quantize(binq_emitter *e, const binq_step *step);
binq_status binq_emit_linear(binq_emitter *e, const binq_step *step);
binq_status binq_emit_output_gradient(binq_emitter *e, const binq_step *step);
binq_status binq_emit_linear_gradient(binq_emitter *e, const binq_step *step);
binq_status binq_emit_rope_gradient(binq_emitter *e, const binq_step *step);
binq_status binq_emit_swiglu_gradient(binq_emitter *e, const binq_step *step);
binq_status binq_emit_rms_norm_gradient(binq_emitter *e, const binq_step *step);
binq_status binq_emit_rms_norm_weight_gradient(binq_emitter *e, const binq_step *step);
binq_status binq_emit_attention_query_gradient(binq_emitter *e, const binq_step *step);
binq_status binq_emit_attention_key_gradient(binq_emitter *e, const binq_step *step);

/// The call of a kernel that rotates: KERNEL(rows, positions, table, result, share, sizes).
binq_status binq_emit_rotation(binq_emitter *e, const binq_step *step, const char *kernel);

#endif

/// What lowering decides about a function before it writes any code: the steps, where their values
/// lie in memory, where threads must meet.
#ifndef BINQ_CONVERSION_PLAN_H
#define BINQ_CONVERSION_PLAN_H

#include "Choice.h"
#include "binq/Checkpoint/Parameters.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Support/Memory.h"

/// What a step computes. An operation is one step, but for attention and the adjoints of attention
/// and of the norm, which are two.
typedef enum {
  BINQ_STEP_HOST_EMBEDDING,
  BINQ_STEP_EMBEDDING,
  BINQ_STEP_RMS_NORM,
  BINQ_STEP_ROPE,
  BINQ_STEP_APPEND_CACHE,
  BINQ_STEP_ATTENTION,
  BINQ_STEP_SWIGLU,
  BINQ_STEP_ADD,
  BINQ_STEP_QUANTIZE,
  BINQ_STEP_LINEAR,
  BINQ_STEP_HOST_LINEAR,
  BINQ_STEP_OUTPUT_GRADIENT,
  BINQ_STEP_LINEAR_GRADIENT,
  BINQ_STEP_ROPE_GRADIENT,
  BINQ_STEP_SWIGLU_GRADIENT,
  BINQ_STEP_RMS_NORM_GRADIENT,
  BINQ_STEP_RMS_NORM_WEIGHT_GRADIENT,
  BINQ_STEP_ATTENTION_QUERY_GRADIENT,
  BINQ_STEP_ATTENTION_KEY_GRADIENT,
} binq_step_kind;

/// What the adjoint of attention keeps of every token and head between its steps.
enum { BINQ_ATTENTION_STATISTICS = 3 };

typedef struct {
  binq_step_kind kind;
  MlirOperation op;
  /// Threads meet between phases, and only there.
  int phase;
  int scratch; ///< a buffer that the first step of an operation writes for the second; -1: none
} binq_step;

/// Memory of a value: so many bytes a token. The gradient of a vector, which takes none, is a
/// result of the function.
typedef struct {
  MlirValue value;  ///< null: scratch of an operation's steps
  MlirType element; ///< i32, f32, or i8 for quantized activations
  int64_t stride;   ///< elements a token
  int64_t token_bytes;
  int argument; ///< of the lowered function, behind the environment; -1: in the workspace
  int first_phase, last_phase;
  int64_t offset; ///< in the workspace, times the count of tokens
} binq_buffer;

/// A parameter that kernels read.
typedef struct {
  MlirOperation op;
  MlirStringRef name;
  MlirType element; ///< i8, i16, i32 or f32
  int64_t elements; ///< padded
  int64_t offset;   ///< from the function's base
} binq_stored;

typedef struct {
  MlirOperation function;
  const binq_isa *isa;
  binq_lowering lowering;
  binq_step *steps;
  int step_count;
  binq_buffer *buffers;
  int buffer_count, argument_count; ///< arguments: inputs, then results
  binq_stored *stored;
  int stored_count;
  int64_t base;      ///< where its parameters start in the parameter file's data
  int64_t workspace; ///< bytes a token
  int64_t cache;     ///< bytes a position
} binq_plan;

/// Plans a function; `parameters` is NULL while there is no parameter file. What has no lowering is
/// an error at it.
binq_status binq_plan_function(MlirOperation function, const binq_parameters *parameters,
                               const binq_isa *isa, binq_lowering lowering, binq_arena *arena,
                               binq_plan *out);

/// The buffer of a value, or -1.
int binq_plan_buffer(const binq_plan *plan, MlirValue value);
/// The stored parameter that a value is, or -1.
int binq_plan_stored(const binq_plan *plan, MlirValue value);

/// What a binq.attention, or its adjoint, works on.
typedef struct {
  int64_t heads, kv_heads, head_size;
  binq_cache_format format;
  int64_t row_bytes;      ///< of a head's key or value in the cache, without its scale and low
  int64_t position_bytes; ///< of the cache
  int64_t rotation;       ///< coded keys are rotated in runs of this many channels
} binq_attention_shape;

/// An error at `op` if its heads have no lowering.
binq_status binq_attention_shape_of(MlirOperation op, binq_attention_shape *out);
binq_status binq_check_head_size(MlirOperation op, int64_t head_size);

/// The parts that make a plan.
binq_status binq_plan_storage(binq_plan *plan, const binq_parameters *parameters);
void binq_plan_memory(binq_plan *plan);

/// Whether a function has anything to lower: arguments or results that are tensors or a cache.
bool binq_is_lowered(MlirOperation function);

/// The name of a weight that is a parameter; an error at `op` if it is none.
binq_status binq_weight_name(MlirOperation op, MlirValue weight, MlirStringRef *out);

/// The layouts of activations of a format and of a linear that reads them (its own form left open),
/// and how that linear is lowered.
binq_status binq_activation_layouts(const binq_plan *plan, const binq_activation_format *format,
                                    binq_layout *layout, binq_activation_layout *out,
                                    binq_way *choice);

/// Values of a row as kernels hold it.
static inline int64_t binq_row_stride(int64_t columns) {
  return binq_round_up(columns, BINQ_CHANNEL_STEP);
}

#endif

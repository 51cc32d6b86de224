/// Writes lowered functions: views of memory and calls of kernels.
#ifndef BINQ_CONVERSION_EMIT_H
#define BINQ_CONVERSION_EMIT_H

#include "Plan.h"
#include "binq/Conversion/Kernels.h"

/// What every lowered function takes first.
enum {
  BINQ_ENV_WORKSPACE,
  BINQ_ENV_WEIGHTS,
  BINQ_ENV_CACHE,
  BINQ_ENV_ROPE,
  BINQ_ENV_BASE,
  BINQ_ENV_COUNT,
  BINQ_ENV_SEQUENCES,
  BINQ_ENV_CAPACITY,
  BINQ_ENV_HOST,
  BINQ_ENV_THREAD,
  BINQ_ENV_THREADS,
  BINQ_ENV_SIZE,
};

enum { BINQ_MAX_LOWERED_ARGUMENTS = 16 };

/// A lowered function being written.
typedef struct {
  MlirModule module, kernels;
  binq_builder builder;
  MlirOperation function;
  MlirValue environment[BINQ_ENV_SIZE];
  const binq_plan *plan;
  MlirValue *buffers; ///< memrefs of the plan's buffers
  MlirValue *stored;  ///< and of its parameters
  int64_t host_linears;
} binq_emitter;

/// Types: "memref<?xf32>" and the like.
MlirType binq_memref_type(MlirType element);

/// Appends a function to the module that takes the environment, then arguments of these types, and
/// has the C interface; sets `function`, `environment` and the builder. `role` may be empty.
void binq_emit_function(binq_emitter *e, const char *name, MlirStringRef role,
                        MlirLocation location, int argument_count, const MlirType *arguments);
/// The argument behind the environment.
MlirValue binq_emit_argument(const binq_emitter *e, int index);

MlirValue binq_emit_float(const binq_emitter *e, float value);
/// A constant of so many bits.
MlirValue binq_emit_integer(const binq_emitter *e, unsigned width, int64_t value);
/// A constant or product of indices.
MlirValue binq_emit_index(const binq_emitter *e, int64_t value);
MlirValue binq_emit_multiply(const binq_emitter *e, MlirValue a, MlirValue b);
/// `elements` values of type `element` in the memory of `bytes`, from the byte `offset`.
MlirValue binq_emit_view(const binq_emitter *e, MlirValue bytes, MlirValue offset, MlirType element,
                         MlirValue elements);
/// func.call of a function without results.
void binq_emit_call(const binq_emitter *e, const char *callee, int count,
                    const MlirValue *operands);

/// Writes what a step computes.
binq_status binq_emit_step(binq_emitter *e, const binq_step *step);

/// Writes the whole function of a plan under a name.
binq_status binq_emit_plan(MlirModule module, MlirModule kernels, const binq_plan *plan,
                           const char *name, binq_arena *arena, MlirOperation *out);

#endif

/// From graphs of tensors to code: kernels on memory, then the LLVM dialect.
#ifndef BINQ_CONVERSION_CONVERSION_H
#define BINQ_CONVERSION_CONVERSION_H

#include "binq/Conversion/Lowering.h"
#include "binq/Support/Status.h"
#include "mlir-c/IR.h"

/// Adds, for every function of role "layer" or "head", one of role "gradient" that computes it and
/// then the gradients by its first argument and by its vectors.
binq_status binq_build_gradient(MlirModule module);

/// What the name of a gradient has behind that of its function.
#define BINQ_GRADIENT_SUFFIX "_gradient"

/// Replaces every function on tensors by one that calls kernels on memory, which any number of
/// threads run side by side. Such a function takes, before its own arguments and then its results
/// (tensors as rank-1 memrefs, rows padded with zeros to 32 values):
///   workspace, weights, cache: memref<?xi8>; rope: memref<?xf32>; base, count, sequences,
///   capacity: index; host: !llvm.ptr; thread, threads: index
/// Parameters are read from `weights` at base + offset. Float linears and embeddings call back:
/// @binq_host_linear and @binq_host_embedding, gradients @binq_host_linear_gradient and
/// @binq_host_output_gradient; threads meet in @binq_barrier. Functions that become equal are
/// merged. The module gets
///
///   binq.isa: the instruction set `isa` (runtime/Isa.h), whose kernels it calls; results are the
///   same with all
///
///   binq.workspace_per_token: bytes of workspace that a call needs for each token;
///
///   binq.functions: for each function its name, callee, params and their offsets, linears, base
///
/// and, when its parameters are in a parameter file, @binq_forward (embedding and layers),
/// @binq_head, and
///
///   binq.cache_per_position: bytes that a position takes in the cache of all layers
binq_status binq_lower(MlirModule module, const char *isa, binq_lowering which);

/// Converts a lowered module to the LLVM dialect by upstream passes.
binq_status binq_to_llvm(MlirModule module);

/// Names of the attributes that lowering adds.
#define BINQ_ATTR_WORKSPACE_PER_TOKEN "binq.workspace_per_token"
#define BINQ_ATTR_CACHE_PER_POSITION "binq.cache_per_position"
#define BINQ_ATTR_FUNCTIONS "binq.functions"

#endif

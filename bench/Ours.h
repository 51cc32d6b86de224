/// Linears as binq compiles them: quantization of activations and the product, in one function.
#ifndef BINQ_BENCH_OURS_H
#define BINQ_BENCH_OURS_H

#include "Contestant.h"
#include "Weights.h"
#include "mlir-c/IR.h"

/// The instruction set that linears are compiled for where options do not say: the most that this
/// CPU has, as libraries choose.
const char *bench_ours_isa(void);

/// Compiles a linear of these weights, which must outlive it. `options` are those of the pass
/// binq-lower, as text; may be empty.
binq_status bench_ours_create(MlirContext context, const char *format, const char *options,
                              const bench_weights *weights, bench_contestant *out);

/// Runs one call and compares the last token's outputs, bit by bit, with the reference that the
/// tests of kernels have.
binq_status bench_ours_check(const bench_contestant *contestant, const bench_setting *setting);

#endif

/// The linears of a function: matrix products in canonical form (binq_match_matmul) whose weight is
/// a `binq.param`. Whoever made the graph, these are what calibration watches and quantization
/// rewrites.
#ifndef BINQ_CALIBRATE_LINEARS_H
#define BINQ_CALIBRATE_LINEARS_H

#include "binq/Support/Memory.h"
#include "binq/Support/Status.h"
#include "mlir-c/IR.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct {
  MlirOperation matmul;
  MlirValue x;           ///< what it reads
  const char *name;      ///< of the weight
  int64_t rows, columns; ///< N and K
  int64_t input;         ///< number of `x` among the distinct inputs, in order of first use
  bool adds;             ///< its outputs go to what the function returns, by nothing but additions
} binq_linear_site;

typedef struct {
  binq_linear_site *linears; ///< in program order
  int64_t linear_count, input_count;
} binq_linear_sites;

/// Finds the linears inside `root`. Two share an input when they read the same value in the same
/// block. Names and arrays live in `arena`.
binq_status binq_linear_sites_find(MlirOperation root, binq_arena *arena, binq_linear_sites *out);

#endif

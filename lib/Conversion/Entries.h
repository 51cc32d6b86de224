/// The entries of a compiled model: functions that call its lowered functions.
#ifndef BINQ_CONVERSION_ENTRIES_H
#define BINQ_CONVERSION_ENTRIES_H

#include "binq/Support/Status.h"
#include "mlir-c/IR.h"
#include <stdint.h>

/// A function of the graph after lowering.
typedef struct {
  MlirOperation callee; ///< shared by functions with equal code
  int64_t base;
  int64_t cache;                          ///< bytes a position
  MlirAttribute name, role;               ///< strings; role may be null
  MlirAttribute params, offsets, linears; ///< as binq.functions has them
} binq_lowered_function;

/// Writes @binq_forward and @binq_head if the functions are those of a model (roles embed, layer,
/// head), and binq.cache_per_position, what a position takes in the caches of all layers;
/// `workspace` (bytes a token) grows by what @binq_forward needs itself.
binq_status binq_emit_entries(MlirModule module, const binq_lowered_function *functions, int count,
                              int64_t *workspace);

#endif

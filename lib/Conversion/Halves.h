/// Numbers in binary16, for instruction sets that cannot convert them.
#ifndef BINQ_CONVERSION_HALVES_H
#define BINQ_CONVERSION_HALVES_H

#include "binq/Support/Status.h"
#include "mlir-c/IR.h"

/// Replaces arith.extf and arith.truncf between binary16 and binary32 in the module by calls of its
/// functions @widen_halves, @widen_half and @narrow_to_half (kernels/isa_halves.mlir), if it has
/// them.
binq_status binq_replace_halves(MlirModule module);

#endif

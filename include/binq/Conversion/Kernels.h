/// The kernels: functions in MLIR text (lib/Conversion/kernels) that take sizes as arguments. A use
/// of one is a copy in which the sizes are constants. Some functions that kernels call are
/// different for every instruction set, in texts of their own (Kernels.c).
#ifndef BINQ_CONVERSION_KERNELS_H
#define BINQ_CONVERSION_KERNELS_H

#include "binq/Support/Status.h"
#include "mlir-c/IR.h"
#include "runtime/Isa.h"
#include <stddef.h>

/// Name of the attribute that marks a function as a copy of a kernel.
#define BINQ_ATTR_KERNEL "binq.kernel"

/// A module with every kernel as it was written for the instruction set. The caller destroys it.
binq_status binq_kernels_parse(MlirContext context, const binq_isa *isa, MlirModule *out);

/// A copy of a kernel whose last arguments are constants.
typedef struct {
  const char *kernel;
  const char *name;               ///< of the copy; tells the constants
  const MlirAttribute *constants; ///< typed as the arguments they replace
  size_t constant_count;
} binq_kernel_use;

/// Puts that copy, and what it calls, into `module`, unless it is there already. An error if a
/// function that is no kernel has one of the names.
binq_status binq_kernel_instantiate(MlirModule kernels, MlirModule module,
                                    const binq_kernel_use *use);

#endif

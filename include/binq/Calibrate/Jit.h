/// A module in the LLVM dialect as code in this process. Nothing is written to disk.
#ifndef BINQ_CALIBRATE_JIT_H
#define BINQ_CALIBRATE_JIT_H

#include "binq/Support/Status.h"
#include "mlir-c/IR.h"
#include <stddef.h>

/// The instruction set of compiled code (runtime/Isa.h), for which modules are lowered, unless
/// their binq.isa tells another.
#define BINQ_JIT_ISA "x86-64-v3"

typedef struct binq_jit binq_jit;

/// A function of this process that the module calls by `name`.
typedef struct {
  const char *name;
  void *address;
} binq_jit_symbol;

/// Compiles the module, which may be destroyed afterwards.
binq_status binq_jit_create(MlirModule module, const binq_jit_symbol *symbols, size_t count,
                            binq_jit **out);
/// NULL is ignored.
void binq_jit_destroy(binq_jit *jit);

/// An entry to the function `name` that has no results: it takes an array of pointers to the
/// arguments.
binq_status binq_jit_find(const binq_jit *jit, const char *name, void (**out)(void **arguments));

#endif

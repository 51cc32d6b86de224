/// The instruction sets that models are compiled for: what the compiler's rooms and the runtime
/// agree on.
#ifndef BINQ_RUNTIME_ISA_H
#define BINQ_RUNTIME_ISA_H

#include "runtime/Cpu.h"
#include <stddef.h>

/// The environment variable that names the one to run.
#define BINQ_ISA_VARIABLE "BINQ_ISA"

typedef struct {
  const char *target;         ///< what binqc calls the systems that have it: "x86_64-linux-gnu"
  const char *name;           ///< what binq.isa and BINQ_ISA_VARIABLE call it
  const char *cpu, *features; ///< what LLVM calls it
  binq_cpu needs;             ///< the least CPU that runs its code
} binq_isa;

enum { BINQ_ISA_COUNT = 5 };

/// Those of a target go from the least to the most: a CPU that has one has those before it.
extern const binq_isa binq_isas[BINQ_ISA_COUNT];

/// The one of that name, or NULL.
const binq_isa *binq_isa_find(const char *name, size_t length);

#endif

/// Lowers functions, compiles them by JIT and calls them on a pool of threads.
#ifndef BINQ_TEST_CONVERSION_LOWERED_H
#define BINQ_TEST_CONVERSION_LOWERED_H

#include "binq/Conversion/Conversion.h"
#include "runtime/Isa.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct lowered lowered;

/// Whether code for an instruction set runs here; says that it is skipped if it is x86-64 and the
/// CPU lacks instructions.
bool lowered_runs(const binq_isa *isa);

/// A module from MLIR text, lowered for the instruction set of that name. Ends the program if it
/// does not lower.
lowered *lowered_create(const char *text, const char *isa, binq_lowering lowering);
void lowered_destroy(lowered *l);

/// A rank-1 memref.
typedef struct {
  void *allocated, *aligned;
  int64_t offset, size, stride;
} lowered_memref;

static inline lowered_memref lowered_memref_of(const void *data, int64_t size) {
  return (lowered_memref){(void *)data, (void *)data, 0, size, 1};
}

typedef struct {
  const void *weights, *cache, *rope;
  int64_t base, count, sequences, capacity, threads;
} lowered_environment;

/// Calls a function of the lowered module on that many threads; returns the workspace (freed by the
/// caller), which held rubbish at first.
void *lowered_call(const lowered *l, const char *name, const lowered_environment *environment,
                   int argument_count, const lowered_memref *arguments);

#endif

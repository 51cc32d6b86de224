/// Whether this CPU can run the library. Compiled for the oldest x86-64, and asked before anything
/// else runs.
#ifndef BINQ_RUNTIME_CPU_H
#define BINQ_RUNTIME_CPU_H

#include <stdbool.h>
#include <stdint.h>

/// What CPUID and XGETBV say; zero where the CPU does not know the leaf.
typedef struct {
  uint32_t leaf1_ecx;
  uint32_t leaf7_ebx;
  uint32_t extended1_ecx; ///< of leaf 0x80000001
  uint32_t xcr0;          ///< register state the operating system saves
} binq_cpu;

/// Reads them from the CPU.
binq_cpu binq_cpu_read(void);

/// True if they promise every instruction of x86-64-v3.
bool binq_cpu_suffices(const binq_cpu *cpu);

#endif

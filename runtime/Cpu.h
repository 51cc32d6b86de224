/// What the CPU can run. Compiled for the oldest CPU, and asked before anything else runs.
#ifndef BINQ_RUNTIME_CPU_H
#define BINQ_RUNTIME_CPU_H

#include <stdbool.h>
#include <stdint.h>

/// What CPUID and XGETBV say on x86, zero where the CPU does not know the leaf, and what the kernel
/// says on AArch64. Every field has four bytes: the compiler writes such structs
/// (lib/Target/Constants.c).
typedef struct {
  uint32_t leaf1_ecx;
  uint32_t leaf7_ebx, leaf7_ecx;
  uint32_t extended1_ecx; ///< of leaf 0x80000001
  uint32_t xcr0;          ///< register state the operating system saves
  uint32_t hwcap;         ///< the lower half of AT_HWCAP
} binq_cpu;

/// Reads them from the CPU.
binq_cpu binq_cpu_read(void);

/// True if the CPU has all that `needs` has.
bool binq_cpu_has(const binq_cpu *cpu, const binq_cpu *needs);

#endif

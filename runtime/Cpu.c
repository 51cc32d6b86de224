#include "runtime/Cpu.h"
#include <cpuid.h>

// x86-64 psABI, "Micro-Architecture Levels": the union of v2 and v3, by CPUID bit.
enum {
  LEAF1_ECX = 1 << 0        // SSE3
              | 1 << 9      // SSSE3
              | 1 << 12     // FMA
              | 1 << 13     // CMPXCHG16B
              | 1 << 19     // SSE4.1
              | 1 << 20     // SSE4.2
              | 1 << 22     // MOVBE
              | 1 << 23     // POPCNT
              | 1 << 27     // OSXSAVE
              | 1 << 28     // AVX
              | 1 << 29,    // F16C
  LEAF7_EBX = 1 << 3        // BMI1
              | 1 << 5      // AVX2
              | 1 << 8,     // BMI2
  EXTENDED1_ECX = 1 << 0    // LAHF and SAHF
                  | 1 << 5, // LZCNT
  XCR0 = 1 << 1             // SSE registers
         | 1 << 2,          // AVX registers
  OSXSAVE = 1 << 27,
};

binq_cpu binq_cpu_read(void) {
  binq_cpu cpu = {0};
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d))
    cpu.leaf1_ecx = c;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
    cpu.leaf7_ebx = b;
  if (__get_cpuid(0x80000001, &a, &b, &c, &d))
    cpu.extended1_ecx = c;
  if (cpu.leaf1_ecx & OSXSAVE) // XGETBV exists only then
    __asm__ volatile("xgetbv" : "=a"(cpu.xcr0), "=d"(d) : "c"(0));
  return cpu;
}

bool binq_cpu_suffices(const binq_cpu *cpu) {
  return (cpu->leaf1_ecx & LEAF1_ECX) == LEAF1_ECX && (cpu->leaf7_ebx & LEAF7_EBX) == LEAF7_EBX &&
         (cpu->extended1_ecx & EXTENDED1_ECX) == EXTENDED1_ECX && (cpu->xcr0 & XCR0) == XCR0;
}

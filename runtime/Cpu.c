#include "runtime/Cpu.h"
#include "runtime/Model.h"
#include <string.h>
#ifdef __x86_64__
#include <cpuid.h>
#else
#include <sys/auxv.h>
#endif

#ifdef __x86_64__
enum { OSXSAVE = 1 << 27 };

binq_cpu binq_cpu_read(void) {
  binq_cpu cpu = {0};
  uint32_t a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d))
    cpu.leaf1_ecx = c;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
    cpu.leaf7_ebx = b;
    cpu.leaf7_ecx = c;
  }
  if (__get_cpuid(0x80000001, &a, &b, &c, &d))
    cpu.extended1_ecx = c;
  if (cpu.leaf1_ecx & OSXSAVE) // XGETBV exists only then
    __asm__ volatile("xgetbv" : "=a"(cpu.xcr0), "=d"(d) : "c"(0));
  return cpu;
}
#else
binq_cpu binq_cpu_read(void) {
  return (binq_cpu){.hwcap = (uint32_t)getauxval(AT_HWCAP)};
}
#endif

bool binq_cpu_has(const binq_cpu *cpu, const binq_cpu *needs) {
  return (cpu->leaf1_ecx & needs->leaf1_ecx) == needs->leaf1_ecx &&
         (cpu->leaf7_ebx & needs->leaf7_ebx) == needs->leaf7_ebx &&
         (cpu->leaf7_ecx & needs->leaf7_ecx) == needs->leaf7_ecx &&
         (cpu->extended1_ecx & needs->extended1_ecx) == needs->extended1_ecx &&
         (cpu->xcr0 & needs->xcr0) == needs->xcr0 && (cpu->hwcap & needs->hwcap) == needs->hwcap;
}

const binq_level *binq_level_choose(const binq_cpu *cpu, const char *name, const binq_level *levels,
                                    int64_t count) {
  const binq_level *chosen = NULL;
  for (const binq_level *level = levels; level < levels + count; ++level)
    if (binq_cpu_has(cpu, &level->needs) && (!name || strcmp(level->name, name) == 0))
      chosen = level;
  return chosen;
}

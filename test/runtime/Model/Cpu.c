#include "runtime/Cpu.h"
#include "Check.h"

/// Haswell, the first CPU of this level, as its manuals give it: everything we ask for and a few
/// bits more.
static const binq_cpu haswell = {
    .leaf1_ecx = 0x7ffafbff, .leaf7_ebx = 0x000027ab, .extended1_ecx = 0x00000021, .xcr0 = 0x7};

/// Every bit that is needed, one by one.
static void test_single_bits(uint32_t *word, binq_cpu *cpu, int expected) {
  int needed = 0;
  for (int bit = 0; bit < 32; ++bit) {
    uint32_t before = *word;
    *word &= ~(UINT32_C(1) << bit);
    needed += !binq_cpu_suffices(cpu);
    *word = before;
  }
  CHECK_EQ_INT(needed, expected);
}

int main(void) {
  binq_cpu cpu = haswell;
  CHECK(binq_cpu_suffices(&cpu));
  test_single_bits(&cpu.leaf1_ecx, &cpu, 11);
  test_single_bits(&cpu.leaf7_ebx, &cpu, 3);
  test_single_bits(&cpu.extended1_ecx, &cpu, 2);
  test_single_bits(&cpu.xcr0, &cpu, 2);

  // Sandy Bridge has AVX but not AVX2, FMA, BMI; an emulator may not save AVX registers; a 386 has
  // nothing.
  const binq_cpu sandy_bridge = {.leaf1_ecx = 0x1fbae3ff, .extended1_ecx = 0x1, .xcr0 = 0x7};
  CHECK(!binq_cpu_suffices(&sandy_bridge));
  cpu.xcr0 = 0x3;
  CHECK(!binq_cpu_suffices(&cpu));
  CHECK(!binq_cpu_suffices(&(binq_cpu){0}));

  // The tests themselves are compiled for x86-64-v3.
  cpu = binq_cpu_read();
  CHECK(binq_cpu_suffices(&cpu));
  return check_result();
}

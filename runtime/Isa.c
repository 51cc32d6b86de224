#include "runtime/Isa.h"
#include <string.h>

// By CPUID bit. x86-64-v2, -v3 and -v4 are those of the x86-64 psABI, "Micro-Architecture Levels";
// ours of that name are the psABI's and what is below.
#define BIT(n) (UINT32_C(1) << (n))
// SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT
#define V2_LEAF1_ECX (BIT(0) | BIT(9) | BIT(13) | BIT(19) | BIT(20) | BIT(23))
// LAHF and SAHF
#define V2_EXTENDED1_ECX BIT(0)
// FMA, MOVBE, OSXSAVE, AVX, F16C
#define V3_LEAF1_ECX (V2_LEAF1_ECX | BIT(12) | BIT(22) | BIT(27) | BIT(28) | BIT(29))
// BMI1, AVX2, BMI2
#define V3_LEAF7_EBX (BIT(3) | BIT(5) | BIT(8))
// LZCNT
#define V3_EXTENDED1_ECX (V2_EXTENDED1_ECX | BIT(5))
// SSE and AVX registers
#define V3_XCR0 (BIT(1) | BIT(2))
// AVX512F, AVX512DQ, AVX512CD, AVX512BW, AVX512VL
#define V4_LEAF7_EBX (V3_LEAF7_EBX | BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31))
// AVX512_VBMI, AVX512_VNNI, AVX512_BITALG, AVX512_VPOPCNTDQ
#define V4_LEAF7_ECX (BIT(1) | BIT(11) | BIT(12) | BIT(14))
// mask registers, the upper halves of the first sixteen ZMM registers, the other sixteen
#define V4_XCR0 (V3_XCR0 | BIT(5) | BIT(6) | BIT(7))

// By bit of the auxiliary vector's AT_HWCAP on AArch64: CRC32, ATOMICS, ASIMDRDM, ASIMDDP. What
// armv8-a has is there.
#define ARM_V82_HWCAP (BIT(7) | BIT(8) | BIT(12) | BIT(20))

const binq_isa binq_isas[BINQ_ISA_COUNT] = {
    {.target = "x86_64-linux-gnu",
     .name = "x86-64-v2",
     .cpu = "x86-64-v2",
     .features = "",
     .needs = {.leaf1_ecx = V2_LEAF1_ECX, .extended1_ecx = V2_EXTENDED1_ECX}},
    {.target = "x86_64-linux-gnu",
     .name = "x86-64-v3",
     .cpu = "x86-64-v3",
     .features = "",
     .needs = {.leaf1_ecx = V3_LEAF1_ECX,
               .leaf7_ebx = V3_LEAF7_EBX,
               .extended1_ecx = V3_EXTENDED1_ECX,
               .xcr0 = V3_XCR0}},
    {.target = "x86_64-linux-gnu",
     .name = "x86-64-v4",
     .cpu = "x86-64-v4",
     .features = "+avx512bitalg,+avx512vbmi,+avx512vnni,+avx512vpopcntdq",
     .needs = {.leaf1_ecx = V3_LEAF1_ECX,
               .leaf7_ebx = V4_LEAF7_EBX,
               .leaf7_ecx = V4_LEAF7_ECX,
               .extended1_ecx = V3_EXTENDED1_ECX,
               .xcr0 = V4_XCR0}},
    {.target = "aarch64-linux-gnu", .name = "armv8-a", .cpu = "generic", .features = ""},
    {.target = "aarch64-linux-gnu",
     .name = "armv8.2-a",
     .cpu = "generic",
     .features = "+v8.2a,+dotprod",
     .needs = {.hwcap = ARM_V82_HWCAP}},
};

const binq_isa *binq_isa_find(const char *name, size_t length) {
  for (size_t i = 0; i < BINQ_ISA_COUNT; ++i)
    if (strlen(binq_isas[i].name) == length && memcmp(binq_isas[i].name, name, length) == 0)
      return &binq_isas[i];
  return NULL;
}

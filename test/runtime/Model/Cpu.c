#include "runtime/Cpu.h"
#include "Check.h"
#include "runtime/Isa.h"
#include "runtime/Model.h"

// CPUs as their manuals give them: the bits we ask for and some more.
static const binq_cpu haswell = {
    .leaf1_ecx = 0x7ffafbff, .leaf7_ebx = 0x000027ab, .extended1_ecx = 0x00000021, .xcr0 = 0x7};
static const binq_cpu sandy_bridge = {.leaf1_ecx = 0x1fbae3ff, .extended1_ecx = 0x1, .xcr0 = 0x7};
static const binq_cpu core2 = {.leaf1_ecx = 0x0000e3bd, .extended1_ecx = 0x1};
static const binq_cpu skylake_server = {.leaf1_ecx = 0x7ffefbff,
                                        .leaf7_ebx = 0xd39ffffb,
                                        .leaf7_ecx = 0x8,
                                        .extended1_ecx = 0x121,
                                        .xcr0 = 0xe7};
static const binq_cpu ice_lake_server = {.leaf1_ecx = 0x7ffefbff,
                                         .leaf7_ebx = 0xf3bfa7eb,
                                         .leaf7_ecx = 0x40417f5e,
                                         .extended1_ecx = 0x121,
                                         .xcr0 = 0xe7};

static const binq_isa *isa(const char *name) {
  const binq_isa *found = binq_isa_find(name, strlen(name));
  REQUIRE(found);
  return found;
}

/// Every bit of a word that an instruction set needs, one by one.
static void check_bits(binq_cpu *cpu, uint32_t *word, const char *name, int expected) {
  int needed = 0;
  for (int bit = 0; bit < 32; ++bit) {
    uint32_t before = *word;
    *word &= ~(UINT32_C(1) << bit);
    needed += !binq_cpu_has(cpu, &isa(name)->needs);
    *word = before;
  }
  CHECK_EQ_INT(needed, expected);
}

static void test_needs(void) {
  static const struct {
    const char *isa;
    int leaf1_ecx, leaf7_ebx, leaf7_ecx, extended1_ecx, xcr0;
  } needs[] = {
      {"x86-64-v2", 6, 0, 0, 1, 0}, {"x86-64-v3", 11, 3, 0, 2, 2}, {"x86-64-v4", 11, 8, 4, 2, 5}};
  binq_cpu cpu = ice_lake_server;
  for (size_t i = 0; i < sizeof needs / sizeof *needs; ++i) {
    CHECK(binq_cpu_has(&cpu, &isa(needs[i].isa)->needs));
    check_bits(&cpu, &cpu.leaf1_ecx, needs[i].isa, needs[i].leaf1_ecx);
    check_bits(&cpu, &cpu.leaf7_ebx, needs[i].isa, needs[i].leaf7_ebx);
    check_bits(&cpu, &cpu.leaf7_ecx, needs[i].isa, needs[i].leaf7_ecx);
    check_bits(&cpu, &cpu.extended1_ecx, needs[i].isa, needs[i].extended1_ecx);
    check_bits(&cpu, &cpu.xcr0, needs[i].isa, needs[i].xcr0);
  }
}

/// A model with code for every instruction set of a target: what is chosen of it, "" for nothing.
static const char *choose_of(const char *target, const binq_cpu *cpu, const char *name) {
  binq_level levels[BINQ_ISA_COUNT];
  int count = 0;
  for (int i = 0; i < BINQ_ISA_COUNT; ++i)
    if (strcmp(binq_isas[i].target, target) == 0)
      levels[count++] = (binq_level){.name = binq_isas[i].name, .needs = binq_isas[i].needs};
  const binq_level *chosen = binq_level_choose(cpu, name, levels, count);
  return chosen ? chosen->name : "";
}

static const char *choose(const binq_cpu *cpu, const char *name) {
  return choose_of("x86_64-linux-gnu", cpu, name);
}

static void test_choice(void) {
  CHECK_EQ_STR(choose(&(binq_cpu){0}, NULL), "");
  CHECK_EQ_STR(choose(&core2, NULL), "");
  CHECK_EQ_STR(choose(&sandy_bridge, NULL), "x86-64-v2");
  CHECK_EQ_STR(choose(&haswell, NULL), "x86-64-v3");
  CHECK_EQ_STR(choose(&skylake_server, NULL), "x86-64-v3");
  CHECK_EQ_STR(choose(&ice_lake_server, NULL), "x86-64-v4");

  // What the operating system does not save cannot be used.
  binq_cpu cpu = ice_lake_server;
  cpu.xcr0 = 0x7;
  CHECK_EQ_STR(choose(&cpu, NULL), "x86-64-v3");
  cpu.xcr0 = 0x3;
  CHECK_EQ_STR(choose(&cpu, NULL), "x86-64-v2");

  CHECK_EQ_STR(choose(&ice_lake_server, "x86-64-v2"), "x86-64-v2");
  CHECK_EQ_STR(choose(&haswell, "x86-64-v3"), "x86-64-v3");
  CHECK_EQ_STR(choose(&haswell, "x86-64-v4"), "");
  CHECK_EQ_STR(choose(&haswell, "x86-64"), "");
  CHECK_EQ_STR(choose(&haswell, ""), "");
  CHECK(!binq_level_choose(&haswell, NULL, NULL, 0));
}

static void test_arm(void) {
  const binq_cpu cortex_a53 = {.hwcap = 0xff}, neoverse_n1 = {.hwcap = 0x119fff};
  binq_cpu cpu = neoverse_n1;
  CHECK_EQ_STR(choose_of("aarch64-linux-gnu", &cortex_a53, NULL), "armv8-a");
  CHECK_EQ_STR(choose_of("aarch64-linux-gnu", &neoverse_n1, NULL), "armv8.2-a");
  CHECK_EQ_STR(choose_of("aarch64-linux-gnu", &neoverse_n1, "armv8-a"), "armv8-a");
  CHECK_EQ_STR(choose_of("aarch64-linux-gnu", &neoverse_n1, "x86-64-v2"), "");
  check_bits(&cpu, &cpu.hwcap, "armv8.2-a", 4);
}

int main(void) {
  test_needs();
  test_arm();
  test_choice();
  CHECK(!binq_isa_find("x86-64-v", 8));
  // The tests themselves are compiled for x86-64-v3.
  binq_cpu cpu = binq_cpu_read();
  CHECK(binq_cpu_has(&cpu, &isa("x86-64-v3")->needs));
  return check_result();
}

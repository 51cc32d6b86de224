// What a target is, and the bitcode for it, whose paths are given by the build.
#include "Internal.h"
#include <elf.h>
#include <string.h>

#ifndef SHF_X86_64_LARGE
#define SHF_X86_64_LARGE (1 << 28)
#endif

// The end is a symbol of its own.
#define EMBED(symbol, path)                                                                        \
  __asm__(".section .rodata\n"                                                                     \
          ".balign 16\n" #symbol ":\n"                                                             \
          ".incbin \"" path "\"\n" #symbol "_end:\n"                                               \
          ".text\n")

EMBED(binq_runtime_x86_64, BINQ_RUNTIME_X86_64);
EMBED(binq_program_x86_64, BINQ_PROGRAM_X86_64);
EMBED(binq_runtime_aarch64, BINQ_RUNTIME_AARCH64);
EMBED(binq_program_aarch64, BINQ_PROGRAM_AARCH64);

extern const char binq_runtime_x86_64[], binq_runtime_x86_64_end[], binq_program_x86_64[],
    binq_program_x86_64_end[], binq_runtime_aarch64[], binq_runtime_aarch64_end[],
    binq_program_aarch64[], binq_program_aarch64_end[];

static const binq_platform platforms[] = {
    {.name = "x86_64-linux-gnu",
     .triple = "x86_64-unknown-linux-gnu",
     .baseline = "x86-64",
     .compiler = "cc",
     .elf_machine = EM_X86_64,
     .weights_flags = SHF_X86_64_LARGE,
     .runtime = {binq_runtime_x86_64, binq_runtime_x86_64_end},
     .program = {binq_program_x86_64, binq_program_x86_64_end}},
    {.name = "aarch64-linux-gnu",
     .triple = "aarch64-unknown-linux-gnu",
     .baseline = "generic",
     .compiler = "clang-22 --target=aarch64-linux-gnu -fuse-ld=lld",
     .elf_machine = EM_AARCH64,
     .runtime = {binq_runtime_aarch64, binq_runtime_aarch64_end},
     .program = {binq_program_aarch64, binq_program_aarch64_end}},
};

const binq_platform *binq_platform_of(const char *target) {
  size_t i = 0;
  while (i + 1 < sizeof platforms / sizeof *platforms && strcmp(platforms[i].name, target) != 0)
    ++i;
  return &platforms[i];
}

#include "Internal.h"

// The paths are given by the build.
#define EMBED(symbol, path)                                                                        \
  __asm__(".section .rodata\n"                                                                     \
          ".balign 16\n"                                                                           \
          ".globl " #symbol "\n" #symbol ":\n"                                                     \
          ".incbin \"" path "\"\n"                                                                 \
          ".globl " #symbol "_end\n" #symbol "_end:\n"                                             \
          ".byte 0\n"                                                                              \
          ".text\n")

EMBED(binq_runtime_bitcode, BINQ_RUNTIME_BITCODE);
EMBED(binq_program_bitcode, BINQ_PROGRAM_BITCODE);

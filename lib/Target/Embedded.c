#include "Internal.h"

// The paths are given by the build.
#define EMBED(symbol, path)                                                                        \
  __asm__(".section .rodata\n"                                                                     \
          ".balign 16\n"                                                                           \
          ".globl " #symbol "\n" #symbol ":\n"                                                     \
          ".incbin \"" path "\"\n"                                                                 \
          ".L" #symbol "_end:\n"                                                                   \
          ".balign 8\n"                                                                            \
          ".globl " #symbol "_size\n" #symbol "_size:\n"                                           \
          ".quad .L" #symbol "_end - " #symbol "\n"                                                \
          ".text\n")

EMBED(binq_runtime_bitcode, BINQ_RUNTIME_BITCODE);
EMBED(binq_program_bitcode, BINQ_PROGRAM_BITCODE);

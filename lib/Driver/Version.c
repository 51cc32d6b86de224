#include "binq/Driver/Version.h"

#include "llvm-c/Core.h"

#include <stdio.h>

void binq_llvm_version(char out[BINQ_VERSION_TEXT]) {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned patch = 0;
  LLVMGetVersion(&major, &minor, &patch);
  (void)snprintf(out, BINQ_VERSION_TEXT, "%u.%u.%u", major, minor, patch);
}

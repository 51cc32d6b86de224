/// Versions of what made a library.
#ifndef BINQ_DRIVER_VERSION_H
#define BINQ_DRIVER_VERSION_H

enum { BINQ_VERSION_TEXT = 48 };

/// The version of the LLVM in use, "22.1.8".
void binq_llvm_version(char out[BINQ_VERSION_TEXT]);

#endif

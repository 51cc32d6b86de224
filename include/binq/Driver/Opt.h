/// The tool binq-opt: runs passes over modules, as mlir-opt does.
#ifndef BINQ_DRIVER_OPT_H
#define BINQ_DRIVER_OPT_H

#include "binq/Support/Status.h"
#include <stdio.h>

/// Reads the command line and does what it says; the exit code.
int binq_opt_main(int argc, char **argv);

/// Writes docs/passes.md: every pass of the table with its options.
void binq_pass_docs(FILE *out);

/// Writes the passes and their options as a part of --help.
void binq_pass_help(FILE *out);

#endif

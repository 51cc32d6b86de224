/// What a compilation chose without being told.
#ifndef BINQ_DRIVER_EXPLAIN_H
#define BINQ_DRIVER_EXPLAIN_H

#include <stdio.h>

/// Prints, for every instruction set of the target, what the lowerings of linears cost and which of
/// them `lowering` ("auto", ..) comes to.
void binq_explain_lowering(const char *target, const char *lowering, FILE *out);

#endif

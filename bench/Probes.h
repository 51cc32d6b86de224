/// What the machine can do at most, measured like a contestant and among them.
#ifndef BINQ_BENCH_PROBES_H
#define BINQ_BENCH_PROBES_H

#include "Contestant.h"
#include "binq/Support/Status.h"

/// Reads so much memory, every thread several streams of it at a time.
binq_status bench_read_probe(int64_t bytes, bench_contestant *out);

/// Multiplies of bytes and additions, nothing from memory. Of a call: bench_multiplies(threads).
binq_status bench_multiply_probe(bench_contestant *out);
int64_t bench_multiplies(int threads);

#endif

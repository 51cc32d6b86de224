/// Peers, out of libraries that need not be there.
#ifndef BINQ_BENCH_PEERS_H
#define BINQ_BENCH_PEERS_H

#include "Contestant.h"
#include "binq/Support/Status.h"

/// The peer in a library made of Ggml.c.
binq_status bench_peer_open(const char *path, const bench_peer_interface **out);

/// Float weights, multiplied by the OpenBLAS in this library.
binq_status bench_openblas_create(const char *path, const bench_problem *problem,
                                  bench_contestant *out);

#endif

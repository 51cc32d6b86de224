/// Random numbers, the weights that peers get and the activations that all get, and what a linear
/// of them must give.
#ifndef BINQ_BENCH_FLOATS_H
#define BINQ_BENCH_FLOATS_H

#include "Contestant.h"
#include "binq/Support/Status.h"

typedef struct {
  uint64_t state;
} bench_random;

/// 0 to limit - 1.
int bench_random_below(bench_random *random, int limit);

/// The rows of W that differ, freed with free().
binq_status bench_random_weights(int64_t columns, float **out);
/// x [tokens][columns], roughly normal, freed with free().
binq_status bench_random_activations(int64_t tokens, int64_t columns, float **out);

/// How far y (of the last token alone) is from W x, in parts of the size of that.
double bench_float_error(const bench_problem *problem, const float *x, const float *y);

#endif

/// A random model of odd sizes as a compiled graph, for the tests of calibration.
#ifndef BINQ_TEST_CALIBRATE_TINYGRAPH_H
#define BINQ_TEST_CALIBRATE_TINYGRAPH_H

#include "Check.h"
#include "binq/Checkpoint/Model.h"
#include "lib/Calibrate/Internal.h"

typedef struct {
  MlirContext context;
  MlirModule module;
  binq_pool *pool;
  const binq_model *model;
  binq_graph *graph;
} tiny_graph;

/// Hidden size 40 in five heads of which one has keys and values, FFN 72: nothing is a multiple
/// of 32.
void tiny_graph_create(int threads, tiny_graph *out);
void tiny_graph_destroy(tiny_graph *tiny);

/// Numbers in [-1, 1), the same every time.
float tiny_random(uint64_t *state);

/// Whether two rows of floats are the same bit for bit.
bool tiny_same_bits(const float *a, const float *b, size_t count);

/// Goes on with the digest of floats (FNV-1a), which begins with 0xcbf29ce484222325.
uint64_t tiny_digest_floats(uint64_t hash, const float *values, int64_t count);

/// What is told of progress, all in one phase: how often, how much is done, and the last step.
typedef struct {
  const char *phase;
  int steps;
  double done;
  char last[64];
} tiny_told;
void tiny_tell(void *told, const char *phase, const char *step, double done);

/// `count` tokens of the vocabulary; freed with free().
int32_t *tiny_tokens(int64_t count, uint64_t seed);

#endif

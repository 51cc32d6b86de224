/// What the quantizer's tests share: random numbers, arrays, pools.
#ifndef BINQ_TEST_NUMBERS_H
#define BINQ_TEST_NUMBERS_H

#include "Check.h"
#include "runtime/Pool.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static inline double random_unit(uint64_t *state) {
  *state = *state * 6364136223846793005U + 1442695040888963407U;
  return (double)(*state >> 11) * 0x1p-53;
}

/// Close to a normal distribution: the sum of 12 uniform numbers.
static inline float random_normal(uint64_t *state) {
  double sum = -6;
  for (int i = 0; i < 12; ++i)
    sum += random_unit(state);
  return (float)sum;
}

static inline void *new_array(int64_t count, size_t size) {
  void *array = calloc((size_t)count + 1, size);
  REQUIRE(array);
  return array;
}

static inline float *new_floats(int64_t count) {
  return new_array(count, sizeof(float));
}

static inline float *random_floats(int64_t count, uint64_t seed) {
  float *values = new_floats(count);
  for (int64_t i = 0; i < count; ++i)
    values[i] = random_normal(&seed);
  return values;
}

static inline binq_pool *new_pool(int threads) {
  binq_pool *pool = NULL;
  REQUIRE(binq_pool_create(threads, &pool) == 0);
  return pool;
}

#endif

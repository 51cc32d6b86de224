#include "Floats.h"
#include "binq/Support/Memory.h"
#include <math.h>

int bench_random_below(bench_random *random, int limit) {
  random->state = random->state * 6364136223846793005u + 1442695040888963407u;
  return (int)((random->state >> 33) % (uint64_t)limit);
}

binq_status bench_random_weights(int64_t columns, float **out) {
  bench_random random = {2};
  int64_t count = BENCH_DISTINCT_ROWS * columns;
  BINQ_TRY(binq_allocate((size_t)count, sizeof(float), "weights", out));
  for (int64_t i = 0; i < count; i++)
    (*out)[i] = (float)(2 * bench_random_below(&random, 2) - 1);
  return BINQ_OK;
}

binq_status bench_random_activations(int64_t tokens, int64_t columns, float **out) {
  bench_random random = {3};
  BINQ_TRY(binq_allocate((size_t)(tokens * columns), sizeof(float), "activations", out));
  for (int64_t i = 0; i < tokens * columns; i++) {
    int sum = 0;
    for (int k = 0; k < 4; k++)
      sum += bench_random_below(&random, 2001) - 1000;
    (*out)[i] = (float)sum / 1000;
  }
  return BINQ_OK;
}

double bench_float_error(const bench_problem *problem, const float *x, const float *y) {
  const bench_shape *shape = &problem->shape;
  double difference = 0, size = 0;
  for (int64_t i = 0; i < shape->rows; i++) {
    const float *row = problem->values + i % BENCH_DISTINCT_ROWS * shape->columns;
    double sum = 0;
    for (int64_t j = 0; j < shape->columns; j++)
      sum += (double)row[j] * x[j];
    difference += (y[i] - sum) * (y[i] - sum);
    size += sum * sum;
  }
  return sqrt(difference / size);
}

#include "Steps.h"

int64_t binq_step_windows(int64_t windows, int64_t window) {
  int64_t batch = window < BINQ_STEP_TOKENS ? BINQ_STEP_TOKENS / window : 1;
  return batch < windows ? batch : windows;
}

void binq_shuffle_steps(int64_t *order, int64_t steps, uint64_t *random) {
  for (int64_t i = steps - 1; i > 0; i--) {
    // Knuth's MMIX constants; the high bits are random enough for an order.
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    int64_t other = (int64_t)((*random >> 33) % (uint64_t)(i + 1));
    int64_t step = order[i];
    order[i] = order[other];
    order[other] = step;
  }
}

float binq_rate_at(int64_t step, int64_t steps) {
  double left = 1 - (double)step / (double)steps;
  return (float)(left * left * (3 - 2 * left));
}

void binq_move_vectors(const binq_graph_function *function, binq_tuned *vectors, const float *sizes,
                       const float *gradient, binq_adam adam, float rate) {
  for (int64_t i = 0; i < function->vector_count; i++) {
    const binq_graph_vector *vector = &function->vectors[i];
    float size = 0;
    for (int64_t k = 0; k < vector->size; k++)
      size += __builtin_fabsf(sizes[vector->offset + k]);
    binq_tuned_move(vectors, vector->offset, vector->size, gradient + vector->offset, adam,
                    rate * size / (float)vector->size);
  }
}

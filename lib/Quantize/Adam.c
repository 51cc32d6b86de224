#include "binq/Quantize/Tuning.h"
#include "binq/Support/Memory.h"

#include <stdlib.h>
#include <string.h>

enum { LANES = 8 };

typedef float lanes __attribute__((ext_vector_type(LANES)));

static const double FIRST = 0.9, SECOND = 0.95;
/// Keeps zero moments from being divided by zero; far below any gradient that matters.
static const float LEAST = 1e-30F;

binq_adam binq_adam_at(int64_t step) {
  double first = 1, second = 1;
  for (int64_t i = 0; i <= step; ++i) {
    first *= FIRST;
    second *= SECOND;
  }
  return (binq_adam){(float)(1 / (1 - first)), (float)(1 / (1 - second))};
}

binq_status binq_tuned_create(int64_t count, binq_tuned *out) {
  *out = (binq_tuned){0};
  if (count == 0)
    return BINQ_OK;
  float **const arrays[] = {&out->value, &out->first, &out->second};
  for (int i = 0; i < 3; ++i)
    BINQ_TRY(binq_allocate((size_t)count, sizeof(float), "numbers to be tuned", arrays[i]));
  return BINQ_OK;
}

void binq_tuned_free(binq_tuned *tuned) {
  free(tuned->value);
  free(tuned->first);
  free(tuned->second);
  *tuned = (binq_tuned){0};
}

static lanes load(const float *from, int64_t count) {
  lanes value = 0;
  memcpy(&value, from, (size_t)count * sizeof *from);
  return value;
}

static void store(float *to, lanes value, int64_t count) {
  memcpy(to, &value, (size_t)count * sizeof *to);
}

/// Moves up to 8 numbers; `count` is a constant where this is inlined.
static inline __attribute__((always_inline)) void move(const binq_tuned *tuned, int64_t at,
                                                       int64_t count, const float *gradient,
                                                       binq_adam adam, float size) {
  lanes g = load(gradient, count);
  lanes first = load(tuned->first + at, count) * (float)FIRST + g * (float)(1 - FIRST);
  lanes second = load(tuned->second + at, count) * (float)SECOND + g * g * (float)(1 - SECOND);
  lanes root = __builtin_elementwise_sqrt(second * adam.second) + LEAST;
  store(tuned->first + at, first, count);
  store(tuned->second + at, second, count);
  lanes value = load(tuned->value + at, count) - first * adam.first / root * size;
  store(tuned->value + at, value, count);
}

void binq_tuned_move(binq_tuned *tuned, int64_t begin, int64_t count, const float *gradient,
                     binq_adam adam, float size) {
  int64_t i = 0;
  for (; i + LANES <= count; i += LANES)
    move(tuned, begin + i, LANES, gradient + i, adam, size);
  if (i < count)
    move(tuned, begin + i, count - i, gradient + i, adam, size);
}

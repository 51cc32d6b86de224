/// Floats bit by bit.
#ifndef BINQ_TEST_CHECKPOINT_FLOATS_H
#define BINQ_TEST_CHECKPOINT_FLOATS_H

#include "Check.h"
#include <math.h>
#include <stdint.h>

static inline void check_bits(float actual, float expected) {
  uint32_t a = 0, b = 0;
  memcpy(&a, &actual, sizeof a);
  memcpy(&b, &expected, sizeof b);
  if (a != b)
    CHECK_FAIL("%.9g (%08x), expected %.9g (%08x)", (double)actual, a, (double)expected, b);
}

/// IEEE half precision read digit by digit.
static inline float half_by_hand(uint32_t bits) {
  int sign = bits >> 15 ? -1 : 1, exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
  if (exponent == 31)
    return fraction ? NAN : (float)sign * INFINITY;
  if (exponent == 0)
    return (float)sign * ldexpf((float)fraction, -24);
  return (float)sign * ldexpf((float)(fraction + 1024), exponent - 25);
}

#endif

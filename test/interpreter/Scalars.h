/// Arithmetic of docs/numerics.md that several operations share.
#ifndef BINQ_TEST_INTERPRETER_SCALARS_H
#define BINQ_TEST_INTERPRETER_SCALARS_H

#include <stdint.h>

float clamp(float x, float low, float high);
/// e^x by the polynomial.
float exponential(float x);
/// ((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7))
float tree(const float s[8]);
/// binary16 as two bytes, widened.
float half(const uint8_t *bytes);
/// The binary16 nearest to x, ties to even.
float round_to_half(float x);

#endif

/// The exponential of the kernels, for C code: the same on every machine, as that of a C library is
/// not.
#ifndef BINQ_RUNTIME_EXPONENTIAL_H
#define BINQ_RUNTIME_EXPONENTIAL_H

#include <stdint.h>
#include <string.h>

/// e^x for x <= 0, by the polynomial the kernels use.
static inline float binq_exponential(float x) {
  if (!(x > -87.0f))
    return 0;
  int32_t n = (int32_t)(x * 1.44269504f - 0.5f);
  float r = (x - (float)n * 0.693359375f) - (float)n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  uint32_t bits = (uint32_t)(n + 127) << 23;
  float power;
  memcpy(&power, &bits, sizeof power);
  return ((p * (r * r) + r) + 1) * power;
}

#endif

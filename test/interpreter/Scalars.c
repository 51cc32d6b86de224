#include "Scalars.h"
#include <math.h>
#include <string.h>

float clamp(float x, float low, float high) {
  if (x < low)
    return low;
  return x > high ? high : x;
}

float exponential(float x) {
  static const float c[] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                            4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
  x = clamp(x, -87.0f, 88.0f);
  float n = floorf(x * 1.44269504f + 0.5f);
  float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = c[0];
  for (int i = 1; i < 6; i++)
    p = p * r + c[i];
  float y = (p * (r * r) + r) + 1.0f;
  uint32_t bits = (uint32_t)((int32_t)n + 127) << 23;
  float power;
  memcpy(&power, &bits, 4);
  return y * power;
}

float tree(const float s[8]) {
  float a = s[0] + s[4], b = s[2] + s[6], c = s[1] + s[5], d = s[3] + s[7];
  float e = a + b, f = c + d;
  return e + f;
}

float half(const uint8_t *bytes) {
  uint16_t bits = (uint16_t)(bytes[0] | bytes[1] << 8);
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float value = exponent == 0 ? ldexpf((float)fraction, -24)
                              : ldexpf((float)(fraction + 1024), exponent - 25);
  return bits & 0x8000 ? -value : value;
}

float round_to_half(float x) {
  int exponent;
  frexp((double)x, &exponent); // 11 bits of precision, but none below 2^-24
  double unit = ldexp(1.0, (exponent < -13 ? -13 : exponent) - 11);
  double rounded = rint((double)x / unit) * unit;
  return fabs(rounded) >= 65520.0 ? copysignf(INFINITY, x) : (float)rounded;
}

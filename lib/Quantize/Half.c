/// fp16 by integer arithmetic, so that no machine's conversion instruction or rounding mode
/// matters.
#include "binq/Quantize/Layout.h"

#include <string.h>

enum {
  HALF_EXPONENT_MASK = 0x1f,
  HALF_MANTISSA_MASK = 0x3ff,
  HALF_INFINITY = 0x7c00,
  HALF_QUIET = 0x200,
  MANTISSA_SHIFT = 13, ///< float has 13 mantissa bits more
  EXPONENT_SHIFT = 112 ///< difference of the exponent biases, 127 - 15
};

static float float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

float binq_half_to_float(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  uint32_t exponent = (half >> 10) & HALF_EXPONENT_MASK;
  uint32_t mantissa = half & HALF_MANTISSA_MASK;
  if (exponent == HALF_EXPONENT_MASK) {
    // A signalling NaN becomes quiet, as every conversion instruction makes it.
    uint32_t quiet = mantissa ? (uint32_t)HALF_QUIET << MANTISSA_SHIFT : 0;
    return float_of_bits(sign | 0x7f800000 | mantissa << MANTISSA_SHIFT | quiet);
  }
  if (exponent == 0) {
    float magnitude = (float)mantissa * 0x1p-24F;
    return sign ? -magnitude : magnitude;
  }
  return float_of_bits(sign | (exponent + EXPONENT_SHIFT) << 23 | mantissa << MANTISSA_SHIFT);
}

/// `value` shifted right, rounded to nearest even; 1 <= shift <= 31.
static uint32_t shift_round(uint32_t value, uint32_t shift) {
  uint32_t half_unit = 1U << (shift - 1);
  uint32_t rest = value & ((1U << shift) - 1);
  uint32_t result = value >> shift;
  if (rest > half_unit || (rest == half_unit && (result & 1)))
    ++result;
  return result;
}

uint16_t binq_float_to_half(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  uint32_t sign = (bits >> 16) & 0x8000;
  uint32_t exponent = (bits >> 23) & 0xff;
  uint32_t mantissa = bits & 0x7fffff;
  if (exponent == 0xff) {
    uint32_t payload = mantissa ? HALF_QUIET | mantissa >> MANTISSA_SHIFT : 0;
    return (uint16_t)(sign | HALF_INFINITY | payload);
  }
  if (exponent > EXPONENT_SHIFT + 30)
    return (uint16_t)(sign | HALF_INFINITY);
  // A carry out of the mantissa moves into the exponent, up to infinity, as it should.
  if (exponent > EXPONENT_SHIFT)
    return (uint16_t)(sign |
                      shift_round((exponent - EXPONENT_SHIFT) << 23 | mantissa, MANTISSA_SHIFT));
  if (exponent < EXPONENT_SHIFT - 11)
    return (uint16_t)sign;
  uint32_t shift = EXPONENT_SHIFT + 1 - exponent + MANTISSA_SHIFT;
  return (uint16_t)(sign | shift_round(mantissa | 0x800000, shift));
}

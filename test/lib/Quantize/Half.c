/// fp16 against the compiler's own conversion.
#include "Check.h"
#include "binq/Quantize/Layout.h"

#include <string.h>

static uint32_t bits_of_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static float float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint16_t bits_of_half(_Float16 value) {
  uint16_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static void check_narrowing(float value) {
  volatile float opaque = value; // or the compiler cancels widening against narrowing
  uint16_t expected = bits_of_half((_Float16)opaque);
  uint16_t got = binq_float_to_half(value);
  if (got != expected)
    CHECK_FAIL("%a becomes %04x, not %04x", (double)value, got, expected);
}

/// Every half, and the floats around it and around the middle between it and the next.
static void check_every_half(void) {
  for (uint32_t i = 0; i < 0x10000; ++i) {
    uint16_t half = (uint16_t)i;
    _Float16 value;
    memcpy(&value, &half, sizeof value);
    uint32_t bits = bits_of_float((float)value);
    if (bits_of_float(binq_half_to_float(half)) != bits)
      CHECK_FAIL("half %04x becomes %08x, not %08x", half, bits_of_float(binq_half_to_float(half)),
                 bits);
    for (uint32_t middle = 0; middle <= 0x1000; middle += 0x1000)
      for (int step = -1; step <= 1; ++step)
        check_narrowing(float_of_bits(bits + middle + (uint32_t)step));
  }
}

static void check_spread_floats(void) {
  // An odd stride visits all exponents with ever different mantissas.
  for (uint64_t bits = 0; bits < 0x100000000; bits += 4099)
    check_narrowing(float_of_bits((uint32_t)bits));
}

int main(void) {
  check_every_half();
  check_spread_floats();
  return check_result();
}

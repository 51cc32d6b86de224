#include "runtime/Rope.h"
#include "Check.h"
#include <math.h>
#include <stdint.h>

/// Units in the last place between two floats.
static int64_t distance(float a, float b) {
  int32_t x, y;
  memcpy(&x, &a, sizeof x);
  memcpy(&y, &b, sizeof y);
  int64_t ordered_x = x < 0 ? INT32_MIN - (int64_t)x : x,
          ordered_y = y < 0 ? INT32_MIN - (int64_t)y : y;
  return llabs(ordered_x - ordered_y);
}

/// Against libm's long doubles, every `step`th position.
static void check_base(double base, int64_t head_size, int64_t positions, int64_t step) {
  int64_t half = head_size / 2;
  float *table = malloc((size_t)(positions * head_size) * sizeof *table);
  REQUIRE(table);
  binq_rope_table(table, positions, head_size, base);
  int64_t worst = 0;
  for (int64_t i = 0; i < half; i++) {
    long double frequency =
        powl((long double)base, -2.0L * (long double)i / (long double)head_size);
    for (int64_t p = 0; p < positions; p += step) {
      const float *at = table + 2 * (p * half + i);
      long double angle = frequency * (long double)p;
      int64_t c = distance(at[0], (float)cosl(angle)), s = distance(at[1], (float)sinl(angle));
      worst = c > worst ? c : worst;
      worst = s > worst ? s : worst;
    }
  }
  if (worst > 1)
    CHECK_FAIL("base %g, head size %lld: %lld units in the last place", base, (long long)head_size,
               (long long)worst);
  free(table);
}

int main(void) {
  check_base(10000, 64, 131072, 3);
  check_base(100000, 64, 131072, 3);
  check_base(500000, 128, 131072, 7);
  check_base(1000000, 128, 131072, 7);
  check_base(10000.5, 80, 4096, 1);
  check_base(1, 8, 100000, 1);
  check_base(0.25, 8, 1000, 1);
  check_base(1e300, 8, 1000, 1);

  // The bits themselves, which are the same on every machine.
  float table[2 * 4 * 3];
  binq_rope_table(table, 3, 8, 10000);
  static const float expected[] = {
      1,
      0,
      1,
      0,
      1,
      0,
      1,
      0, // position 0
      0x1.14a28p-1f,
      0x1.aed548p-1f,
      0x1.fd713p-1f,
      0x1.98eaecp-4f, // position 1
      0x1.fff972p-1f,
      0x1.47acaep-7f,
      0x1.fffffp-1f,
      0x1.0624dap-10f, //
      -0x1.aa2266p-2f,
      0x1.d18f6ep-1f,
      0x1.f5cb4ap-1f,
      0x1.96dff2p-3f, // position 2
      0x1.ffe5cap-1f,
      0x1.47a87cp-6f,
      0x1.ffffbcp-1f,
      0x1.0624d2p-9f,
  };
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
    CHECK(table[i] == expected[i]);
  return check_result();
}

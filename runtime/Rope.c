#include "runtime/Rope.h"
#include <stddef.h>
#include <string.h>

// An angle may be a hundred thousand turns, and a libm may differ from the next in the last bit. So
// the frequencies and the range reduction use sums of two doubles (about 106 bits), and no libm.

typedef struct {
  double high, low; ///< |low| at most half a unit in the last place of high
} pair;

static const pair LN2 = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};
static const pair HALF_PI = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54};

/// 1.5 * 2^52: adding and taking it away rounds to an integer.
static const double ROUND = 0x1.8p52;

/// a + b exactly.
static pair exact_sum(double a, double b) {
  double sum = a + b, part = sum - a;
  return (pair){sum, (a - (sum - part)) + (b - part)};
}

/// The upper 26 bits.
static double upper(double a) {
  double scaled = 134217729.0 * a;
  return scaled - (scaled - a);
}

/// a * b exactly.
static pair exact_product(double a, double b) {
  double product = a * b, ah = upper(a), bh = upper(b), al = a - ah, bl = b - bh;
  return (pair){product, ((ah * bh - product) + ah * bl + al * bh) + al * bl};
}

static pair add(pair a, pair b) {
  pair sum = exact_sum(a.high, b.high);
  return exact_sum(sum.high, sum.low + (a.low + b.low));
}

static pair multiply(pair a, pair b) {
  pair product = exact_product(a.high, b.high);
  return exact_sum(product.high, product.low + (a.high * b.low + a.low * b.high));
}

static pair scale(pair a, double b) {
  return multiply(a, (pair){b, 0});
}

static pair divide(pair a, double b) {
  double quotient = a.high / b;
  pair product = exact_product(quotient, b);
  return exact_sum(quotient, ((a.high - product.high) - product.low + a.low) / b);
}

/// 2^n for a normal result.
static double power_of_two(int64_t n) {
  uint64_t bits = (uint64_t)(n + 1023) << 52;
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/// e^x: a series for (x - n ln 2) / 64, squared six times, times 2^n.
static pair exponential(pair x) {
  double n = (x.high / LN2.high + ROUND) - ROUND;
  pair r = scale(add(x, scale(LN2, -n)), 1.0 / 64), sum = {1, 0};
  for (int i = 14; i > 0; i--)
    sum = add((pair){1, 0}, divide(multiply(r, sum), i));
  for (int i = 0; i < 6; i++)
    sum = multiply(sum, sum);
  // In two steps, as 2^n itself may not be a normal number.
  int64_t half = (int64_t)n / 2;
  return scale(scale(sum, power_of_two(half)), power_of_two((int64_t)n - half));
}

/// The logarithm of x by Newton's method on e^y, from its exponent.
static pair logarithm(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  pair y = scale(LN2, (double)(int64_t)(bits >> 52) - 1022.5);
  for (int i = 0; i < 7; i++) {
    pair ratio = scale(exponential((pair){-y.high, -y.low}), x);
    y = add(y, add(ratio, (pair){-1, 0}));
  }
  return y;
}

static double series(const double *coefficients, int count, double x) {
  double sum = coefficients[count - 1];
  for (int i = count - 2; i >= 0; i--)
    sum = sum * x + coefficients[i];
  return sum;
}

/// Taylor series of |r| <= pi / 4; the first terms left out are below 1e-19.
static double sine(double r) {
  static const double c[] = {
      -1.0 / 6,        1.0 / 120,        -1.0 / 5040,          1.0 / 362880,
      -1.0 / 39916800, 1.0 / 6227020800, -1.0 / 1307674368000, 1.0 / 355687428096000};
  double square = r * r;
  return r + r * (square * series(c, 8, square));
}

static double cosine(double r) {
  static const double c[] = {-1.0 / 2,
                             1.0 / 24,
                             -1.0 / 720,
                             1.0 / 40320,
                             -1.0 / 3628800,
                             1.0 / 479001600,
                             -1.0 / 87178291200,
                             1.0 / 20922789888000,
                             -1.0 / 6402373705728000};
  double square = r * r;
  return 1 + square * series(c, 9, square);
}

static void rotation(pair angle, float out[2]) {
  double quarter = (angle.high / HALF_PI.high + ROUND) - ROUND;
  double r = add(angle, scale(HALF_PI, -quarter)).high, s = sine(r), c = cosine(r);
  unsigned turn = (unsigned)(int64_t)quarter & 3;
  double cos_angle = turn & 1 ? s : c, sin_angle = turn & 1 ? c : s;
  out[0] = (float)(turn == 1 || turn == 2 ? -cos_angle : cos_angle);
  out[1] = (float)(turn >= 2 ? -sin_angle : sin_angle);
}

void binq_rope_table(float *out, int64_t positions, int64_t head_size, double base) {
  pair log_base = logarithm(base);
  int64_t half = head_size / 2;
  for (int64_t i = 0; i < half; i++) {
    pair frequency = exponential(divide(scale(log_base, -2.0 * (double)i), (double)head_size));
    for (int64_t position = 0; position < positions; position++)
      rotation(scale(frequency, (double)position), out + 2 * (position * half + i));
  }
}

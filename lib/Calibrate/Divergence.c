#include "Divergence.h"

#include "runtime/Exponential.h"
#include <math.h>

/// ln x for x >= 1, the same on every machine: ln m = 2 artanh((m - 1) / (m + 1)) by its series,
/// with 1 / sqrt(2) < m <= sqrt(2).
static double logarithm_of(double x) {
  int exponent;
  double m = frexp(x, &exponent);
  if (m <= 0.70710678118654752) {
    m *= 2;
    exponent--;
  }
  double s = (m - 1) / (m + 1), sum = 0;
  for (int n = 25; n > 0; n -= 2)
    sum = sum * s * s + 1.0 / n;
  return 2 * s * sum + exponent * 0.69314718055994531;
}

double binq_log_of_sum(const float *logits, int64_t count) {
  float largest = logits[0];
  for (int64_t i = 1; i < count; i++)
    largest = logits[i] > largest ? logits[i] : largest;
  double sum = 0;
  for (int64_t i = 0; i < count; i++)
    sum += (double)binq_exponential(logits[i] - largest);
  return logarithm_of(sum) + (double)largest;
}

double binq_divergence_gradient(const float *reference, const float *logits, int64_t count,
                                float scale, float *gradient) {
  double reference_normal = binq_log_of_sum(reference, count), divergence = 0;
  double normal = binq_log_of_sum(logits, count);
  for (int64_t i = 0; i < count; i++) {
    double expected = (double)reference[i] - reference_normal, found = (double)logits[i] - normal;
    float p = binq_exponential((float)expected), q = binq_exponential((float)found);
    divergence += (double)p * (expected - found);
    gradient[i] = (q - p) * scale;
  }
  return divergence;
}

// Comparing predictions, against probabilities worked out one by one in long double.
#include "binq/Calibrate/Accuracy.h"
#include "Check.h"

#include <math.h>
#include <stdint.h>

enum { MOST = 3001, ROWS = 250 };

static uint64_t state = 88172645463325252u;

/// Roughly bell-shaped, as logits are.
static double random_number(void) {
  double sum = 0;
  for (int i = 0; i < 4; i++) {
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    sum += (double)(state >> 33) / (double)(UINT64_C(1) << 31) - 0.5;
  }
  return sum;
}

/// The probability of each token: e^x / sum of all e^x, as the definition has it.
static void probabilities(const float *logits, int count, long double *out) {
  long double sum = 0;
  for (int i = 0; i < count; i++)
    sum += out[i] = expl((long double)logits[i]);
  for (int i = 0; i < count; i++)
    out[i] /= sum;
}

static int likeliest(const long double *p, int count) {
  for (int i = 0;; i++) {
    int above = 0;
    for (int j = 0; j < count; j++)
      above += p[j] > p[i];
    if (!above)
      return i;
  }
}

static binq_prediction by_definition(const float *reference, const float *other, int count,
                                     int next) {
  static long double p[MOST], q[MOST];
  probabilities(reference, count, p);
  probabilities(other, count, q);
  long double divergence = 0;
  for (int i = 0; i < count; i++)
    divergence += p[i] * logl(p[i] / q[i]);
  return (binq_prediction){(double)-logl(q[next]), (double)divergence,
                           likeliest(p, count) == likeliest(q, count)};
}

static int close_to(double a, double b, double tolerance) {
  return fabs(a - b) <= tolerance * (1 + fabs(b));
}

/// Rows of all sizes and spreads, far from zero too: only differences of logits count.
static void check_rows(binq_prediction *out) {
  static float reference[MOST], other[MOST];
  int agreeing = 0;
  for (int row = 0; row < ROWS; row++) {
    int count = row < 40 ? 1 + row : 41 + row * 37 % (MOST - 41);
    double spread = 0.5 + row % 7 * 3, noise = row % 5 * 0.4;
    for (int i = 0; i < count; i++) {
      reference[i] = (float)(spread * random_number() + row % 11 * 90 - 500);
      other[i] = (float)((double)reference[i] + noise * random_number() - row % 3 * 40);
    }
    int next = row * 31 % count;
    binq_prediction expected = by_definition(reference, other, count, next);
    out[row] = binq_compare_logits(reference, other, count, next);
    CHECK(close_to(out[row].loss, expected.loss, 1e-10));
    CHECK(close_to(out[row].divergence, expected.divergence, 1e-10));
    CHECK(out[row].divergence >= 0);
    CHECK_EQ_INT(out[row].agrees, expected.agrees);
    agreeing += expected.agrees;
  }
  CHECK(agreeing > ROWS / 4 && agreeing < ROWS);
}

static void check_special_rows(void) {
  const float a[] = {1, 3, -2, 3}, shifted[] = {-9, -7, -12, -7}, b[] = {1, 3, -2, 4};
  binq_prediction same = binq_compare_logits(a, a, 4, 2);
  CHECK(same.divergence == 0 && same.agrees);
  CHECK(close_to(binq_compare_logits(a, shifted, 4, 2).divergence, 0, 1e-15));
  // Ties go to the lower index: 1, not 3.
  CHECK(!binq_compare_logits(a, b, 4, 2).agrees);
  CHECK(binq_compare_logits(a, shifted, 4, 2).agrees);
  // What is no number foretells nothing.
  const float none[] = {NAN, NAN, NAN, NAN};
  CHECK(!binq_compare_logits(none, none, 4, 2).agrees);
  // Two tokens, by hand: p = (1/2, 1/2), q = (4/5, 1/5).
  const float even[] = {0, 0}, odd[] = {logf(4), 0};
  binq_prediction two = binq_compare_logits(even, odd, 2, 1);
  CHECK(close_to(two.loss, log(5), 1e-6));
  CHECK(close_to(two.divergence, 0.5 * log(0.5 / 0.8) + 0.5 * log(0.5 / 0.2), 1e-6));
  // Nothing overflows where e^x would.
  const float far[] = {3e4f, -3e4f}, other_far[] = {-3e4f, 3e4f};
  CHECK(close_to(binq_compare_logits(far, other_far, 2, 0).loss, 6e4, 1e-12));
  CHECK(close_to(binq_compare_logits(far, other_far, 2, 0).divergence, 6e4, 1e-12));
}

static void check_sums(const binq_prediction *rows) {
  for (size_t count = 0; count <= ROWS; count += count < 3 ? 1 : 7) {
    binq_prediction copy[ROWS];
    long double loss = 0, divergence = 0, agreeing = 0;
    for (size_t i = 0; i < count; i++) {
      copy[i] = rows[i];
      loss += (long double)rows[i].loss;
      divergence += (long double)rows[i].divergence;
      agreeing += rows[i].agrees;
    }
    binq_accuracy got;
    binq_accuracy_of(copy, count, &got);
    CHECK_EQ_INT(got.predictions, count);
    if (count == 0)
      continue;
    CHECK(close_to(got.perplexity, (double)expl(loss / (long double)count), 1e-12));
    CHECK(close_to(got.divergence, (double)(divergence / (long double)count), 1e-12));
    CHECK(close_to(got.agreement, (double)(agreeing / (long double)count), 1e-12));
    // The 99th percentile by its definition: 99 of 100 are at or below it, and no smaller one of
    // the values has that.
    size_t below = 0, at = 0;
    for (size_t i = 0; i < count; i++) {
      below += rows[i].divergence < got.divergence_99;
      at += rows[i].divergence == got.divergence_99;
    }
    CHECK(at > 0 && 100 * (below + at) >= 99 * count && 100 * below < 99 * count);
  }
}

int main(void) {
  binq_prediction rows[ROWS];
  check_rows(rows);
  check_special_rows();
  check_sums(rows);
  return check_result();
}

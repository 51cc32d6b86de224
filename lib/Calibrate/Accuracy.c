#include "binq/Calibrate/Accuracy.h"

#include <math.h>
#include <stdlib.h>

/// A row of logits: the first of its largest, and what it takes to make probabilities of it.
typedef struct {
  int64_t likeliest;
  double largest;
  double sum; ///< of exp(logit - largest)
} row_scale;

static void find_largest(const float *logits, int64_t count, row_scale *out) {
  int64_t best = 0;
  for (int64_t i = 1; i < count; i++)
    best = logits[i] > logits[best] ? i : best;
  *out = (row_scale){best, (double)logits[best], 0};
}

binq_prediction binq_compare_logits(const float *reference, const float *other, int64_t vocabulary,
                                    int32_t next) {
  row_scale p, q;
  double distance = 0; // sum of exp(reference) times the difference of the logits
  find_largest(reference, vocabulary, &p);
  find_largest(other, vocabulary, &q);
  for (int64_t i = 0; i < vocabulary; i++) {
    double a = (double)reference[i] - p.largest, b = (double)other[i] - q.largest;
    double weight = exp(a);
    p.sum += weight;
    q.sum += exp(b);
    distance += weight * (a - b);
  }
  double log_sum = log(q.sum);
  double divergence = distance / p.sum - log(p.sum) + log_sum;
  return (binq_prediction){
      .loss = log_sum - ((double)other[next] - q.largest),
      // It is never negative but by rounding.
      .divergence = divergence < 0 ? 0 : divergence,
      .agrees = p.likeliest == q.likeliest && isfinite(p.largest) && isfinite(q.largest),
  };
}

/// Ascending; what is no number goes last.
static int compare_divergence(const void *left, const void *right) {
  double a = ((const binq_prediction *)left)->divergence;
  double b = ((const binq_prediction *)right)->divergence;
  if (isnan(a) || isnan(b))
    return (isnan(a) != 0) - (isnan(b) != 0);
  return (a > b) - (a < b);
}

void binq_accuracy_of(binq_prediction *predictions, size_t count, binq_accuracy *out) {
  double loss = 0, divergence = 0, agreeing = 0;
  *out = (binq_accuracy){0};
  if (count == 0)
    return;
  for (size_t i = 0; i < count; i++) {
    loss += predictions[i].loss;
    divergence += predictions[i].divergence;
    agreeing += predictions[i].agrees ? 1 : 0;
  }
  qsort(predictions, count, sizeof *predictions, compare_divergence);
  size_t rank = count - count / 100; // the smallest with at least 99 % at or below it
  *out = (binq_accuracy){
      .predictions = (int64_t)count,
      .perplexity = exp(loss / (double)count),
      .divergence = divergence / (double)count,
      .divergence_99 = predictions[rank - 1].divergence,
      .agreement = agreeing / (double)count,
  };
}

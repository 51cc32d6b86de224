/// How far one model's predictions are from another's, and from the text.
#ifndef BINQ_CALIBRATE_ACCURACY_H
#define BINQ_CALIBRATE_ACCURACY_H

#include "binq/Support/Status.h"
#include <stddef.h>
#include <stdint.h>

/// One prediction: natural logarithms throughout.
typedef struct {
  double loss;       ///< -ln p(the token that came)
  double divergence; ///< KL(reference || other)
  int agrees;        ///< both find the same token likeliest; ties go to the lower index
} binq_prediction;

/// Compares one row of logits with the reference's. Sums are in double, in order of the index.
binq_prediction binq_compare_logits(const float *reference, const float *other, int64_t vocabulary,
                                    int32_t next);

/// Over many predictions.
typedef struct {
  int64_t predictions;
  double perplexity;
  double divergence;    ///< mean KL divergence, in nats
  double divergence_99; ///< its 99th percentile (nearest rank)
  double agreement;     ///< share of predictions with the same likeliest token
} binq_accuracy;

/// `predictions` is reordered.
void binq_accuracy_of(binq_prediction *predictions, size_t count, binq_accuracy *out);

#endif

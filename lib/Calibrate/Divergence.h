/// How far predictions are from others: the same on every machine, as logarithms and exponentials
/// of a C library are not.
#ifndef BINQ_LIB_CALIBRATE_DIVERGENCE_H
#define BINQ_LIB_CALIBRATE_DIVERGENCE_H

#include <stdint.h>

/// The logarithm of the sum of e to the logits.
double binq_log_of_sum(const float *logits, int64_t count);

/// The KL divergence, in nats, of what `logits` foretell from what `reference` does, and its
/// gradient by `logits`, times `scale`.
double binq_divergence_gradient(const float *reference, const float *logits, int64_t count,
                                float scale, float *gradient);

#endif

/// The triangular factor of an inverse.
#ifndef BINQ_LIB_QUANTIZE_FACTOR_H
#define BINQ_LIB_QUANTIZE_FACTOR_H

#include "binq/Support/Status.h"
#include "runtime/Pool.h"

/// U, upper, with h^-1 = U^T U, for a symmetric positive definite h [size][size]; size is a
/// multiple of 32. What lies below the diagonal of `factor` becomes zero.
binq_status binq_inverse_factor(binq_pool *pool, const float *h, int64_t size, float *factor);

#endif

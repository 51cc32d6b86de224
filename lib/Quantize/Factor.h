/// The triangular factor of an inverse.
#ifndef BINQ_LIB_QUANTIZE_FACTOR_H
#define BINQ_LIB_QUANTIZE_FACTOR_H

#include "binq/Support/Status.h"
#include "runtime/Pool.h"

/// U, upper, with h^-1 = U^T U, for a symmetric positive definite h [size][size]; size is a
/// multiple of 32. What lies below the diagonal of `factor` becomes zero. `reduced` [size - last]
/// [size - last] becomes the quadratic form that is left to the other unknowns when the `last` ones
/// (a multiple of 32) follow them to the least value.
binq_status binq_inverse_factor(binq_pool *pool, const float *h, int64_t size, int64_t last,
                                float *factor, float *reduced);

#endif

/// What the parts of the verifier share. Every error is emitted at `op`.
#ifndef BINQ_LIB_DIALECT_VERIFY_H
#define BINQ_LIB_DIALECT_VERIFY_H

#include "binq/Dialect/Dialect.h"
#include "binq/Support/Memory.h"

/// `value` is a tensor of f32 rows of a known width.
binq_status binq_verify_matrix(MlirOperation op, MlirValue value, const char *what,
                               int64_t shape[2]);

/// `value` is a vector of `element`.
binq_status binq_verify_vector(MlirOperation op, MlirValue value, const char *what,
                               MlirType element, int64_t *size);

/// Table and order are what the format of a quantized embedding says, its rows `columns` wide.
binq_status binq_verify_table(MlirOperation op, int64_t columns);

binq_status binq_verify_quantize_activations(MlirOperation op);
binq_status binq_verify_linear(MlirOperation op);

#endif

/// What the parts of binq-normalize-linears share.
#ifndef BINQ_LIB_TRANSFORMS_NORMALIZE_H
#define BINQ_LIB_TRANSFORMS_NORMALIZE_H

#include "binq/Dialect/Dialect.h"

/// Where a weight comes from: a constant, a function argument or a binq.param, [rows, columns] (or
/// [1, rows, columns]).
typedef struct {
  MlirValue root;
  bool transposed; ///< the value that is used is the transpose of the root
  bool direct;     ///< the value that is used is the root
} weight_source;

/// Goes back over what only moves values about: transposes, copies, broadcasts over a first
/// dimension, shapes with or without a first dimension of 1.
bool normalize_trace(MlirValue value, weight_source *out);

/// Whether the root can be read as it is, not transposed at run time, where its transpose (or not)
/// is wanted.
bool normalize_is_free(const weight_source *source, bool want_transpose);

/// The root, or its transpose: a constant is transposed here, anything else by a linalg.transpose.
/// A null value where memory is out.
MlirValue normalize_weight(const binq_builder *b, const weight_source *source, bool want_transpose);

/// Whether the results of affine map `index` are these dimensions: "02" for (d0, d1, d2) -> (d0,
/// d2).
bool normalize_map_is(MlirAttribute maps, intptr_t index, const char *dimensions);

/// tensor.collapse_shape [A, B, ...] -> [A*B, ...] to `type`.
MlirValue normalize_collapse(const binq_builder *b, MlirValue value, MlirType type);
/// tensor.expand_shape [A*B, ...] -> [A, B, ...] to `type`; dynamic sizes are those of `like`.
MlirValue normalize_expand(const binq_builder *b, MlirValue value, MlirType type, MlirValue like);

#endif

/// Where the weight of a linear comes from.
#include "Normalize.h"

#include "mlir-c/Dialect/Linalg.h"
#include <stdlib.h>

/// How one operation moves values about.
typedef enum { MOVES_NOT, MOVES_NOTHING, MOVES_TRANSPOSES } movement;

/// A permutation that swaps the last two of two or three dimensions, or none.
static movement permutation(MlirAttribute attribute) {
  int64_t values[3];
  if (mlirAttributeIsNull(attribute))
    return MOVES_NOT;
  bool narrow = mlirAttributeIsADenseI32Array(attribute);
  if (!narrow && !mlirAttributeIsADenseI64Array(attribute))
    return MOVES_NOT;
  intptr_t rank = mlirDenseArrayGetNumElements(attribute);
  if (rank < 2 || rank > 3)
    return MOVES_NOT;
  for (intptr_t i = 0; i < rank; ++i)
    values[i] = narrow ? mlirDenseI32ArrayGetElement(attribute, i)
                       : mlirDenseI64ArrayGetElement(attribute, i);
  if (rank == 3 && values[0] != 0)
    return MOVES_NOT;
  return values[rank - 1] == rank - 1 ? MOVES_NOTHING : MOVES_TRANSPOSES;
}

/// A linalg.generic that copies its one input.
static movement copying_generic(MlirOperation op) {
  if (mlirOperationGetNumOperands(op) != 2 || mlirOperationGetNumResults(op) != 1)
    return MOVES_NOT;
  MlirBlock body = mlirRegionGetFirstBlock(mlirOperationGetRegion(op, 0));
  MlirOperation yield = mlirBlockGetFirstOperation(body);
  if (!binq_op_is(yield, "linalg.yield") ||
      !mlirValueEqual(mlirOperationGetOperand(yield, 0), mlirBlockGetArgument(body, 0)))
    return MOVES_NOT;
  MlirAttribute maps = mlirLinalgGetIndexingMapsAttribute(op);
  bool matrix = normalize_map_is(maps, 1, "01");
  if (!matrix && !normalize_map_is(maps, 1, "012"))
    return MOVES_NOT;
  if (matrix ? normalize_map_is(maps, 0, "01")
             : normalize_map_is(maps, 0, "12") || normalize_map_is(maps, 0, "012"))
    return MOVES_NOTHING;
  bool transposes = matrix ? normalize_map_is(maps, 0, "10")
                           : normalize_map_is(maps, 0, "21") || normalize_map_is(maps, 0, "021");
  return transposes ? MOVES_TRANSPOSES : MOVES_NOT;
}

/// The last two sizes of a tensor whose dimensions before those are 1; false for others.
static bool matrix_shape(MlirType type, int64_t shape[2]) {
  int64_t three[3];
  if (binq_tensor_shape(type, 2, shape))
    return true;
  if (!binq_tensor_shape(type, 3, three) || three[0] != 1)
    return false;
  shape[0] = three[1];
  shape[1] = three[2];
  return true;
}

/// A reshape that only adds or drops a first dimension of 1.
static movement reshape(MlirOperation op) {
  int64_t from[2], to[2];
  bool same = matrix_shape(mlirValueGetType(mlirOperationGetOperand(op, 0)), from) &&
              matrix_shape(mlirValueGetType(mlirOperationGetResult(op, 0)), to) &&
              from[0] == to[0] && from[1] == to[1] && from[0] != BINQ_DYNAMIC &&
              from[1] != BINQ_DYNAMIC;
  return same ? MOVES_NOTHING : MOVES_NOT;
}

static movement broadcast(MlirOperation op) {
  MlirAttribute dimensions = binq_attribute(op, "dimensions");
  bool over_first = mlirAttributeIsADenseI64Array(dimensions) &&
                    mlirDenseArrayGetNumElements(dimensions) == 1 &&
                    mlirDenseI64ArrayGetElement(dimensions, 0) == 0;
  return over_first ? MOVES_NOTHING : MOVES_NOT;
}

static movement movement_of(MlirOperation op) {
  if (binq_op_is(op, "linalg.transpose"))
    return permutation(binq_attribute(op, "permutation"));
  if (binq_op_is(op, "tosa.transpose"))
    return permutation(binq_attribute(op, "perms"));
  if (binq_op_is(op, "linalg.broadcast"))
    return broadcast(op);
  if (binq_op_is(op, "linalg.generic"))
    return copying_generic(op);
  if (binq_op_is(op, "tensor.collapse_shape") || binq_op_is(op, "tensor.expand_shape") ||
      binq_op_is(op, "tosa.reshape"))
    return reshape(op);
  return MOVES_NOT;
}

static bool is_dense_constant(MlirOperation op) {
  MlirAttribute value = binq_attribute(op, "value");
  return binq_op_is(op, "arith.constant") && mlirAttributeIsADenseElements(value);
}

static bool is_root(MlirValue value) {
  int64_t shape[2];
  MlirType type = mlirValueGetType(value);
  if (!matrix_shape(type, shape) || !mlirShapedTypeHasStaticShape(type) ||
      !binq_type_is_f32(binq_element_type(type)))
    return false;
  MlirOperation op = binq_defining_op(value);
  if (mlirOperationIsNull(op))
    return binq_op_is(mlirBlockGetParentOperation(mlirBlockArgumentGetOwner(value)), "func.func");
  return is_dense_constant(op) || binq_op_is(op, BINQ_PARAM);
}

bool normalize_trace(MlirValue value, weight_source *out) {
  *out = (weight_source){.root = value, .direct = true};
  while (!is_root(out->root)) {
    MlirOperation op = binq_defining_op(out->root);
    movement moves = mlirOperationIsNull(op) ? MOVES_NOT : movement_of(op);
    if (moves == MOVES_NOT)
      return false;
    out->root = mlirOperationGetOperand(op, 0);
    out->transposed ^= moves == MOVES_TRANSPOSES;
    out->direct = false;
  }
  return true;
}

bool normalize_is_free(const weight_source *source, bool want_transpose) {
  MlirOperation op = binq_defining_op(source->root);
  return source->transposed == want_transpose || binq_op_is(op, "arith.constant");
}

// --- the weight as it is wanted

static MlirValue build_constant(const binq_builder *b, MlirAttribute value) {
  MlirType type = mlirAttributeGetType(value);
  MlirNamedAttribute attribute = binq_named(b->context, "value", value);
  return binq_build_value(b, &(binq_op_parts){.name = "arith.constant",
                                              .result_count = 1,
                                              .results = &type,
                                              .attribute_count = 1,
                                              .attributes = &attribute});
}

static MlirAttribute transpose_constant(MlirAttribute value, const int64_t shape[2]) {
  MlirContext context = mlirAttributeGetContext(value);
  MlirType type = binq_matrix_type(context, shape[1], shape[0]);
  if (mlirDenseElementsAttrIsSplat(value))
    return mlirDenseElementsAttrFloatSplatGet(type, mlirDenseElementsAttrGetFloatSplatValue(value));
  const float *in = mlirDenseElementsAttrGetRawData(value);
  size_t size = (size_t)(shape[0] * shape[1]) * sizeof(*in);
  float *out = malloc(size);
  if (!out)
    return mlirAttributeGetNull();
  for (int64_t i = 0; i < shape[0]; ++i)
    for (int64_t j = 0; j < shape[1]; ++j)
      out[j * shape[0] + i] = in[i * shape[1] + j];
  MlirAttribute result = mlirDenseElementsAttrRawBufferGet(type, size, out);
  free(out);
  return result;
}

static MlirValue build_transpose(const binq_builder *b, MlirValue matrix, const int64_t shape[2]) {
  MlirContext context = b->context;
  MlirType type = binq_matrix_type(context, shape[1], shape[0]);
  MlirValue empty = binq_build_value(
      b, &(binq_op_parts){.name = "tensor.empty", .result_count = 1, .results = &type});
  MlirNamedAttribute attribute =
      binq_named(context, "permutation", mlirDenseI64ArrayGet(context, 2, (int64_t[]){1, 0}));
  MlirRegion region = mlirRegionCreate();
  MlirOperation op = binq_build(b, &(binq_op_parts){.name = "linalg.transpose",
                                                    .operand_count = 2,
                                                    .operands = (MlirValue[]){matrix, empty},
                                                    .result_count = 1,
                                                    .results = &type,
                                                    .attribute_count = 1,
                                                    .attributes = &attribute,
                                                    .region_count = 1,
                                                    .regions = &region});
  mlirLinalgFillBuiltinNamedOpRegion(op);
  return mlirOperationGetResult(op, 0);
}

MlirValue normalize_weight(const binq_builder *b, const weight_source *source,
                           bool want_transpose) {
  int64_t shape[2];
  MlirType type = mlirValueGetType(source->root);
  matrix_shape(type, shape);
  bool transpose = source->transposed != want_transpose;
  bool is_matrix = mlirShapedTypeGetRank(type) == 2;
  MlirType matrix = binq_matrix_type(b->context, shape[0], shape[1]);
  MlirOperation op = binq_defining_op(source->root);
  if (is_matrix && !transpose)
    return source->root;
  if (binq_op_is(op, "arith.constant")) {
    MlirAttribute value = binq_attribute(op, "value");
    value = transpose ? transpose_constant(value, shape)
                      : mlirDenseElementsAttrReshapeGet(value, matrix);
    return mlirAttributeIsNull(value) ? (MlirValue){NULL} : build_constant(b, value);
  }
  MlirValue weight = is_matrix ? source->root : normalize_collapse(b, source->root, matrix);
  return transpose ? build_transpose(b, weight, shape) : weight;
}

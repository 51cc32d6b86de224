/// Linears of a float graph: linalg.matmul with weights [N,K], onto zeros.
#include "binq/Dialect/Dialect.h"

#include "mlir-c/AffineExpr.h"
#include "mlir-c/AffineMap.h"
#include "mlir-c/Dialect/Linalg.h"

/// [(m,n,k)->(m,k), (m,n,k)->(n,k), (m,n,k)->(m,n)]
static MlirAttribute canonical_maps(MlirContext context) {
  static const int dimensions[3][2] = {{0, 2}, {1, 2}, {0, 1}};
  MlirAttribute maps[3];
  for (int i = 0; i < 3; ++i) {
    MlirAffineExpr results[] = {mlirAffineDimExprGet(context, dimensions[i][0]),
                                mlirAffineDimExprGet(context, dimensions[i][1])};
    maps[i] = mlirAffineMapAttrGet(mlirAffineMapGet(context, 3, 0, 2, results));
  }
  return mlirArrayAttrGet(context, 3, maps);
}

MlirValue binq_build_zero(const binq_builder *b) {
  MlirType f32 = binq_f32(b->context);
  MlirNamedAttribute value = binq_named(b->context, "value", binq_f32_attribute(b->context, 0));
  return binq_build_value(b, &(binq_op_parts){.name = "arith.constant",
                                              .result_count = 1,
                                              .results = &f32,
                                              .attribute_count = 1,
                                              .attributes = &value});
}

/// A linalg operation whose last operand is where the result goes.
static MlirValue build_linalg(const binq_builder *b, const char *name, intptr_t input_count,
                              const MlirValue *operands, MlirAttribute maps) {
  MlirType type = mlirValueGetType(operands[input_count]);
  int32_t segments[] = {(int32_t)input_count, 1};
  MlirNamedAttribute attributes[2] = {
      binq_named(b->context, "operandSegmentSizes", mlirDenseI32ArrayGet(b->context, 2, segments))};
  bool has_maps = !mlirAttributeIsNull(maps);
  if (has_maps)
    attributes[1] = binq_named(b->context, "indexing_maps", maps);
  MlirRegion region = mlirRegionCreate();
  MlirOperation op = binq_build(b, &(binq_op_parts){.name = name,
                                                    .operand_count = input_count + 1,
                                                    .operands = operands,
                                                    .result_count = 1,
                                                    .results = &type,
                                                    .attribute_count = has_maps ? 2 : 1,
                                                    .attributes = attributes,
                                                    .region_count = 1,
                                                    .regions = &region});
  mlirLinalgFillBuiltinNamedOpRegion(op);
  return mlirOperationGetResult(op, 0);
}

MlirValue binq_build_matmul_with(const binq_builder *b, MlirValue x, MlirValue weight,
                                 MlirValue row_count, MlirValue zero) {
  int64_t input[2], shape[2];
  binq_tensor_shape(mlirValueGetType(x), 2, input);
  binq_tensor_shape(mlirValueGetType(weight), 2, shape);
  MlirType type = binq_matrix_type(b->context, input[0], shape[0]);
  MlirValue empty = binq_build_value(b, &(binq_op_parts){.name = "tensor.empty",
                                                         .operand_count = input[0] == BINQ_DYNAMIC,
                                                         .operands = &row_count,
                                                         .result_count = 1,
                                                         .results = &type});
  MlirValue zeros =
      build_linalg(b, "linalg.fill", 1, (MlirValue[]){zero, empty}, mlirAttributeGetNull());
  return build_linalg(b, "linalg.matmul", 2, (MlirValue[]){x, weight, zeros},
                      canonical_maps(b->context));
}

MlirValue binq_build_matmul(const binq_builder *b, MlirValue x, MlirValue weight) {
  int64_t shape[2];
  binq_tensor_shape(mlirValueGetType(x), 2, shape);
  MlirValue row_count = shape[0] == BINQ_DYNAMIC ? binq_build_dim(b, x, 0) : (MlirValue){NULL};
  return binq_build_matmul_with(b, x, weight, row_count, binq_build_zero(b));
}

static bool is_positive_zero(MlirAttribute attribute) {
  double value;
  if (!mlirAttributeIsNull(attribute) && mlirAttributeIsADenseElements(attribute) &&
      mlirDenseElementsAttrIsSplat(attribute))
    attribute = mlirDenseElementsAttrGetSplatValue(attribute);
  return binq_attribute_number(attribute, &value) && value == 0 && !__builtin_signbit(value);
}

bool binq_is_zeros(MlirValue value) {
  MlirOperation op = binq_defining_op(value);
  if (binq_op_is(op, "linalg.fill"))
    op = binq_defining_op(mlirOperationGetOperand(op, 0));
  return binq_op_is(op, "arith.constant") && is_positive_zero(binq_attribute(op, "value"));
}

bool binq_match_matmul(MlirOperation op, MlirValue *x, MlirValue *weight) {
  if (!binq_op_is(op, "linalg.matmul") || mlirOperationGetNumOperands(op) != 3 ||
      mlirOperationGetNumResults(op) != 1)
    return false;
  for (intptr_t i = 0; i < 3; ++i) {
    MlirType type = mlirValueGetType(mlirOperationGetOperand(op, i));
    if (!binq_tensor_shape(type, 2, NULL) || !binq_type_is_f32(binq_element_type(type)))
      return false;
  }
  MlirAttribute maps = mlirLinalgGetIndexingMapsAttribute(op);
  if (!mlirAttributeEqual(maps, canonical_maps(mlirOperationGetContext(op))) ||
      !binq_is_zeros(mlirOperationGetOperand(op, 2)))
    return false;
  if (x)
    *x = mlirOperationGetOperand(op, 0);
  if (weight)
    *weight = mlirOperationGetOperand(op, 1);
  return true;
}

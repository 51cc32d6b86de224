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

static MlirValue build_zeros(const binq_builder *b, MlirValue x, MlirType type) {
  MlirContext context = b->context;
  MlirType f32 = binq_f32(context);
  bool dynamic = mlirShapedTypeIsDynamicDim(type, 0);
  MlirValue rows = dynamic ? binq_build_dim(b, x, 0) : (MlirValue){NULL};
  MlirValue empty = binq_build_value(b, &(binq_op_parts){.name = "tensor.empty",
                                                         .operand_count = dynamic ? 1 : 0,
                                                         .operands = &rows,
                                                         .result_count = 1,
                                                         .results = &type});
  MlirNamedAttribute value = binq_named(context, "value", binq_f32_attribute(context, 0));
  MlirValue zero = binq_build_value(b, &(binq_op_parts){.name = "arith.constant",
                                                        .result_count = 1,
                                                        .results = &f32,
                                                        .attribute_count = 1,
                                                        .attributes = &value});
  MlirNamedAttribute segments = binq_named(context, "operandSegmentSizes",
                                           mlirDenseI32ArrayGet(context, 2, (int32_t[]){1, 1}));
  MlirRegion region = mlirRegionCreate();
  MlirOperation fill = binq_build(b, &(binq_op_parts){.name = "linalg.fill",
                                                      .operand_count = 2,
                                                      .operands = (MlirValue[]){zero, empty},
                                                      .result_count = 1,
                                                      .results = &type,
                                                      .attribute_count = 1,
                                                      .attributes = &segments,
                                                      .region_count = 1,
                                                      .regions = &region});
  mlirLinalgFillBuiltinNamedOpRegion(fill);
  return mlirOperationGetResult(fill, 0);
}

MlirValue binq_build_matmul(const binq_builder *b, MlirValue x, MlirValue weight) {
  MlirContext context = b->context;
  int64_t input[2], shape[2];
  binq_tensor_shape(mlirValueGetType(x), 2, input);
  binq_tensor_shape(mlirValueGetType(weight), 2, shape);
  MlirType type = binq_matrix_type(context, input[0], shape[0]);
  MlirValue zeros = build_zeros(b, x, type);
  MlirNamedAttribute attributes[] = {
      binq_named(context, "operandSegmentSizes",
                 mlirDenseI32ArrayGet(context, 2, (int32_t[]){2, 1})),
      binq_named(context, "indexing_maps", canonical_maps(context))};
  MlirRegion region = mlirRegionCreate();
  MlirOperation matmul = binq_build(b, &(binq_op_parts){.name = "linalg.matmul",
                                                        .operand_count = 3,
                                                        .operands = (MlirValue[]){x, weight, zeros},
                                                        .result_count = 1,
                                                        .results = &type,
                                                        .attribute_count = 2,
                                                        .attributes = attributes,
                                                        .region_count = 1,
                                                        .regions = &region});
  mlirLinalgFillBuiltinNamedOpRegion(matmul);
  return mlirOperationGetResult(matmul, 0);
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

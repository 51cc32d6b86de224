#include "Normalize.h"

#include "mlir-c/AffineExpr.h"
#include "mlir-c/AffineMap.h"
#include <string.h>

bool normalize_map_is(MlirAttribute maps, intptr_t index, const char *dimensions) {
  if (mlirAttributeIsNull(maps) || !mlirAttributeIsAArray(maps) ||
      index >= mlirArrayAttrGetNumElements(maps))
    return false;
  MlirAttribute attribute = mlirArrayAttrGetElement(maps, index);
  if (!mlirAttributeIsAAffineMap(attribute))
    return false;
  MlirAffineMap map = mlirAffineMapAttrGetValue(attribute);
  intptr_t count = mlirAffineMapGetNumResults(map);
  if (count != (intptr_t)strlen(dimensions))
    return false;
  for (intptr_t i = 0; i < count; ++i) {
    MlirAffineExpr result = mlirAffineMapGetResult(map, i);
    if (!mlirAffineExprIsADim(result) ||
        mlirAffineDimExprGetPosition(result) != dimensions[i] - '0')
      return false;
  }
  return true;
}

/// [[0, 1], [2], ...] for a tensor of `rank` dimensions.
static MlirAttribute first_two_joined(MlirContext context, int64_t rank) {
  MlirAttribute groups[4],
      first[2] = {binq_i64_attribute(context, 0), binq_i64_attribute(context, 1)};
  groups[0] = mlirArrayAttrGet(context, 2, first);
  for (int64_t i = 2; i < rank; ++i) {
    MlirAttribute own = binq_i64_attribute(context, i);
    groups[i - 1] = mlirArrayAttrGet(context, 1, &own);
  }
  return mlirArrayAttrGet(context, rank - 1, groups);
}

MlirValue normalize_collapse(const binq_builder *b, MlirValue value, MlirType type) {
  MlirNamedAttribute attribute =
      binq_named(b->context, "reassociation",
                 first_two_joined(b->context, mlirShapedTypeGetRank(mlirValueGetType(value))));
  return binq_build_value(b, &(binq_op_parts){.name = "tensor.collapse_shape",
                                              .operand_count = 1,
                                              .operands = &value,
                                              .result_count = 1,
                                              .results = &type,
                                              .attribute_count = 1,
                                              .attributes = &attribute});
}

MlirValue normalize_expand(const binq_builder *b, MlirValue value, MlirType type, MlirValue like) {
  MlirContext context = b->context;
  intptr_t rank = mlirShapedTypeGetRank(type), count = 0;
  MlirValue operands[4] = {value};
  int64_t sizes[3];
  for (intptr_t i = 0; i < rank; ++i) {
    sizes[i] = mlirShapedTypeGetDimSize(type, i);
    if (mlirShapedTypeIsDynamicDim(type, i))
      operands[++count] = binq_build_dim(b, like, i);
  }
  MlirNamedAttribute attributes[] = {
      binq_named(context, "reassociation", first_two_joined(context, rank)),
      binq_named(context, "static_output_shape", mlirDenseI64ArrayGet(context, rank, sizes))};
  return binq_build_value(b, &(binq_op_parts){.name = "tensor.expand_shape",
                                              .operand_count = count + 1,
                                              .operands = operands,
                                              .result_count = 1,
                                              .results = &type,
                                              .attribute_count = 2,
                                              .attributes = attributes});
}

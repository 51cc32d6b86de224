#include "Halves.h"

#include "binq/Dialect/IR.h"

/// What takes the place of an operation on an operand of that type.
typedef struct {
  const char *op, *operand, *function;
} replacement;

static const replacement replacements[] = {
    {"arith.extf", "vector<32xf16>", "widen_halves"},
    {"arith.extf", "f16", "widen_half"},
    {"arith.truncf", "f32", "narrow_to_half"},
};

static void replace(MlirOperation op, const char *function) {
  binq_builder builder = binq_builder_before(op);
  MlirValue operand = mlirOperationGetOperand(op, 0);
  MlirType result = mlirValueGetType(mlirOperationGetResult(op, 0));
  MlirNamedAttribute callee = binq_named(
      builder.context, "callee", mlirFlatSymbolRefAttrGet(builder.context, binq_str(function)));
  binq_replace_op(op, binq_build_value(&builder, &(binq_op_parts){.name = "func.call",
                                                                  .operand_count = 1,
                                                                  .operands = &operand,
                                                                  .result_count = 1,
                                                                  .results = &result,
                                                                  .attribute_count = 1,
                                                                  .attributes = &callee}));
}

static binq_status replace_all(MlirModule module, const replacement *r) {
  MlirContext context = mlirModuleGetContext(module);
  MlirType type = mlirTypeParseGet(context, binq_str(r->operand));
  binq_op_list found;
  BINQ_TRY(binq_collect(mlirModuleGetOperation(module), r->op, &found));
  for (size_t i = 0; i < found.count; i++)
    if (mlirTypeEqual(mlirValueGetType(mlirOperationGetOperand(found.items[i], 0)), type))
      replace(found.items[i], r->function);
  binq_op_list_free(&found);
  return BINQ_OK;
}

binq_status binq_replace_halves(MlirModule module) {
  for (size_t i = 0; i < sizeof replacements / sizeof *replacements; i++)
    if (!mlirOperationIsNull(binq_function(module, replacements[i].function)))
      BINQ_TRY(replace_all(module, &replacements[i]));
  return BINQ_OK;
}

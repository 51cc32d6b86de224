/// binq-normalize-linears: products with weights, however they are written, become the one form
/// that quantization knows (binq_match_matmul).
#include "Normalize.h"

#include "binq/Pass/Pass.h"
#include "mlir-c/Dialect/Linalg.h"

typedef enum { KIND_MATRIX, KIND_BATCH, KIND_VECTOR } linear_kind;

/// A product with a weight that is to be rewritten.
typedef struct {
  MlirOperation op;
  linear_kind kind;
  MlirValue x, init;
  weight_source weight;
  bool by_rows; ///< the operation reads the weight as [N, K]
} linear;

/// The parts of a linalg operation with two inputs, one output and the result of the latter's type.
static bool take_operands(MlirOperation op, intptr_t x, linear *out, MlirValue *weight) {
  if (mlirOperationGetNumOperands(op) != 3 || mlirOperationGetNumResults(op) != 1)
    return false;
  out->op = op;
  out->x = mlirOperationGetOperand(op, x);
  out->init = mlirOperationGetOperand(op, 2);
  *weight = mlirOperationGetOperand(op, 1 - x);
  return binq_type_is_f32(binq_element_type(mlirValueGetType(out->x))) &&
         binq_type_is_f32(binq_element_type(mlirValueGetType(out->init)));
}

static bool match_matrix(linear *out) {
  MlirAttribute maps = mlirLinalgGetIndexingMapsAttribute(out->op);
  out->kind = KIND_MATRIX;
  out->by_rows = normalize_map_is(maps, 1, "12");
  return normalize_map_is(maps, 0, "02") && normalize_map_is(maps, 2, "01") &&
         (out->by_rows || normalize_map_is(maps, 1, "21"));
}

static bool match_batch(linear *out) {
  MlirAttribute maps = mlirLinalgGetIndexingMapsAttribute(out->op);
  out->kind = KIND_BATCH;
  out->by_rows = normalize_map_is(maps, 1, "023") || normalize_map_is(maps, 1, "23");
  return normalize_map_is(maps, 0, "013") && normalize_map_is(maps, 2, "012") &&
         (out->by_rows || normalize_map_is(maps, 1, "032") || normalize_map_is(maps, 1, "32"));
}

/// Sizes that the rewriting carries over must be known alike in the input and the result, and
/// weights must fit.
static bool shapes_agree(const linear *l) {
  static const int ranks[] = {2, 3, 1};
  int64_t x[3], y[3], root[3];
  int rank = ranks[l->kind];
  MlirType type = mlirValueGetType(l->weight.root);
  int root_rank = (int)mlirShapedTypeGetRank(type);
  if (!binq_tensor_shape(mlirValueGetType(l->x), rank, x) ||
      !binq_tensor_shape(mlirValueGetType(l->init), rank, y) ||
      !binq_tensor_shape(type, root_rank, root))
    return false;
  for (int i = 0; i + 1 < rank; ++i)
    if (x[i] != y[i])
      return false;
  bool rows_first = l->weight.transposed != l->by_rows;
  return y[rank - 1] == root[root_rank - (rows_first ? 2 : 1)] &&
         x[rank - 1] == root[root_rank - (rows_first ? 1 : 2)];
}

static bool match(MlirOperation op, linear *out) {
  MlirValue weight;
  bool vector = binq_op_is(op, "linalg.vecmat"), by_rows = binq_op_is(op, "linalg.matvec");
  if (!take_operands(op, by_rows ? 1 : 0, out, &weight))
    return false;
  if (vector || by_rows) {
    out->kind = KIND_VECTOR;
    out->by_rows = by_rows;
  } else if (!(binq_op_is(op, "linalg.matmul") ? match_matrix(out) : match_batch(out))) {
    return false;
  }
  return normalize_trace(weight, &out->weight) && shapes_agree(out);
}

/// Nothing is won where the form is right and the weight would be transposed at run time all the
/// same.
static bool is_worth_it(const linear *l) {
  if (!binq_match_matmul(l->op, NULL, NULL))
    return true;
  return !l->weight.direct && normalize_is_free(&l->weight, !l->by_rows);
}

/// The input as a matrix.
static MlirValue input_matrix(const binq_builder *b, const linear *l) {
  int64_t shape[3];
  MlirType type = mlirValueGetType(l->x);
  if (l->kind == KIND_BATCH) {
    binq_tensor_shape(type, 3, shape);
    bool dynamic = shape[0] == BINQ_DYNAMIC || shape[1] == BINQ_DYNAMIC;
    int64_t rows = dynamic ? BINQ_DYNAMIC : shape[0] * shape[1];
    return normalize_collapse(b, l->x, binq_matrix_type(b->context, rows, shape[2]));
  }
  if (l->kind == KIND_VECTOR && binq_tensor_shape(type, 1, shape))
    return normalize_expand(b, l->x, binq_matrix_type(b->context, 1, shape[0]), l->x);
  return l->x;
}

static MlirValue add(const binq_builder *b, MlirValue left, MlirValue right) {
  return binq_build_value(b, &(binq_op_parts){.name = "arith.addf",
                                              .operand_count = 2,
                                              .operands = (MlirValue[]){left, right},
                                              .infer_results = true});
}

static binq_status rewrite(const linear *l) {
  binq_builder b = binq_builder_before(l->op);
  MlirValue weight = normalize_weight(&b, &l->weight, !l->by_rows);
  if (mlirValueIsNull(weight))
    return binq_op_error(l->op, "has a weight that there is no memory to transpose");
  MlirType type = mlirValueGetType(l->init);
  MlirValue y = binq_build_matmul(&b, input_matrix(&b, l), weight);
  if (l->kind == KIND_BATCH)
    y = normalize_expand(&b, y, type, l->x);
  else if (l->kind == KIND_VECTOR)
    y = normalize_collapse(&b, y, type);
  if (!binq_is_zeros(l->init))
    y = add(&b, y, l->init);
  mlirValueReplaceAllUsesOfWith(mlirOperationGetResult(l->op, 0), y);
  binq_erase_unused(l->op);
  return BINQ_OK;
}

static binq_status run(MlirModule module, const binq_pass_arguments *arguments,
                       const binq_pass_environment *environment) {
  (void)arguments;
  (void)environment;
  static const char *const names[] = {"linalg.matmul", "linalg.batch_matmul", "linalg.vecmat",
                                      "linalg.matvec"};
  binq_status status = BINQ_OK;
  for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !status; ++i) {
    binq_op_list list;
    BINQ_TRY(binq_collect(mlirModuleGetOperation(module), names[i], &list));
    for (size_t j = 0; j < list.count && !status; ++j) {
      linear found;
      if (match(list.items[j], &found) && is_worth_it(&found))
        status = rewrite(&found);
    }
    binq_op_list_free(&list);
  }
  return status;
}

const binq_pass binq_normalize_linears_pass = {
    .flag = "binq-normalize-linears",
    .summary = "Write every product with a weight as one form of linalg.matmul",
    .description =
        "Quantization rewrites `linalg.matmul` of f32 with weights `[N, K]` onto zeros. This pass "
        "turns other ways to write a linear into that one: `linalg.matmul` with weights `[K, N]`, "
        "`linalg.batch_matmul` with weights that are the same for the whole batch, "
        "`linalg.vecmat` and `linalg.matvec`. The weight may be a dense constant, a function "
        "argument or a `binq.param`, and may come through transposes, broadcasts over the batch, "
        "copying `linalg.generic` and reshapes that add or drop a first dimension of 1. Constants "
        "are transposed at compile time. A product that accumulates onto something else than "
        "zeros becomes a product and an `arith.addf`. What does not fit is left alone.",
    .run = run,
};

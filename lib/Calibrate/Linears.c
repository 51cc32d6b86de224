#include "binq/Calibrate/Linears.h"

#include "binq/Dialect/Dialect.h"
#include <string.h>

/// The number of the input that `matmul` reads: that of an earlier linear of its block, or a new
/// one.
static int64_t number_input(binq_linear_sites *sites, MlirOperation matmul, MlirValue x) {
  MlirBlock block = mlirOperationGetBlock(matmul);
  for (int64_t i = 0; i < sites->linear_count; i++) {
    const binq_linear_site *site = &sites->linears[i];
    if (mlirValueEqual(site->x, x) && mlirBlockEqual(mlirOperationGetBlock(site->matmul), block))
      return site->input;
  }
  return sites->input_count++;
}

/// Follows `value` from addition to addition, as far as the function's end.
static bool adds_to_result(MlirValue value) {
  for (;;) {
    MlirOperation sum = {NULL};
    for (MlirOpOperand use = mlirValueGetFirstUse(value); !mlirOpOperandIsNull(use);
         use = mlirOpOperandGetNextUse(use)) {
      MlirOperation user = mlirOpOperandGetOwner(use);
      if (binq_op_is(user, "func.return"))
        return true;
      if (binq_op_is(user, "arith.addf"))
        sum = user;
    }
    if (mlirOperationIsNull(sum))
      return false;
    value = mlirOperationGetResult(sum, 0);
  }
}

static binq_status add_site(binq_linear_sites *sites, binq_arena *arena, MlirOperation matmul) {
  MlirValue x, weight;
  if (!binq_match_matmul(matmul, &x, &weight))
    return BINQ_OK;
  MlirOperation parameter = binq_param_of(weight);
  int64_t shape[2];
  if (mlirOperationIsNull(parameter) || !binq_tensor_shape(mlirValueGetType(weight), 2, shape) ||
      shape[0] == BINQ_DYNAMIC || shape[1] == BINQ_DYNAMIC)
    return BINQ_OK;
  MlirStringRef text = binq_param_name(parameter);
  char *name;
  BINQ_TRY(binq_arena_copy_string(arena, text.data, text.length, &name));
  int64_t input = number_input(sites, matmul, x);
  sites->linears[sites->linear_count++] =
      (binq_linear_site){.matmul = matmul,
                         .x = x,
                         .name = name,
                         .rows = shape[0],
                         .columns = shape[1],
                         .input = input,
                         .adds = adds_to_result(mlirOperationGetResult(matmul, 0))};
  return BINQ_OK;
}

binq_status binq_linear_sites_find(MlirOperation root, binq_arena *arena, binq_linear_sites *out) {
  memset(out, 0, sizeof *out);
  binq_op_list matmuls;
  BINQ_TRY(binq_collect(root, "linalg.matmul", &matmuls));
  binq_status status =
      binq_arena_allocate(arena, matmuls.count, sizeof *out->linears, (void *)&out->linears);
  for (size_t i = 0; i < matmuls.count && !status; i++)
    status = add_site(out, arena, matmuls.items[i]);
  binq_op_list_free(&matmuls);
  return status;
}

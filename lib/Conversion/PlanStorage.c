// Where the parameters of a function are.
#include "Plan.h"

/// Whether a parameter is only read by the host: weights of float linears and float embeddings.
static bool host_reads(MlirOperation param) {
  MlirOpOperand use = mlirValueGetFirstUse(mlirOperationGetResult(param, 0));
  for (; !mlirOpOperandIsNull(use); use = mlirOpOperandGetNextUse(use)) {
    MlirOperation user = mlirOpOperandGetOwner(use);
    bool by_embedding = binq_op_is(user, BINQ_EMBEDDING) && !binq_embedding_is_quantized(user);
    if (!by_embedding && !binq_op_is(user, BINQ_LINEAR_GRADIENT) &&
        !binq_match_matmul(user, NULL, NULL))
      return false;
  }
  return true;
}

/// Bytes of an element of stored parameters; 0 if there are none of the type.
static int64_t element_bytes(MlirType type) {
  if (binq_type_is_f32(type) || binq_type_is_integer(type, 32))
    return 4;
  if (binq_type_is_integer(type, 16))
    return 2;
  return binq_type_is_integer(type, 8) ? 1 : 0;
}

static binq_status measure(MlirOperation param, binq_stored *out, int64_t *bytes) {
  MlirType type = mlirValueGetType(mlirOperationGetResult(param, 0));
  int64_t shape;
  out->element = binq_element_type(type);
  int64_t size = mlirTypeIsNull(out->element) ? 0 : element_bytes(out->element);
  if (!size || !binq_tensor_shape(type, 1, &shape) || shape < 1 || shape > INT64_MAX / 8)
    return binq_op_error(param, "has no lowering for this type: a parameter that kernels read is "
                                "a vector of i8, i16, i32 or f32");
  out->op = param;
  out->name = binq_param_name(param);
  int64_t alignment = binq_type_is_f32(out->element) ? 128 : 64;
  *bytes = binq_round_up(shape * size, alignment);
  out->elements = *bytes / size;
  return BINQ_OK;
}

/// Finds the parameter in the file and checks that it is as long as kernels take it to be.
static binq_status find(const binq_parameters *parameters, const binq_stored *stored, int64_t bytes,
                        int64_t *offset) {
  // MLIR ends the strings of attributes with a NUL.
  const binq_parameter *parameter = binq_parameters_find(parameters, stored->name.data);
  if (!parameter)
    return binq_op_error(stored->op, "the parameter file has no '%.*s'",
                         BINQ_STR_ARGS(stored->name));
  if (parameter->size != (size_t)bytes)
    return binq_op_error(stored->op, "'%.*s' has %zu bytes in the parameter file, not %lld",
                         BINQ_STR_ARGS(stored->name), parameter->size, (long long)bytes);
  *offset = (int64_t)parameter->offset;
  return BINQ_OK;
}

binq_status binq_plan_storage(binq_plan *plan, const binq_parameters *parameters) {
  int64_t next = 0;
  bool contiguous = true;
  MlirOperation op = mlirBlockGetFirstOperation(binq_function_body(plan->function));
  for (; !mlirOperationIsNull(op); op = mlirOperationGetNextInBlock(op)) {
    if (!binq_op_is(op, BINQ_PARAM) || host_reads(op))
      continue;
    binq_stored *stored = &plan->stored[plan->stored_count++];
    int64_t bytes = 0;
    BINQ_TRY(measure(op, stored, &bytes));
    stored->offset = next;
    if (parameters)
      BINQ_TRY(find(parameters, stored, bytes, &stored->offset));
    if (stored == plan->stored)
      plan->base = next = stored->offset;
    contiguous = contiguous && stored->offset == next;
    next += bytes;
  }
  // Functions whose parameters follow one another can share code: they differ in their base. Where
  // they do not (an output head that is the embedding, say), offsets are those in the file.
  if (!contiguous)
    plan->base = 0;
  for (int i = 0; i < plan->stored_count; i++)
    plan->stored[i].offset -= plan->base;
  return BINQ_OK;
}

#include "Plan.h"

bool binq_is_lowered(MlirOperation function) {
  MlirBlock body = binq_function_body(function);
  if (mlirBlockIsNull(body))
    return false;
  MlirType type = mlirTypeAttrGetValue(binq_attribute(function, "function_type"));
  MlirType cache = binq_cache_type(mlirOperationGetContext(function));
  for (intptr_t i = 0; i < mlirFunctionTypeGetNumInputs(type); i++) {
    MlirType input = mlirFunctionTypeGetInput(type, i);
    if (mlirTypeIsATensor(input) || mlirTypeEqual(input, cache))
      return true;
  }
  for (intptr_t i = 0; i < mlirFunctionTypeGetNumResults(type); i++)
    if (mlirTypeIsATensor(mlirFunctionTypeGetResult(type, i)))
      return true;
  return false;
}

int binq_plan_buffer(const binq_plan *plan, MlirValue value) {
  for (int i = 0; i < plan->buffer_count; i++)
    if (mlirValueEqual(plan->buffers[i].value, value))
      return i;
  return -1;
}

int binq_plan_stored(const binq_plan *plan, MlirValue value) {
  MlirOperation param = binq_param_of(value);
  for (int i = 0; i < plan->stored_count; i++)
    if (mlirOperationEqual(plan->stored[i].op, param))
      return i;
  return -1;
}

binq_status binq_weight_name(MlirOperation op, MlirValue weight, MlirStringRef *out) {
  MlirOperation param = binq_param_of(weight);
  if (mlirOperationIsNull(param))
    return binq_op_error(op, "reads weights that are no binq.param");
  *out = binq_param_name(param);
  return BINQ_OK;
}

// --- values

/// What a token takes of a value of this type: tokens, positions or rows of floats.
static bool measure_tensor(MlirType type, binq_buffer *out) {
  int64_t shape[2];
  out->element = binq_element_type(type);
  if (binq_tensor_shape(type, 1, shape) && shape[0] == BINQ_DYNAMIC &&
      binq_type_is_integer(out->element, 32))
    out->stride = 1;
  else if (binq_tensor_shape(type, 2, shape) && shape[0] == BINQ_DYNAMIC && shape[1] > 0 &&
           shape[1] <= INT32_MAX && binq_type_is_f32(out->element))
    out->stride = binq_row_stride(shape[1]);
  else
    return false;
  out->token_bytes = 4 * out->stride;
  return true;
}

/// The gradient of a vector of known size.
static bool measure_vector(MlirType type, binq_buffer *out) {
  int64_t size;
  out->element = binq_element_type(type);
  if (!binq_tensor_shape(type, 1, &size) || size < 1 || size > INT32_MAX ||
      !binq_type_is_f32(out->element))
    return false;
  out->stride = binq_row_stride(size);
  return true;
}

binq_status binq_activation_layouts(const binq_plan *plan, const binq_activation_format *format,
                                    binq_layout *layout, binq_activation_layout *out,
                                    binq_way *choice) {
  binq_linear_format linear = {.form = format->planes ? BINQ_FORM_GROUPED_BINARY : BINQ_FORM_INT8,
                               .rows = BINQ_BLOCK_ROWS,
                               .columns = format->columns,
                               .planes = format->planes ? 2 : 0,
                               .int8_columns = format->int8_columns};
  BINQ_TRY(binq_layout_of(&linear, layout));
  *choice = binq_way_of(plan->isa, plan->lowering, format->planes);
  binq_activation_layout_of(layout, (int)format->planes, binq_way_parts(choice), out);
  return BINQ_OK;
}

static binq_status measure_activations(const binq_plan *plan, MlirOperation op, binq_buffer *out) {
  binq_activation_format format;
  binq_layout layout;
  binq_activation_layout activations;
  binq_way choice;
  BINQ_TRY(binq_activation_format_of(op, &format));
  BINQ_TRY(binq_activation_layouts(plan, &format, &layout, &activations, &choice));
  out->element = binq_integer(mlirOperationGetContext(op), 8);
  out->stride = out->token_bytes = activations.token_bytes;
  return BINQ_OK;
}

static void add_buffer(binq_plan *plan, MlirValue value, binq_buffer buffer) {
  buffer.value = value;
  plan->buffers[plan->buffer_count++] = buffer;
}

static binq_status add_inputs(binq_plan *plan) {
  MlirBlock body = binq_function_body(plan->function);
  MlirType cache = binq_cache_type(mlirOperationGetContext(plan->function));
  for (intptr_t i = 0; i < mlirBlockGetNumArguments(body); i++) {
    MlirValue value = mlirBlockGetArgument(body, i);
    MlirType type = mlirValueGetType(value);
    if (mlirTypeEqual(type, cache))
      continue;
    binq_buffer buffer = {.argument = plan->argument_count++, .first_phase = -1};
    if (!measure_tensor(type, &buffer))
      return binq_op_error(plan->function,
                           "argument %d has a type without lowering: it takes tensor<?xi32>, "
                           "tensor<?xNxf32> and !binq.cache",
                           (int)i);
    add_buffer(plan, value, buffer);
  }
  return BINQ_OK;
}

/// Results are written where the caller wants them.
static binq_status add_results(binq_plan *plan, MlirOperation op) {
  for (intptr_t i = 0; i < mlirOperationGetNumOperands(op); i++) {
    int found = binq_plan_buffer(plan, mlirOperationGetOperand(op, i));
    if (found < 0 || plan->buffers[found].argument >= 0)
      return binq_op_error(op, "operand %d is not computed in the function, or returned twice",
                           (int)i);
    plan->buffers[found].argument = plan->argument_count++;
  }
  for (int i = 0; i < plan->buffer_count; i++)
    if (plan->buffers[i].token_bytes == 0 && plan->buffers[i].argument < 0)
      return binq_op_error(op, "does not return the gradient of a vector that is computed");
  return BINQ_OK;
}

// --- steps

/// How an operation is lowered. The operands in `rows`, a bit each, are computed by steps or are
/// the function's arguments. An operation of two steps has the kind of the second.
typedef struct {
  const char *name;
  binq_step_kind kind;
  unsigned rows;
} known_op;

static const known_op known_ops[] = {
    {BINQ_RMS_NORM, BINQ_STEP_RMS_NORM, 1},
    {BINQ_ROPE, BINQ_STEP_ROPE, 3},
    {BINQ_ATTENTION, BINQ_STEP_ATTENTION, 15},
    {BINQ_SWIGLU, BINQ_STEP_SWIGLU, 3},
    {"arith.addf", BINQ_STEP_ADD, 3},
    {BINQ_QUANTIZE_ACTIVATIONS, BINQ_STEP_QUANTIZE, 1},
    {BINQ_LINEAR, BINQ_STEP_LINEAR, 1},
    {BINQ_OUTPUT_GRADIENT, BINQ_STEP_OUTPUT_GRADIENT, 1},
    {BINQ_LINEAR_GRADIENT, BINQ_STEP_LINEAR_GRADIENT, 5},
    {BINQ_ROPE_GRADIENT, BINQ_STEP_ROPE_GRADIENT, 3},
    {BINQ_SWIGLU_GRADIENT, BINQ_STEP_SWIGLU_GRADIENT, 7},
    {BINQ_RMS_NORM_GRADIENT, BINQ_STEP_RMS_NORM_WEIGHT_GRADIENT, 5},
    {BINQ_ATTENTION_GRADIENT, BINQ_STEP_ATTENTION_KEY_GRADIENT, 31},
};
static const known_op embedding = {BINQ_EMBEDDING, BINQ_STEP_EMBEDDING, 1};
static const known_op host_embedding = {BINQ_EMBEDDING, BINQ_STEP_HOST_EMBEDDING, 1};
static const known_op host_linear = {"linalg.matmul", BINQ_STEP_HOST_LINEAR, 1};

static const known_op *find_known(MlirOperation op) {
  for (size_t i = 0; i < sizeof known_ops / sizeof *known_ops; i++)
    if (binq_op_is(op, known_ops[i].name))
      return &known_ops[i];
  if (binq_op_is(op, BINQ_EMBEDDING))
    return binq_embedding_is_quantized(op) ? &embedding : &host_embedding;
  return binq_match_matmul(op, NULL, NULL) ? &host_linear : NULL;
}

static void push_step(binq_plan *plan, binq_step_kind kind, MlirOperation op, int scratch) {
  plan->steps[plan->step_count++] = (binq_step){.kind = kind, .op = op, .scratch = scratch};
}

/// Memory for so many floats a token that the steps of an operation share.
static int add_scratch(binq_plan *plan, int64_t floats) {
  int64_t stride = binq_row_stride(floats);
  MlirContext context = mlirOperationGetContext(plan->function);
  add_buffer(plan, (MlirValue){NULL},
             (binq_buffer){.element = binq_f32(context),
                           .stride = stride,
                           .token_bytes = stride * (int64_t)sizeof(float),
                           .argument = -1});
  return plan->buffer_count - 1;
}

/// Attention writes to the cache first.
static binq_status add_append_step(binq_plan *plan, MlirOperation op) {
  binq_attention_shape shape;
  BINQ_TRY(binq_attention_shape_of(op, &shape));
  if (plan->cache < shape.position_bytes)
    plan->cache = shape.position_bytes;
  push_step(plan, BINQ_STEP_APPEND_CACHE, op, -1);
  return BINQ_OK;
}

/// The steps of an operation.
static binq_status push_steps(binq_plan *plan, binq_step_kind kind, MlirOperation op) {
  int scratch = -1;
  if (kind == BINQ_STEP_ATTENTION)
    BINQ_TRY(add_append_step(plan, op));
  if (kind == BINQ_STEP_RMS_NORM_WEIGHT_GRADIENT) {
    scratch = add_scratch(plan, 1);
    push_step(plan, BINQ_STEP_RMS_NORM_GRADIENT, op, scratch);
  }
  if (kind == BINQ_STEP_ATTENTION_KEY_GRADIENT) {
    int64_t heads;
    BINQ_TRY(binq_get_integer(op, "head_count", &heads));
    scratch = add_scratch(plan, BINQ_ATTENTION_STATISTICS * heads);
    push_step(plan, BINQ_STEP_ATTENTION_QUERY_GRADIENT, op, scratch);
  }
  push_step(plan, kind, op, scratch);
  return BINQ_OK;
}

static binq_status add_result(binq_plan *plan, binq_step_kind kind, MlirOperation op,
                              intptr_t index) {
  MlirValue result = mlirOperationGetResult(op, index);
  binq_buffer buffer = {.argument = -1};
  if (kind == BINQ_STEP_QUANTIZE)
    BINQ_TRY(measure_activations(plan, op, &buffer));
  else if (!measure_tensor(mlirValueGetType(result), &buffer) &&
           !(kind == BINQ_STEP_RMS_NORM_WEIGHT_GRADIENT &&
             measure_vector(mlirValueGetType(result), &buffer)))
    return binq_op_error(op, "has a result without lowering: rows are tensor<?xNxf32>");
  add_buffer(plan, result, buffer);
  return BINQ_OK;
}

static binq_status add_step(binq_plan *plan, MlirOperation op) {
  const known_op *known = find_known(op);
  if (!known)
    return binq_op_error(op, "has no lowering");
  for (int i = 0; known->rows >> i; i++)
    if (known->rows >> i & 1 && binq_plan_buffer(plan, mlirOperationGetOperand(op, i)) < 0)
      return binq_op_error(op, "operand %d is neither computed in the function nor its argument",
                           i);
  BINQ_TRY(push_steps(plan, known->kind, op));
  for (intptr_t i = 0; i < mlirOperationGetNumResults(op); i++)
    BINQ_TRY(add_result(plan, known->kind, op, i));
  return BINQ_OK;
}

static binq_status add_steps(binq_plan *plan) {
  MlirOperation op = mlirBlockGetFirstOperation(binq_function_body(plan->function));
  for (; !mlirOperationIsNull(op); op = mlirOperationGetNextInBlock(op)) {
    if (binq_op_is(op, "func.return"))
      BINQ_TRY(add_results(plan, op));
    else if (!binq_op_only_tells(op))
      BINQ_TRY(add_step(plan, op));
  }
  return BINQ_OK;
}

static binq_status allocate(binq_plan *plan, binq_arena *arena) {
  MlirBlock body = binq_function_body(plan->function);
  size_t count = (size_t)mlirBlockGetNumArguments(body);
  MlirOperation op = mlirBlockGetFirstOperation(body);
  for (; !mlirOperationIsNull(op); op = mlirOperationGetNextInBlock(op))
    count += 4; // results and scratch, or steps
  BINQ_TRY(binq_arena_allocate(arena, count, sizeof *plan->steps, (void *)&plan->steps));
  BINQ_TRY(binq_arena_allocate(arena, count, sizeof *plan->buffers, (void *)&plan->buffers));
  return binq_arena_allocate(arena, count, sizeof *plan->stored, (void *)&plan->stored);
}

binq_status binq_plan_function(MlirOperation function, const binq_parameters *parameters,
                               const binq_isa *isa, binq_lowering lowering, binq_arena *arena,
                               binq_plan *out) {
  *out = (binq_plan){.function = function, .isa = isa, .lowering = lowering};
  BINQ_TRY(allocate(out, arena));
  BINQ_TRY(add_inputs(out));
  BINQ_TRY(add_steps(out));
  BINQ_TRY(binq_plan_storage(out, parameters));
  binq_plan_memory(out);
  return BINQ_OK;
}

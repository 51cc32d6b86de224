#include "Emit.h"

#include "mlir-c/Dialect/LLVM.h"

MlirType binq_memref_type(MlirType element) {
  int64_t size = mlirShapedTypeGetDynamicSize();
  return mlirMemRefTypeContiguousGet(element, 1, &size, mlirAttributeGetNull());
}

// --- small operations

MlirValue binq_emit_index(const binq_emitter *e, int64_t value) {
  return binq_build_index(&e->builder, value);
}

static MlirValue emit_constant(const binq_emitter *e, MlirType type, MlirAttribute value) {
  MlirNamedAttribute attribute = binq_named(e->builder.context, "value", value);
  return binq_build_value(&e->builder, &(binq_op_parts){.name = "arith.constant",
                                                        .result_count = 1,
                                                        .results = &type,
                                                        .attribute_count = 1,
                                                        .attributes = &attribute});
}

MlirValue binq_emit_float(const binq_emitter *e, float value) {
  MlirContext context = e->builder.context;
  return emit_constant(e, binq_f32(context), binq_f32_attribute(context, value));
}

MlirValue binq_emit_integer(const binq_emitter *e, unsigned width, int64_t value) {
  MlirType type = binq_integer(e->builder.context, width);
  return emit_constant(e, type, mlirIntegerAttrGet(type, value));
}

static MlirValue emit_binary(const binq_emitter *e, const char *name, MlirValue a, MlirValue b) {
  MlirType index = mlirIndexTypeGet(e->builder.context);
  MlirValue operands[] = {a, b};
  return binq_build_value(&e->builder, &(binq_op_parts){.name = name,
                                                        .operand_count = 2,
                                                        .operands = operands,
                                                        .result_count = 1,
                                                        .results = &index});
}

static MlirValue emit_add(const binq_emitter *e, MlirValue a, MlirValue b) {
  return emit_binary(e, "arith.addi", a, b);
}

MlirValue binq_emit_multiply(const binq_emitter *e, MlirValue a, MlirValue b) {
  return emit_binary(e, "arith.muli", a, b);
}

MlirValue binq_emit_view(const binq_emitter *e, MlirValue bytes, MlirValue offset, MlirType element,
                         MlirValue elements) {
  MlirType type = binq_memref_type(element);
  MlirValue operands[] = {bytes, offset, elements};
  return binq_build_value(&e->builder, &(binq_op_parts){.name = "memref.view",
                                                        .operand_count = 3,
                                                        .operands = operands,
                                                        .result_count = 1,
                                                        .results = &type});
}

/// Declares a function of the host: its operands' types, no results.
static void declare(const binq_emitter *e, const char *name, int count, const MlirValue *operands) {
  MlirContext context = e->builder.context;
  MlirType types[BINQ_ENV_SIZE];
  for (int i = 0; i < count; i++)
    types[i] = mlirValueGetType(operands[i]);
  MlirNamedAttribute attributes[] = {
      binq_named(context, "sym_name", binq_string_attribute(context, name)),
      binq_named(context, "function_type",
                 mlirTypeAttrGet(mlirFunctionTypeGet(context, count, types, 0, NULL))),
      binq_named(context, "sym_visibility", binq_string_attribute(context, "private")),
      binq_named(context, "llvm.emit_c_interface", mlirUnitAttrGet(context))};
  binq_builder builder =
      binq_builder_at_end(mlirModuleGetBody(e->module), mlirLocationUnknownGet(context));
  MlirRegion region = mlirRegionCreate();
  binq_build(&builder, &(binq_op_parts){.name = "func.func",
                                        .attribute_count = 4,
                                        .attributes = attributes,
                                        .region_count = 1,
                                        .regions = &region});
}

void binq_emit_call(const binq_emitter *e, const char *callee, int count,
                    const MlirValue *operands) {
  if (mlirOperationIsNull(binq_function(e->module, callee)))
    declare(e, callee, count, operands);
  MlirNamedAttribute attribute = binq_named(
      e->builder.context, "callee", mlirFlatSymbolRefAttrGet(e->builder.context, binq_str(callee)));
  binq_build(&e->builder, &(binq_op_parts){.name = "func.call",
                                           .operand_count = count,
                                           .operands = operands,
                                           .attribute_count = 1,
                                           .attributes = &attribute});
}

static void emit_barrier(const binq_emitter *e) {
  binq_emit_call(e, "binq_barrier", 1, &e->environment[BINQ_ENV_HOST]);
}

// --- functions

/// Types of the environment, then those of the arguments.
static void environment_types(MlirContext context, MlirType *out) {
  MlirType bytes = binq_memref_type(binq_integer(context, 8));
  for (int i = 0; i < BINQ_ENV_SIZE; i++)
    out[i] = mlirIndexTypeGet(context);
  out[BINQ_ENV_WORKSPACE] = out[BINQ_ENV_WEIGHTS] = out[BINQ_ENV_CACHE] = bytes;
  out[BINQ_ENV_ROPE] = binq_memref_type(binq_f32(context));
  out[BINQ_ENV_HOST] = mlirLLVMPointerTypeGet(context, 0);
}

void binq_emit_function(binq_emitter *e, const char *name, MlirStringRef role,
                        MlirLocation location, int argument_count, const MlirType *arguments) {
  MlirContext context = mlirLocationGetContext(location);
  MlirType inputs[BINQ_ENV_SIZE + BINQ_MAX_LOWERED_ARGUMENTS];
  environment_types(context, inputs);
  for (int i = 0; i < argument_count; i++)
    inputs[BINQ_ENV_SIZE + i] = arguments[i];
  e->function = binq_build_function(e->module, name, NULL, location, BINQ_ENV_SIZE + argument_count,
                                    inputs, 0, NULL);
  mlirOperationSetAttributeByName(e->function, binq_str("llvm.emit_c_interface"),
                                  mlirUnitAttrGet(context));
  if (role.length)
    mlirOperationSetAttributeByName(e->function, binq_str(BINQ_ATTR_ROLE),
                                    mlirStringAttrGet(context, role));
  MlirBlock body = binq_function_body(e->function);
  for (int i = 0; i < BINQ_ENV_SIZE; i++)
    e->environment[i] = mlirBlockGetArgument(body, i);
  e->builder = binq_builder_at_end(body, location);
}

MlirValue binq_emit_argument(const binq_emitter *e, int index) {
  return mlirBlockGetArgument(binq_function_body(e->function), BINQ_ENV_SIZE + index);
}

// --- a plan's function

static void view_buffers(binq_emitter *e) {
  MlirValue count = e->environment[BINQ_ENV_COUNT];
  for (int i = 0; i < e->plan->buffer_count; i++) {
    const binq_buffer *buffer = &e->plan->buffers[i];
    if (buffer->argument >= 0) {
      e->buffers[i] = binq_emit_argument(e, buffer->argument);
      continue;
    }
    MlirValue offset = binq_emit_multiply(e, count, binq_emit_index(e, buffer->offset));
    MlirValue elements = binq_emit_multiply(e, count, binq_emit_index(e, buffer->stride));
    e->buffers[i] =
        binq_emit_view(e, e->environment[BINQ_ENV_WORKSPACE], offset, buffer->element, elements);
  }
}

static void view_stored(binq_emitter *e) {
  for (int i = 0; i < e->plan->stored_count; i++) {
    const binq_stored *stored = &e->plan->stored[i];
    MlirValue offset =
        emit_add(e, e->environment[BINQ_ENV_BASE], binq_emit_index(e, stored->offset));
    e->stored[i] = binq_emit_view(e, e->environment[BINQ_ENV_WEIGHTS], offset, stored->element,
                                  binq_emit_index(e, stored->elements));
  }
}

static binq_status argument_types(const binq_plan *plan, MlirType *out) {
  if (plan->argument_count > BINQ_MAX_LOWERED_ARGUMENTS)
    return binq_op_error(plan->function, "has more than %d arguments and results",
                         BINQ_MAX_LOWERED_ARGUMENTS);
  for (int i = 0; i < plan->buffer_count; i++)
    if (plan->buffers[i].argument >= 0)
      out[plan->buffers[i].argument] = binq_memref_type(plan->buffers[i].element);
  return BINQ_OK;
}

binq_status binq_emit_plan(MlirModule module, MlirModule kernels, const binq_plan *plan,
                           const char *name, binq_arena *arena, MlirOperation *out) {
  binq_emitter e = {.module = module, .kernels = kernels, .plan = plan};
  BINQ_TRY(binq_arena_allocate(arena, (size_t)plan->buffer_count + 1, sizeof *e.buffers,
                               (void *)&e.buffers));
  BINQ_TRY(binq_arena_allocate(arena, (size_t)plan->stored_count + 1, sizeof *e.stored,
                               (void *)&e.stored));
  MlirType types[BINQ_MAX_LOWERED_ARGUMENTS];
  BINQ_TRY(argument_types(plan, types));
  MlirStringRef role = {"", 0};
  binq_attribute_string(binq_attribute(plan->function, BINQ_ATTR_ROLE), &role);
  binq_emit_function(&e, name, role, mlirOperationGetLocation(plan->function), plan->argument_count,
                     types);
  *out = e.function;
  view_buffers(&e);
  view_stored(&e);
  for (int i = 0; i < plan->step_count; i++) {
    if (i && plan->steps[i].phase != plan->steps[i - 1].phase)
      emit_barrier(&e);
    e.builder.location = mlirOperationGetLocation(plan->steps[i].op);
    BINQ_TRY(binq_emit_step(&e, &plan->steps[i]));
  }
  emit_barrier(&e);
  binq_build_return(&e.builder, 0, NULL);
  return BINQ_OK;
}

#include "binq/Dialect/IR.h"

#include <stdlib.h>

bool binq_op_is(MlirOperation op, const char *name) {
  return !mlirOperationIsNull(op) && binq_str_equal(binq_op_name(op), name);
}

MlirStringRef binq_op_name(MlirOperation op) {
  return mlirIdentifierStr(mlirOperationGetName(op));
}

MlirOperation binq_defining_op(MlirValue value) {
  return mlirValueIsAOpResult(value) ? mlirOpResultGetOwner(value) : (MlirOperation){NULL};
}

static bool has_uses(MlirValue value) {
  return !mlirOpOperandIsNull(mlirValueGetFirstUse(value));
}

// --- building

binq_builder binq_builder_at_end(MlirBlock block, MlirLocation location) {
  return (binq_builder){
      .context = mlirLocationGetContext(location), .location = location, .block = block};
}

binq_builder binq_builder_before(MlirOperation op) {
  return (binq_builder){.context = mlirOperationGetContext(op),
                        .location = mlirOperationGetLocation(op),
                        .block = mlirOperationGetBlock(op),
                        .before = op};
}

MlirOperation binq_build(const binq_builder *builder, const binq_op_parts *parts) {
  MlirOperationState state = mlirOperationStateGet(binq_str(parts->name), builder->location);
  mlirOperationStateAddOperands(&state, parts->operand_count, parts->operands);
  if (parts->infer_results)
    mlirOperationStateEnableResultTypeInference(&state);
  else
    mlirOperationStateAddResults(&state, parts->result_count, parts->results);
  mlirOperationStateAddAttributes(&state, parts->attribute_count, parts->attributes);
  mlirOperationStateAddOwnedRegions(&state, parts->region_count, parts->regions);
  MlirOperation op = mlirOperationCreate(&state);
  if (mlirOperationIsNull(op))
    return op;
  if (mlirOperationIsNull(builder->before))
    mlirBlockAppendOwnedOperation(builder->block, op);
  else
    mlirBlockInsertOwnedOperationBefore(builder->block, builder->before, op);
  return op;
}

MlirValue binq_build_value(const binq_builder *builder, const binq_op_parts *parts) {
  MlirOperation op = binq_build(builder, parts);
  return mlirOperationIsNull(op) ? (MlirValue){NULL} : mlirOperationGetResult(op, 0);
}

MlirValue binq_build_index(const binq_builder *builder, int64_t value) {
  MlirType index = mlirIndexTypeGet(builder->context);
  MlirNamedAttribute attribute =
      binq_named(builder->context, "value", mlirIntegerAttrGet(index, value));
  return binq_build_value(builder, &(binq_op_parts){.name = "arith.constant",
                                                    .result_count = 1,
                                                    .results = &index,
                                                    .attribute_count = 1,
                                                    .attributes = &attribute});
}

MlirValue binq_build_dim(const binq_builder *builder, MlirValue tensor, int64_t dimension) {
  MlirType index = mlirIndexTypeGet(builder->context);
  MlirValue operands[] = {tensor, binq_build_index(builder, dimension)};
  return binq_build_value(builder, &(binq_op_parts){.name = "tensor.dim",
                                                    .operand_count = 2,
                                                    .operands = operands,
                                                    .result_count = 1,
                                                    .results = &index});
}

void binq_replace_op(MlirOperation op, MlirValue value) {
  mlirValueReplaceAllUsesOfWith(mlirOperationGetResult(op, 0), value);
  mlirOperationDestroy(op);
}

// --- walking

typedef struct {
  binq_status (*visit)(MlirOperation op, void *user);
  void *user;
  binq_status status;
} walk_state;

static MlirWalkResult walk_callback(MlirOperation op, void *data) {
  walk_state *state = data;
  state->status = state->visit(op, state->user);
  return state->status ? MlirWalkResultInterrupt : MlirWalkResultAdvance;
}

binq_status binq_walk(MlirOperation root, binq_status (*visit)(MlirOperation op, void *user),
                      void *user) {
  walk_state state = {visit, user, BINQ_OK};
  mlirOperationWalk(root, walk_callback, &state, MlirWalkPreOrder);
  return state.status;
}

static binq_status append(binq_op_list *list, MlirOperation op) {
  if (list->count == list->capacity) {
    size_t capacity = list->count ? 2 * list->count : 8;
    MlirOperation *items = realloc(list->items, capacity * sizeof(*items));
    if (!items)
      return binq_errorf("out of memory for a list of operations");
    list->items = items;
    list->capacity = capacity;
  }
  list->items[list->count++] = op;
  return BINQ_OK;
}

void binq_op_list_free(binq_op_list *list) {
  free(list->items);
  *list = (binq_op_list){0};
}

typedef struct {
  const char *name;
  binq_op_list *list;
} collect_state;

static binq_status collect_visit(MlirOperation op, void *user) {
  collect_state *state = user;
  return binq_op_is(op, state->name) ? append(state->list, op) : BINQ_OK;
}

binq_status binq_collect(MlirOperation root, const char *name, binq_op_list *out) {
  *out = (binq_op_list){0};
  collect_state state = {name, out};
  binq_status status = binq_walk(root, collect_visit, &state);
  if (status)
    binq_op_list_free(out);
  return status;
}

// --- erasing

/// A linalg.generic that only moves values.
static bool is_copy(MlirOperation op) {
  MlirBlock body = mlirRegionGetFirstBlock(mlirOperationGetRegion(op, 0));
  return binq_op_is(mlirBlockGetFirstOperation(body), "linalg.yield");
}

/// Operations of tensors whose only effect is their result.
static bool is_free_of_effects(MlirOperation op) {
  static const char *const names[] = {
      "arith.constant",      "binq.param",       "tensor.dim",       "tensor.empty",
      "linalg.fill",         "linalg.transpose", "linalg.broadcast", "tensor.collapse_shape",
      "tensor.expand_shape", "tosa.transpose",   "tosa.reshape"};
  for (size_t i = 0; i < sizeof(names) / sizeof(*names); ++i)
    if (binq_op_is(op, names[i]))
      return true;
  return binq_op_is(op, "linalg.generic") && is_copy(op);
}

/// Adds the operations that give `op` its operands, those that are not on the list already.
static binq_status append_producers(binq_op_list *list, MlirOperation op) {
  for (intptr_t i = 0; i < mlirOperationGetNumOperands(op); ++i) {
    MlirOperation producer = binq_defining_op(mlirOperationGetOperand(op, i));
    size_t known = 0;
    while (known < list->count && !mlirOperationEqual(list->items[known], producer))
      ++known;
    if (known == list->count && is_free_of_effects(producer))
      BINQ_TRY(append(list, producer));
  }
  return BINQ_OK;
}

void binq_erase_unused(MlirOperation op) {
  binq_op_list list = {0};
  binq_status status = append(&list, op);
  while (list.count && !status) {
    MlirOperation last = list.items[--list.count];
    if (mlirOperationGetNumResults(last) != 1 || has_uses(mlirOperationGetResult(last, 0)))
      continue;
    status = append_producers(&list, last);
    mlirOperationDestroy(last);
  }
  binq_status_free(status); // without memory, what is unused stays
  binq_op_list_free(&list);
}

// --- modules and functions

static bool has_role(MlirOperation function, const char *role) {
  MlirStringRef value;
  return binq_attribute_string(binq_attribute(function, "binq.role"), &value) &&
         binq_str_equal(value, role);
}

binq_status binq_functions(MlirModule module, const char *role, binq_op_list *out) {
  *out = (binq_op_list){0};
  MlirOperation op = mlirBlockGetFirstOperation(mlirModuleGetBody(module));
  for (; !mlirOperationIsNull(op); op = mlirOperationGetNextInBlock(op)) {
    if (!binq_op_is(op, "func.func") || (role && !has_role(op, role)))
      continue;
    binq_status status = append(out, op);
    if (status) {
      binq_op_list_free(out);
      return status;
    }
  }
  return BINQ_OK;
}

MlirOperation binq_function(MlirModule module, const char *name) {
  MlirOperation op = mlirBlockGetFirstOperation(mlirModuleGetBody(module));
  for (; !mlirOperationIsNull(op); op = mlirOperationGetNextInBlock(op))
    if (binq_op_is(op, "func.func") && binq_str_equal(binq_function_name(op), name))
      return op;
  return (MlirOperation){NULL};
}

MlirStringRef binq_function_name(MlirOperation function) {
  MlirStringRef name = {"", 0};
  binq_attribute_string(binq_attribute(function, "sym_name"), &name);
  return name;
}

MlirBlock binq_function_body(MlirOperation function) {
  return mlirRegionGetFirstBlock(mlirOperationGetRegion(function, 0));
}

MlirOperation binq_build_function(MlirModule module, const char *name, const char *role,
                                  MlirLocation location, intptr_t input_count,
                                  const MlirType *inputs, intptr_t result_count,
                                  const MlirType *results) {
  binq_builder builder = binq_builder_at_end(mlirModuleGetBody(module), location);
  MlirContext context = builder.context;
  MlirType type = mlirFunctionTypeGet(context, input_count, inputs, result_count, results);
  MlirNamedAttribute attributes[3] = {
      binq_named(context, "sym_name", binq_string_attribute(context, name)),
      binq_named(context, "function_type", mlirTypeAttrGet(type))};
  if (role)
    attributes[2] = binq_named(context, "binq.role", binq_string_attribute(context, role));
  MlirBlock block = mlirBlockCreate(0, NULL, NULL);
  for (intptr_t i = 0; i < input_count; ++i)
    mlirBlockAddArgument(block, inputs[i], location);
  MlirRegion body = mlirRegionCreate();
  mlirRegionAppendOwnedBlock(body, block);
  return binq_build(&builder, &(binq_op_parts){.name = "func.func",
                                               .attribute_count = role ? 3 : 2,
                                               .attributes = attributes,
                                               .region_count = 1,
                                               .regions = &body});
}

void binq_build_return(const binq_builder *builder, intptr_t count, const MlirValue *values) {
  binq_build(builder,
             &(binq_op_parts){.name = "func.return", .operand_count = count, .operands = values});
}

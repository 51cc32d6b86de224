// Cuts a layer's function into parts: each computes one more input of the layer's linears from what
// those before it made, the last one the output.
#include "Cut.h"

#include "binq/Calibrate/Linears.h"
#include "binq/Support/Memory.h"

/// A function to be cut. The last operation returns.
typedef struct {
  MlirOperation function;
  MlirOperation *ops;
  int64_t op_count;
  binq_linear_sites sites;
  int64_t *starts;  ///< [parts + 1]: the operation that each part begins with
  int64_t *numbers; ///< by operation: of the carried value it makes; -1: it makes none
  binq_arena *arena;
  graph_cut *cut;
} cutting;

static binq_status list_ops(MlirOperation function, binq_arena *arena, MlirOperation **ops,
                            int64_t *count) {
  MlirOperation first = mlirBlockGetFirstOperation(binq_function_body(function)), op = first;
  for (*count = 0; !mlirOperationIsNull(op); op = mlirOperationGetNextInBlock(op))
    ++*count;
  BINQ_TRY(binq_arena_allocate(arena, (size_t)*count, sizeof **ops, (void *)ops));
  op = first;
  for (int64_t i = 0; i < *count; i++, op = mlirOperationGetNextInBlock(op))
    (*ops)[i] = op;
  return BINQ_OK;
}

static int64_t index_of(const cutting *c, MlirOperation op) {
  int64_t i = 0;
  while (i < c->op_count && !mlirOperationEqual(c->ops[i], op))
    i++;
  return i;
}

/// A part ends where the first linear reads the input that it computes.
static void find_starts(cutting *c) {
  for (int64_t i = c->sites.linear_count; i-- > 0;) {
    const binq_linear_site *site = &c->sites.linears[i];
    c->starts[site->input + 1] = index_of(c, site->matmul);
    c->cut->parts[site->input + 1].function.first_linear = i;
  }
  c->starts[c->cut->part_count] = c->op_count - 1;
}

/// Whether an operation at `end` or behind it reads `value`.
static bool is_read_from(const cutting *c, MlirValue value, int64_t end) {
  for (MlirOpOperand use = mlirValueGetFirstUse(value); !mlirOpOperandIsNull(use);
       use = mlirOpOperandGetNextUse(use))
    if (index_of(c, mlirOpOperandGetOwner(use)) >= end)
      return true;
  return false;
}

/// Numbers the values that parts make for those behind them.
static binq_status number_carried(cutting *c) {
  graph_cut *cut = c->cut;
  int64_t last = cut->part_count - 1, *made;
  BINQ_TRY(binq_arena_allocate(c->arena, (size_t)c->op_count, sizeof *cut->carried,
                               (void *)&cut->carried));
  BINQ_TRY(binq_arena_allocate(c->arena, (size_t)c->op_count, sizeof *made, (void *)&made));
  for (int64_t part = 0, i = 0; i < c->op_count; i++) {
    int64_t shape[2];
    while (part < last && i >= c->starts[part + 1])
      part++;
    c->numbers[i] = -1;
    if (part == last || binq_op_only_tells(c->ops[i]) || mlirOperationGetNumResults(c->ops[i]) == 0)
      continue;
    if (mlirOperationGetNumResults(c->ops[i]) > 1)
      return binq_op_error(c->ops[i], "has several results, which parts do not hand on");
    MlirValue value = mlirOperationGetResult(c->ops[i], 0);
    if (!is_read_from(c, value, c->starts[part + 1]))
      continue;
    if (!binq_tensor_shape(mlirValueGetType(value), 2, shape))
      return binq_op_error(c->ops[i], "has a result that is no rows of floats");
    graph_part *maker = &cut->parts[part];
    if (!maker->make_count)
      maker->makes = made + cut->carried_count;
    maker->make_count++;
    made[cut->carried_count] = c->numbers[i] = cut->carried_count;
    cut->carried[cut->carried_count++] = (graph_carried){.columns = shape[1]};
  }
  return BINQ_OK;
}

/// The number of a value that is there before `end`.
static int64_t number_of(const cutting *c, MlirValue value, int64_t end) {
  if (mlirValueEqual(value, mlirBlockGetArgument(binq_function_body(c->function), 0)))
    return GRAPH_LAYER_INPUT;
  int64_t i = index_of(c, binq_defining_op(value));
  return i < end && c->numbers[i] >= 0 ? c->numbers[i] : GRAPH_NO_VALUE;
}

/// What the only linear of an input adds its outputs to, if it does.
static int64_t base_of(const cutting *c, int64_t input) {
  const binq_linear_site *reader = NULL;
  for (int64_t i = 0; i < c->sites.linear_count; i++) {
    const binq_linear_site *site = &c->sites.linears[i];
    if (site->input == input && (reader || !site->adds))
      return GRAPH_NO_VALUE;
    if (site->input == input)
      reader = site;
  }
  if (!reader)
    return GRAPH_NO_VALUE;
  MlirValue value = mlirOperationGetResult(reader->matmul, 0);
  MlirOperation sum = mlirOpOperandGetOwner(mlirValueGetFirstUse(value));
  if (!binq_op_is(sum, "arith.addf"))
    return GRAPH_NO_VALUE;
  MlirValue left = mlirOperationGetOperand(sum, 0), right = mlirOperationGetOperand(sum, 1);
  return number_of(c, mlirValueEqual(left, value) ? right : left, c->starts[input + 1]);
}

static binq_status describe_inputs(cutting *c) {
  graph_cut *cut = c->cut;
  size_t inputs = (size_t)c->sites.input_count;
  BINQ_TRY(binq_arena_allocate(c->arena, inputs, sizeof *cut->inputs, (void *)&cut->inputs));
  for (int64_t i = c->sites.linear_count; i-- > 0;) {
    const binq_linear_site *site = &c->sites.linears[i];
    graph_cut_input *input = &cut->inputs[site->input];
    input->value = number_of(c, site->x, c->starts[site->input + 1]);
    input->base = base_of(c, site->input);
    if (input->value == GRAPH_NO_VALUE)
      return binq_op_error(site->matmul, "reads what the layer does not compute");
  }
  return BINQ_OK;
}

/// Takes away what comes before a part. What is still read of it becomes an argument.
static binq_status receive(const cutting *c, MlirBlock body, MlirOperation *ops, graph_part *part,
                           int64_t begin) {
  int64_t *reads;
  BINQ_TRY(binq_arena_allocate(c->arena, (size_t)begin + 1, sizeof *reads, (void *)&reads));
  part->reads = reads;
  for (int64_t i = begin; i-- > 0;) {
    if (binq_op_only_tells(ops[i]))
      continue;
    MlirValue value = mlirOperationGetResult(ops[i], 0);
    if (!mlirOpOperandIsNull(mlirValueGetFirstUse(value))) {
      reads[part->read_count++] = c->numbers[i];
      c->cut->carried[c->numbers[i]].last = part - c->cut->parts;
      mlirValueReplaceAllUsesOfWith(value, mlirBlockAddArgument(body, mlirValueGetType(value),
                                                                mlirOperationGetLocation(ops[i])));
    }
    mlirOperationDestroy(ops[i]);
  }
  return BINQ_OK;
}

/// Makes what is handed on of the operations from `begin` on what the function returns, and takes
/// away what comes behind them.
static void hand_on(const cutting *c, MlirBlock body, MlirOperation *ops, const graph_part *part,
                    int64_t begin, int64_t end, MlirType *types) {
  MlirValue values[GRAPH_MOST_CARRIED];
  intptr_t count = 0;
  for (int64_t i = begin; i < end; i++)
    if (c->numbers[i] >= 0)
      values[count++] = mlirOperationGetResult(ops[i], 0);
  if (part == &c->cut->parts[c->cut->part_count - 1])
    values[count++] = mlirOperationGetOperand(ops[c->op_count - 1], 0);
  for (int64_t i = c->op_count; i-- > end;)
    mlirOperationDestroy(ops[i]);
  binq_builder builder = binq_builder_at_end(body, mlirOperationGetLocation(c->function));
  binq_build_return(&builder, count, values);
  for (intptr_t i = 0; i < count; i++)
    types[i] = mlirValueGetType(values[i]);
}

static void set_type(MlirOperation function, intptr_t count, const MlirType *results) {
  MlirBlock body = binq_function_body(function);
  MlirType inputs[GRAPH_MOST_CARRIED];
  intptr_t input_count = mlirBlockGetNumArguments(body);
  for (intptr_t i = 0; i < input_count; i++)
    inputs[i] = mlirValueGetType(mlirBlockGetArgument(body, i));
  MlirType type =
      mlirFunctionTypeGet(mlirOperationGetContext(function), input_count, inputs, count, results);
  mlirOperationSetAttributeByName(function, binq_str("function_type"), mlirTypeAttrGet(type));
}

/// Turns a copy of the layer into a part of it.
static binq_status reduce(const cutting *c, MlirOperation function, int64_t number) {
  graph_part *part = &c->cut->parts[number];
  MlirOperation *ops;
  MlirType results[GRAPH_MOST_CARRIED];
  int64_t count, begin = c->starts[number], end = c->starts[number + 1];
  BINQ_TRY(list_ops(function, c->arena, &ops, &count));
  MlirBlock body = binq_function_body(function);
  hand_on(c, body, ops, part, begin, end, results);
  BINQ_TRY(receive(c, body, ops, part, begin));
  set_type(function, part->make_count + (number + 1 == c->cut->part_count), results);
  return BINQ_OK;
}

static binq_status add_part(const cutting *c, MlirModule module, int64_t number) {
  MlirContext context = mlirOperationGetContext(c->function);
  graph_part *part = &c->cut->parts[number];
  char *name;
  BINQ_TRY(binq_arena_format(c->arena, &name, "%.*s_part_%lld",
                             BINQ_STR_ARGS(binq_function_name(c->function)), (long long)number));
  part->function.public.name = name;
  MlirOperation function = mlirOperationClone(c->function);
  mlirOperationSetAttributeByName(function, binq_str("sym_name"),
                                  binq_string_attribute(context, name));
  mlirOperationRemoveAttributeByName(function, binq_str(BINQ_ATTR_ROLE));
  mlirBlockAppendOwnedOperation(mlirModuleGetBody(module), function);
  return reduce(c, function, number);
}

/// The last operation returns one value, which the last part computes; and no more is carried than
/// a call can take.
static binq_status check(const cutting *c) {
  MlirOperation last = c->ops[c->op_count - 1];
  if (mlirOperationGetNumOperands(last) == 1 &&
      index_of(c, binq_defining_op(mlirOperationGetOperand(last, 0))) >=
          c->starts[c->cut->part_count - 1] &&
      c->cut->carried_count < GRAPH_MOST_CARRIED / 2)
    return BINQ_OK;
  return binq_op_error(c->function, "cannot be calibrated in parts: its result does not depend on "
                                    "its last linear, or too many values are alive at a time");
}

binq_status binq_cut_layer(MlirModule module, MlirOperation layer, binq_arena *arena,
                           graph_cut *out) {
  cutting c = {.function = layer, .arena = arena, .cut = out};
  BINQ_TRY(list_ops(layer, arena, &c.ops, &c.op_count));
  BINQ_TRY(binq_linear_sites_find(layer, arena, &c.sites));
  out->part_count = c.sites.input_count + 1;
  size_t parts = (size_t)out->part_count, ops = (size_t)c.op_count;
  BINQ_TRY(binq_arena_allocate(arena, parts, sizeof *out->parts, (void *)&out->parts));
  BINQ_TRY(binq_arena_allocate(arena, parts + 1, sizeof *c.starts, (void *)&c.starts));
  BINQ_TRY(binq_arena_allocate(arena, ops, sizeof *c.numbers, (void *)&c.numbers));
  find_starts(&c);
  BINQ_TRY(number_carried(&c));
  BINQ_TRY(describe_inputs(&c));
  BINQ_TRY(check(&c));
  for (int64_t i = 0; i < out->part_count; i++)
    BINQ_TRY(add_part(&c, module, i));
  return BINQ_OK;
}

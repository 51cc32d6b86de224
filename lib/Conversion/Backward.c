// The gradient of a layer or of the head: its function, and behind it the adjoint of every
// operation, in reverse.
#include "binq/Conversion/Conversion.h"

#include "binq/Dialect/Dialect.h"
#include "binq/Pass/Pass.h"
#include "binq/Support/Memory.h"

#include <string.h>

/// The gradient by a value, as far as the operations that read it have been walked over.
typedef struct {
  MlirValue value, gradient;
} entry;

typedef struct {
  binq_builder builder;
  entry *entries;
  size_t count;
} backward;

static MlirValue gradient_of(const backward *b, MlirValue value) {
  for (size_t i = 0; i < b->count; i++)
    if (mlirValueEqual(b->entries[i].value, value))
      return b->entries[i].gradient;
  return (MlirValue){NULL};
}

/// A value that is read several times gets the sum of what its readers give.
static void add_gradient(backward *b, MlirValue value, MlirValue gradient) {
  for (size_t i = 0; i < b->count; i++) {
    if (!mlirValueEqual(b->entries[i].value, value))
      continue;
    MlirType type = mlirValueGetType(value);
    MlirValue operands[] = {b->entries[i].gradient, gradient};
    b->entries[i].gradient = binq_build_value(&b->builder, &(binq_op_parts){.name = "arith.addf",
                                                                            .operand_count = 2,
                                                                            .operands = operands,
                                                                            .result_count = 1,
                                                                            .results = &type});
    return;
  }
  b->entries[b->count++] = (entry){value, gradient};
}

/// An adjoint with the attributes of `op` that are named (at most two); result i is the gradient by
/// target i.
typedef struct {
  const char *name;
  intptr_t operand_count, target_count;
  MlirValue operands[5], targets[3];
  const char *attributes[2];
} adjoint;

enum { MOST_TARGETS = 3 };

static void emit(backward *b, MlirOperation op, const adjoint *a) {
  MlirType types[MOST_TARGETS];
  MlirNamedAttribute attributes[2];
  intptr_t attribute_count = 0;
  for (int i = 0; i < 2 && a->attributes[i]; i++)
    attributes[attribute_count++] =
        binq_named(b->builder.context, a->attributes[i], binq_attribute(op, a->attributes[i]));
  for (intptr_t i = 0; i < a->target_count; i++)
    types[i] = mlirValueGetType(a->targets[i]);
  MlirOperation built = binq_build(&b->builder, &(binq_op_parts){.name = a->name,
                                                                 .operand_count = a->operand_count,
                                                                 .operands = a->operands,
                                                                 .result_count = a->target_count,
                                                                 .results = types,
                                                                 .attribute_count = attribute_count,
                                                                 .attributes = attributes});
  for (intptr_t i = 0; i < a->target_count; i++)
    add_gradient(b, a->targets[i], mlirOperationGetResult(built, i));
}

// --- adjoints; dy is the gradient by the only result

static void walk_sum(backward *b, MlirOperation op, MlirValue dy) {
  add_gradient(b, mlirOperationGetOperand(op, 0), dy);
  add_gradient(b, mlirOperationGetOperand(op, 1), dy);
}

static void walk_rms_norm(backward *b, MlirOperation op, MlirValue dy) {
  MlirValue x = mlirOperationGetOperand(op, 0), weight = mlirOperationGetOperand(op, 1);
  emit(b, op,
       &(adjoint){BINQ_RMS_NORM_GRADIENT, 3, 2, {x, weight, dy}, {x, weight}, {"epsilon", NULL}});
}

static void walk_rope(backward *b, MlirOperation op, MlirValue dy) {
  MlirValue x = mlirOperationGetOperand(op, 0), positions = mlirOperationGetOperand(op, 1);
  emit(b, op, &(adjoint){BINQ_ROPE_GRADIENT, 2, 1, {dy, positions}, {x}, {"head_size", "base"}});
}

static void walk_attention(backward *b, MlirOperation op, MlirValue dy) {
  MlirValue q = mlirOperationGetOperand(op, 0), k = mlirOperationGetOperand(op, 1),
            v = mlirOperationGetOperand(op, 2), y = mlirOperationGetResult(op, 0);
  emit(b, op,
       &(adjoint){BINQ_ATTENTION_GRADIENT,
                  5,
                  3,
                  {q, k, v, y, dy},
                  {q, k, v},
                  {"head_count", "kv_head_count"}});
}

static void walk_swiglu(backward *b, MlirOperation op, MlirValue dy) {
  MlirValue gate = mlirOperationGetOperand(op, 0), up = mlirOperationGetOperand(op, 1);
  emit(b, op, &(adjoint){BINQ_SWIGLU_GRADIENT, 3, 2, {gate, up, dy}, {gate, up}, {NULL, NULL}});
}

static void walk_linear(backward *b, MlirOperation op, MlirValue dy) {
  MlirValue x, weight;
  binq_match_matmul(op, &x, &weight);
  emit(b, op, &(adjoint){BINQ_LINEAR_GRADIENT, 3, 1, {x, weight, dy}, {x}, {NULL, NULL}});
}

typedef void (*walker)(backward *b, MlirOperation op, MlirValue dy);

/// Codes in the cache are no part of a float graph.
static bool is_coded(MlirOperation op) {
  return !mlirAttributeIsNull(binq_attribute(op, BINQ_ATTR_CACHE_FORMAT));
}

static walker find_walker(MlirOperation op) {
  static const struct {
    const char *name;
    walker walk;
  } known[] = {{"arith.addf", walk_sum},
               {BINQ_RMS_NORM, walk_rms_norm},
               {BINQ_ROPE, walk_rope},
               {BINQ_ATTENTION, walk_attention},
               {BINQ_SWIGLU, walk_swiglu}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (binq_op_is(op, known[i].name) && !is_coded(op))
      return known[i].walk;
  return binq_match_matmul(op, NULL, NULL) ? walk_linear : NULL;
}

static binq_status walk_op(backward *b, MlirOperation op) {
  if (mlirOperationGetNumResults(op) != 1)
    return BINQ_OK;
  MlirValue dy = gradient_of(b, mlirOperationGetResult(op, 0));
  if (mlirValueIsNull(dy) || binq_op_is(op, BINQ_PARAM))
    return BINQ_OK;
  walker walk = find_walker(op);
  if (!walk)
    return binq_op_error(op, "has no adjoint");
  b->builder.location = mlirOperationGetLocation(op);
  walk(b, op, dy);
  return BINQ_OK;
}

// --- functions

/// Whether a parameter is a vector of floats, whose gradient the function returns.
static bool is_vector(MlirOperation op) {
  MlirType type = binq_op_is(op, BINQ_PARAM) ? mlirValueGetType(mlirOperationGetResult(op, 0))
                                             : (MlirType){NULL};
  return !mlirTypeIsNull(type) && binq_tensor_shape(type, 1, NULL) &&
         binq_type_is_f32(binq_element_type(type));
}

static binq_status add_result(const backward *b, MlirOperation function, MlirValue value,
                              MlirValue *out) {
  *out = gradient_of(b, value);
  if (!mlirValueIsNull(*out))
    return BINQ_OK;
  MlirOperation op = binq_defining_op(value);
  return mlirOperationIsNull(op)
             ? binq_op_error(function, "has a result that does not depend on its first argument")
             : binq_op_error(op, "is a parameter that the function's result does not depend on");
}

/// Makes `gradients` what the function returns.
static void set_results(const backward *b, MlirOperation function, intptr_t count,
                        const MlirValue *gradients, MlirType *types) {
  MlirType type = mlirTypeAttrGetValue(binq_attribute(function, "function_type"));
  intptr_t input_count = mlirFunctionTypeGetNumInputs(type);
  for (intptr_t i = 0; i < count; i++)
    types[i] = mlirValueGetType(gradients[i]);
  for (intptr_t i = 0; i < input_count; i++)
    types[count + i] = mlirFunctionTypeGetInput(type, i);
  MlirType changed =
      mlirFunctionTypeGet(b->builder.context, input_count, types + count, count, types);
  mlirOperationSetAttributeByName(function, binq_str("function_type"), mlirTypeAttrGet(changed));
  binq_build_return(&b->builder, count, gradients);
}

/// Returns the gradients by the function's first argument and by its vectors.
static binq_status finish(backward *b, MlirOperation function, size_t op_count, binq_arena *arena) {
  MlirBlock body = binq_function_body(function);
  MlirValue *gradients;
  MlirType *types;
  size_t most = op_count + (size_t)mlirBlockGetNumArguments(body) + 1;
  BINQ_TRY(binq_arena_allocate(arena, most, sizeof *gradients, (void *)&gradients));
  BINQ_TRY(binq_arena_allocate(arena, most, sizeof *types, (void *)&types));
  intptr_t count = 0;
  BINQ_TRY(add_result(b, function, mlirBlockGetArgument(body, 0), &gradients[count++]));
  MlirOperation op = mlirBlockGetFirstOperation(body);
  for (; !mlirOperationIsNull(op); op = mlirOperationGetNextInBlock(op))
    if (is_vector(op))
      BINQ_TRY(add_result(b, function, mlirOperationGetResult(op, 0), &gradients[count++]));
  set_results(b, function, count, gradients, types);
  return BINQ_OK;
}

/// The operations of a function's body but for the last, which returns.
static binq_status list_body(MlirBlock body, binq_arena *arena, binq_op_list *out) {
  MlirOperation op = mlirBlockGetFirstOperation(body);
  for (; !mlirOperationIsNull(op); op = mlirOperationGetNextInBlock(op))
    out->count++;
  BINQ_TRY(binq_arena_allocate(arena, out->count, sizeof *out->items, (void *)&out->items));
  size_t i = 0;
  op = mlirBlockGetFirstOperation(body);
  for (; !mlirOperationIsNull(op); op = mlirOperationGetNextInBlock(op))
    out->items[i++] = op;
  out->count--;
  return BINQ_OK;
}

/// One argument at least, and one result: rows that a layer makes of the like, a head of any.
static binq_status check_function(MlirOperation function, MlirOperation last) {
  MlirBlock body = binq_function_body(function);
  MlirStringRef role = {"", 0};
  binq_attribute_string(binq_attribute(function, BINQ_ATTR_ROLE), &role);
  if (mlirBlockGetNumArguments(body) >= 1 && binq_op_is(last, "func.return") &&
      mlirOperationGetNumOperands(last) == 1 &&
      (binq_str_equal(role, "head") ||
       mlirTypeEqual(mlirValueGetType(mlirBlockGetArgument(body, 0)),
                     mlirValueGetType(mlirOperationGetOperand(last, 0)))))
    return BINQ_OK;
  return binq_op_error(function, "has no gradient: a layer has one result, of the type of its "
                                 "first argument, and a head has one result");
}

/// Turns a copy of a function into its gradient.
static binq_status differentiate(MlirOperation function, binq_arena *arena) {
  MlirBlock body = binq_function_body(function);
  if (mlirBlockIsNull(body))
    return binq_op_error(function, "has no body to find the gradient of");
  binq_op_list ops = {0};
  BINQ_TRY(list_body(body, arena, &ops));
  MlirOperation last = ops.items[ops.count];
  BINQ_TRY(check_function(function, last));
  MlirValue y = mlirOperationGetOperand(last, 0);
  mlirOperationDestroy(last);

  backward b = {.builder = binq_builder_at_end(body, mlirOperationGetLocation(function))};
  // An operation adds three values at most.
  BINQ_TRY(binq_arena_allocate(arena, MOST_TARGETS * ops.count + 1, sizeof *b.entries,
                               (void *)&b.entries));
  emit(&b, function, &(adjoint){BINQ_OUTPUT_GRADIENT, 1, 1, {y}, {y}, {NULL, NULL}});
  for (size_t i = ops.count; i-- > 0;)
    BINQ_TRY(walk_op(&b, ops.items[i]));
  return finish(&b, function, ops.count, arena);
}

/// Appends the gradient of a function to the module.
static binq_status add_function(MlirModule module, MlirOperation of, binq_arena *arena) {
  MlirContext context = mlirOperationGetContext(of);
  MlirStringRef name = binq_function_name(of);
  char *text;
  BINQ_TRY(binq_arena_format(arena, &text, "%.*s" BINQ_GRADIENT_SUFFIX, BINQ_STR_ARGS(name)));
  if (!mlirOperationIsNull(binq_function(module, text)))
    return binq_op_error(of, "has a gradient already: there is a function @%s", text);
  MlirOperation function = mlirOperationClone(of);
  mlirOperationSetAttributeByName(function, binq_str("sym_name"),
                                  binq_string_attribute(context, text));
  binq_status status = differentiate(function, arena);
  mlirOperationSetAttributeByName(function, binq_str(BINQ_ATTR_ROLE),
                                  binq_string_attribute(context, "gradient"));
  if (status)
    mlirOperationDestroy(function);
  else
    mlirBlockAppendOwnedOperation(mlirModuleGetBody(module), function);
  return status;
}

/// Appends the gradients of all functions of a role.
static binq_status add_functions(MlirModule module, const char *role, binq_arena *arena) {
  binq_op_list functions;
  BINQ_TRY(binq_functions(module, role, &functions));
  binq_status status = BINQ_OK;
  for (size_t i = 0; !status && i < functions.count; i++)
    status = add_function(module, functions.items[i], arena);
  binq_op_list_free(&functions);
  return status;
}

binq_status binq_build_gradient(MlirModule module) {
  binq_arena *arena;
  BINQ_TRY(binq_arena_create(&arena));
  binq_status status = add_functions(module, "layer", arena);
  if (!status)
    status = add_functions(module, "head", arena);
  binq_arena_destroy(arena);
  return status;
}

// --- the pass

static binq_status run(MlirModule module, const binq_pass_arguments *arguments,
                       const binq_pass_environment *environment) {
  return binq_build_gradient(module);
}

const binq_pass binq_build_gradient_pass = {
    .flag = "binq-build-gradient",
    .summary = "Add the gradients of layers and head",
    .description =
        "For every function of role \"layer\" or \"head\" adds one of role \"gradient\", called "
        "after it with `_gradient` behind. It computes the function, gets the gradient of a loss "
        "by the result from the program that runs it (`binq.output_gradient`), and goes through "
        "the operations backwards: each has one adjoint, and a value that is read several "
        "times gets the sum of their results. The function returns the gradients by the "
        "first argument and by its parameters that are vectors, in their order; those by the "
        "weights of linears are the business of the program, which is called for every "
        "`binq.linear_gradient`.\n\n"
        "Every sequence starts at position 0, and no more is in the cache than its own keys and "
        "values. Functions are float graphs; quantized activations in them are simulated by the "
        "program, straight-through.",
    .run = run,
};

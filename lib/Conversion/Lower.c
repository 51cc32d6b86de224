#include "binq/Conversion/Conversion.h"

#include "Emit.h"
#include "Entries.h"
#include "binq/Pass/Pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// What is collected over the module's functions.
typedef struct {
  MlirModule module, kernels;
  binq_lowering which;
  const binq_isa *isa;
  binq_parameters *parameters; ///< NULL: float parameters, which the host reads
  binq_arena *arena;
  binq_op_list lowered;        ///< distinct functions written so far
  MlirAttribute *descriptions; ///< entries of binq.functions
  binq_lowered_function *functions;
  int count;
  int64_t workspace;
} lowering;

// --- merging

typedef struct {
  char *text;
  size_t size;
  binq_status status;
} printing;

static void append(MlirStringRef part, void *user) {
  printing *p = user;
  if (p->status)
    return;
  char *text = realloc(p->text, p->size + part.length + 1);
  if (!text) {
    p->status = binq_errorf("out of memory printing a function");
    return;
  }
  memcpy(text + p->size, part.data, part.length);
  p->text = text;
  p->size += part.length;
  p->text[p->size] = 0;
}

/// The text of a function as if it had no name.
static binq_status print(MlirOperation function, char **out) {
  MlirAttribute name = binq_attribute(function, "sym_name");
  MlirContext context = mlirOperationGetContext(function);
  mlirOperationSetAttributeByName(function, binq_str("sym_name"),
                                  binq_string_attribute(context, "f"));
  printing p = {0};
  mlirOperationPrint(function, append, &p);
  mlirOperationSetAttributeByName(function, binq_str("sym_name"), name);
  *out = p.text;
  if (p.status)
    free(p.text);
  return p.status;
}

static binq_status are_equal(MlirOperation a, MlirOperation b, bool *out) {
  char *text_a, *text_b;
  BINQ_TRY(print(a, &text_a));
  binq_status status = print(b, &text_b);
  if (!status) {
    *out = strcmp(text_a, text_b) == 0;
    free(text_b);
  }
  free(text_a);
  return status;
}

/// Replaces `function` by an equal one written before, if there is one.
static binq_status merge(lowering *l, MlirOperation *function) {
  for (size_t i = 0; i < l->lowered.count; i++) {
    bool equal;
    BINQ_TRY(are_equal(l->lowered.items[i], *function, &equal));
    if (!equal)
      continue;
    mlirOperationDestroy(*function);
    *function = l->lowered.items[i];
    return BINQ_OK;
  }
  l->lowered.items[l->lowered.count++] = *function;
  return BINQ_OK;
}

/// The first layer's code is called after its role, as most layers share it.
static void rename_layers(const lowering *l) {
  if (!mlirOperationIsNull(binq_function(l->module, "layer")))
    return;
  for (size_t i = 0; i < l->lowered.count; i++) {
    MlirStringRef role;
    MlirOperation function = l->lowered.items[i];
    if (binq_attribute_string(binq_attribute(function, BINQ_ATTR_ROLE), &role) &&
        binq_str_equal(role, "layer")) {
      mlirOperationSetAttributeByName(
          function, binq_str("sym_name"),
          binq_string_attribute(mlirModuleGetContext(l->module), "layer"));
      return;
    }
  }
}

// --- binq.functions

static binq_status linear_names(const binq_plan *plan, binq_arena *arena, MlirAttribute *out) {
  MlirContext context = mlirOperationGetContext(plan->function);
  MlirAttribute *names;
  intptr_t count = 0;
  BINQ_TRY(binq_arena_allocate(arena, (size_t)plan->step_count + 1, sizeof *names, (void *)&names));
  for (int i = 0; i < plan->step_count; i++) {
    if (plan->steps[i].kind != BINQ_STEP_HOST_LINEAR)
      continue;
    MlirValue weight;
    MlirStringRef name;
    binq_match_matmul(plan->steps[i].op, NULL, &weight);
    BINQ_TRY(binq_weight_name(plan->steps[i].op, weight, &name));
    names[count++] = mlirStringAttrGet(context, name);
  }
  *out = mlirArrayAttrGet(context, count, names);
  return BINQ_OK;
}

/// What a caller must know to run a function, but for its callee, which merging may still rename.
static binq_status describe(const binq_plan *plan, binq_arena *arena, binq_lowered_function *out) {
  MlirContext context = mlirOperationGetContext(plan->function);
  MlirAttribute *names;
  int64_t *offsets;
  size_t count = (size_t)plan->stored_count;
  BINQ_TRY(binq_arena_allocate(arena, count + 1, sizeof *names, (void *)&names));
  BINQ_TRY(binq_arena_allocate(arena, count + 1, sizeof *offsets, (void *)&offsets));
  for (size_t i = 0; i < count; i++) {
    names[i] = mlirStringAttrGet(context, plan->stored[i].name);
    offsets[i] = plan->stored[i].offset;
  }
  out->name = binq_attribute(plan->function, "sym_name");
  out->base = plan->base;
  out->params = mlirArrayAttrGet(context, (intptr_t)count, names);
  out->offsets = mlirDenseI64ArrayGet(context, (intptr_t)count, offsets);
  return linear_names(plan, arena, &out->linears);
}

static MlirAttribute description(MlirContext context, const binq_lowered_function *function) {
  MlirStringRef callee = binq_function_name(function->callee);
  MlirNamedAttribute entries[] = {
      binq_named(context, "name", function->name),
      binq_named(context, "callee", mlirFlatSymbolRefAttrGet(context, callee)),
      binq_named(context, "params", function->params),
      binq_named(context, "offsets", function->offsets),
      binq_named(context, "linears", function->linears),
      binq_named(context, "base", binq_i64_attribute(context, function->base)),
  };
  return mlirDictionaryAttrGet(context, 6, entries);
}

static binq_status set_attributes(const lowering *l) {
  MlirContext context = mlirModuleGetContext(l->module);
  MlirOperation module = mlirModuleGetOperation(l->module);
  MlirAttribute *all;
  BINQ_TRY(binq_arena_allocate(l->arena, (size_t)l->count + 1, sizeof *all, (void *)&all));
  for (int i = 0; i < l->count; i++)
    all[i] = description(context, &l->functions[i]);
  mlirOperationSetAttributeByName(module, binq_str(BINQ_ATTR_FUNCTIONS),
                                  mlirArrayAttrGet(context, l->count, all));
  mlirOperationSetAttributeByName(module, binq_str(BINQ_ATTR_WORKSPACE_PER_TOKEN),
                                  binq_i64_attribute(context, l->workspace));
  mlirOperationSetAttributeByName(module, binq_str(BINQ_ATTR_ISA),
                                  binq_string_attribute(context, l->isa->name));
  return BINQ_OK;
}

// --- the module

/// Writes the lowered form of a function in its place.
static binq_status lower_function(lowering *l, MlirOperation function) {
  binq_plan plan;
  BINQ_TRY(binq_plan_function(function, l->parameters, l->isa, l->which, l->arena, &plan));
  binq_lowered_function *out = &l->functions[l->count++];
  out->role = binq_attribute(function, BINQ_ATTR_ROLE);
  out->cache = plan.cache;
  BINQ_TRY(describe(&plan, l->arena, out));
  if (l->workspace < plan.workspace)
    l->workspace = plan.workspace;
  // A string of MLIR's, NUL-terminated.
  const char *name = binq_function_name(function).data;
  mlirOperationRemoveFromParent(function);
  binq_status status = binq_emit_plan(l->module, l->kernels, &plan, name, l->arena, &out->callee);
  mlirOperationDestroy(function);
  BINQ_TRY(status);
  return merge(l, &out->callee);
}

/// The parameter file, if the module has one.
static binq_status open_parameters(lowering *l) {
  MlirStringRef path;
  MlirOperation module = mlirModuleGetOperation(l->module);
  if (!binq_attribute_string(binq_attribute(module, BINQ_ATTR_PARAMETERS), &path))
    return BINQ_OK;
  char *copy;
  BINQ_TRY(binq_arena_copy_string(l->arena, path.data, path.length, &copy));
  binq_status status = binq_parameters_open(copy, &l->parameters);
  if (status)
    mlirEmitError(mlirOperationGetLocation(module), binq_status_message(status));
  return status;
}

static binq_status lower_functions(lowering *l, const binq_op_list *functions) {
  size_t count = functions->count + 1;
  BINQ_TRY(binq_arena_allocate(l->arena, count, sizeof *l->functions, (void *)&l->functions));
  BINQ_TRY(
      binq_arena_allocate(l->arena, count, sizeof *l->lowered.items, (void *)&l->lowered.items));
  for (size_t i = 0; i < functions->count; i++)
    if (binq_is_lowered(functions->items[i]))
      BINQ_TRY(lower_function(l, functions->items[i]));
  rename_layers(l);
  if (l->parameters)
    BINQ_TRY(binq_emit_entries(l->module, l->functions, l->count, &l->workspace));
  return set_attributes(l);
}

/// What a rotary embedding and its table agree on.
typedef struct {
  int64_t head_size;
  double base;
} rotation;

static binq_status check_rotation(MlirOperation rope, const rotation *expected, rotation *found) {
  BINQ_TRY(binq_get_integer(rope, "head_size", &found->head_size));
  BINQ_TRY(binq_get_number(rope, "base", &found->base));
  if (expected->head_size &&
      (found->head_size != expected->head_size || found->base != expected->base))
    return binq_op_error(rope, "has another head_size or base than the module's one rotary table");
  return BINQ_OK;
}

static binq_status check_rotations_of(MlirModule module, const char *name, rotation *expected) {
  binq_op_list ropes;
  BINQ_TRY(binq_collect(mlirModuleGetOperation(module), name, &ropes));
  binq_status status = BINQ_OK;
  for (size_t i = 0; i < ropes.count && !status; i++) {
    rotation found;
    status = check_rotation(ropes.items[i], expected, &found);
    *expected = found;
  }
  binq_op_list_free(&ropes);
  return status;
}

/// Functions get one rotary table: that of the model, if there is one, else that of the first
/// embedding.
static binq_status check_rotations(MlirModule module) {
  rotation expected = {0};
  MlirOperation op = mlirModuleGetOperation(module);
  if (!mlirAttributeIsNull(binq_attribute(op, BINQ_ATTR_MODEL))) {
    binq_model_info model;
    BINQ_TRY(binq_model_info_get(module, &model));
    expected = (rotation){model.head_size, model.rope_base};
  }
  BINQ_TRY(check_rotations_of(module, BINQ_ROPE, &expected));
  return check_rotations_of(module, BINQ_ROPE_GRADIENT, &expected);
}

static binq_status lower(lowering *l) {
  BINQ_TRY(check_rotations(l->module));
  BINQ_TRY(open_parameters(l));
  BINQ_TRY(binq_kernels_parse(mlirModuleGetContext(l->module), l->isa, &l->kernels));
  binq_op_list functions;
  BINQ_TRY(binq_functions(l->module, NULL, &functions));
  binq_status status = lower_functions(l, &functions);
  binq_op_list_free(&functions);
  return status;
}

static binq_status unknown_isa(const char *name) {
  char known[32 * BINQ_ISA_COUNT] = "";
  size_t used = 0;
  for (size_t i = 0; i < BINQ_ISA_COUNT && used < sizeof known; i++)
    used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                             binq_isas[i].name);
  return binq_errorf("'%s' is no instruction set that binq compiles for; there are: %s", name,
                     known);
}

binq_status binq_lower(MlirModule module, const char *isa, binq_lowering which) {
  BINQ_TRY(binq_verify(module));
  lowering l = {.module = module, .which = which, .isa = binq_isa_find(isa, strlen(isa))};
  if (!l.isa)
    return unknown_isa(isa);
  BINQ_TRY(binq_arena_create(&l.arena));
  binq_status status = lower(&l);
  if (!mlirModuleIsNull(l.kernels))
    mlirModuleDestroy(l.kernels);
  binq_parameters_close(l.parameters);
  binq_arena_destroy(l.arena);
  return status;
}

// --- the pass

static binq_status run(MlirModule module, const binq_pass_arguments *arguments,
                       const binq_pass_environment *environment) {
  binq_lowering which;
  BINQ_TRY(binq_lowering_of(binq_pass_string(arguments, "lowering"), &which));
  return binq_lower(module, binq_pass_string(arguments, "isa"), which);
}

static const binq_pass_option options[] = {
    {"isa", BINQ_OPTION_STRING, "x86-64-v3",
     "Instruction set that the kernels are for: `x86-64-v2`, `x86-64-v3`, `x86-64-v4` (with "
     "AVX512-VNNI, -VPOPCNTDQ, -BITALG and -VBMI), `armv8-a` or `armv8.2-a` (with DotProd)."},
    {"lowering", BINQ_OPTION_STRING, "auto",
     "How linears in bit planes are computed, which changes no result: 'popcount' counts the ones "
     "that planes of weights and activations share, 'lut' looks up sums of four activations by "
     "four bits of a weight plane, 'dot' expands weights to bytes and multiplies; 'auto' looks up "
     "for few tokens and multiplies for many."},
};

const binq_pass binq_lower_pass = {
    .flag = "binq-lower",
    .summary = "Lower graphs to calls of kernels on memory",
    .description =
        "Replaces every function on tensors by one on memory that calls kernels, specialised for "
        "the sizes that occur. Any number of threads run such a function side by side: it takes "
        "the number of the thread, every kernel does its share, and threads meet at barriers. "
        "Nothing is allocated: intermediate values lie in a workspace, whose size is written to "
        "the module.\n\n"
        "Quantized linears and embeddings become kernels on the parameter file's bytes; float "
        "ones become calls of the program that runs the code. Functions whose code is the same, "
        "as that of most layers is, are merged. A module with a parameter file gets two entries: "
        "`@binq_forward` runs the embedding and all layers, `@binq_head` makes logits.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .run = run,
};

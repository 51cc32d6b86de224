#include "binq/Conversion/Kernels.h"

#include "Halves.h"
#include "binq/Dialect/IR.h"
#include "binq/Support/Memory.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ARGUMENTS = 32 };

extern const char binq_kernel_common[], binq_kernel_linear_sums[], binq_kernel_sums_of_codes[],
    binq_kernel_sums_of_planes[], binq_kernel_linear_int8[], binq_kernel_quantize_planes[],
    binq_kernel_quantize_int8[], binq_kernel_embedding_int8[], binq_kernel_embedding_planes[],
    binq_kernel_rms_norm[], binq_kernel_rope[], binq_kernel_append_cache[], binq_kernel_attention[],
    binq_kernel_coded_heads[], binq_kernel_append_coded[], binq_kernel_attention_coded[],
    binq_kernel_swiglu[], binq_kernel_add[], binq_kernel_rms_norm_gradient[],
    binq_kernel_rope_gradient[], binq_kernel_attention_gradient[], binq_kernel_swiglu_gradient[],
    binq_kernel_product[], binq_kernel_sums_lut[], binq_kernel_sums_popcount[],
    binq_kernel_linear_dot[], binq_kernel_dot_pairs[], binq_kernel_dot_quads[],
    binq_kernel_isa_avx2[], binq_kernel_isa_avx512[], binq_kernel_isa_ssse3[],
    binq_kernel_isa_halves[], binq_kernel_isa_pairs[], binq_kernel_isa_neon[],
    binq_kernel_isa_dotprod[], binq_kernel_coded_pairs[], binq_kernel_coded_digits[],
    binq_kernel_look_up_64[], binq_kernel_expand_panel[];

static const char *const texts[] = {
    binq_kernel_common,
    binq_kernel_linear_sums,
    binq_kernel_sums_of_codes,
    binq_kernel_sums_of_planes,
    binq_kernel_linear_int8,
    binq_kernel_linear_dot,
    binq_kernel_expand_panel,
    binq_kernel_sums_lut,
    binq_kernel_sums_popcount,
    binq_kernel_quantize_planes,
    binq_kernel_quantize_int8,
    binq_kernel_embedding_int8,
    binq_kernel_embedding_planes,
    binq_kernel_rms_norm,
    binq_kernel_rope,
    binq_kernel_append_cache,
    binq_kernel_attention,
    binq_kernel_coded_heads,
    binq_kernel_append_coded,
    binq_kernel_attention_coded,
    binq_kernel_swiglu,
    binq_kernel_add,
    binq_kernel_rms_norm_gradient,
    binq_kernel_rope_gradient,
    binq_kernel_attention_gradient,
    binq_kernel_swiglu_gradient,
    binq_kernel_product,
};

enum { TEXTS = sizeof texts / sizeof *texts, MAX_OWN_TEXTS = 6 };

/// The texts of one instruction set: the functions that the others call and do not have.
typedef struct {
  const char *isa;
  const char *texts[MAX_OWN_TEXTS];
} own_texts;

static const own_texts own[] = {
    {"x86-64-v2",
     {binq_kernel_isa_ssse3, binq_kernel_dot_pairs, binq_kernel_coded_pairs, binq_kernel_isa_pairs,
      binq_kernel_isa_halves, binq_kernel_look_up_64}},
    {"x86-64-v3",
     {binq_kernel_isa_avx2, binq_kernel_dot_pairs, binq_kernel_coded_pairs,
      binq_kernel_look_up_64}},
    {"x86-64-v4",
     {binq_kernel_isa_avx2, binq_kernel_isa_avx512, binq_kernel_dot_quads,
      binq_kernel_coded_digits}},
    {"armv8-a",
     {binq_kernel_isa_neon, binq_kernel_dot_pairs, binq_kernel_coded_pairs, binq_kernel_isa_pairs,
      binq_kernel_look_up_64}},
    {"armv8.2-a",
     {binq_kernel_isa_neon, binq_kernel_isa_dotprod, binq_kernel_dot_quads, binq_kernel_coded_pairs,
      binq_kernel_isa_pairs, binq_kernel_look_up_64}},
};

_Static_assert(sizeof own / sizeof *own == BINQ_ISA_COUNT, "every instruction set has its texts");

static void append(const char **all, size_t *count, const char *const *more, size_t most) {
  for (size_t i = 0; i < most && more[i]; i++)
    all[(*count)++] = more[i];
}

/// Parses texts as operations of one module: a kernel calls functions of another file.
static binq_status parse(MlirContext context, const char *const *parts, size_t count,
                         MlirModule *out) {
  size_t size = 1;
  for (size_t i = 0; i < count; i++)
    size += strlen(parts[i]);
  char *text;
  BINQ_TRY(binq_allocate(size, 1, "the text of the kernels", &text));
  char *end = text;
  for (size_t i = 0; i < count; i++)
    end = stpcpy(end, parts[i]);
  *out = mlirModuleCreateParse(context, binq_str(text));
  free(text);
  if (mlirModuleIsNull(*out))
    return binq_errorf("the text of the kernels does not parse");
  return BINQ_OK;
}

binq_status binq_kernels_parse(MlirContext context, const binq_isa *isa, MlirModule *out) {
  const char *all[TEXTS + MAX_OWN_TEXTS];
  size_t count = 0;
  append(all, &count, texts, TEXTS);
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (strcmp(own[i].isa, isa->name) == 0)
      append(all, &count, own[i].texts, MAX_OWN_TEXTS);
  *out = (MlirModule){NULL};
  MlirModule kernels;
  BINQ_TRY(parse(context, all, count, &kernels));
  binq_status status = binq_replace_halves(kernels);
  if (status)
    mlirModuleDestroy(kernels);
  else
    *out = kernels;
  return status;
}

/// Makes the last arguments of a function constants.
static void bind_constants(MlirOperation function, const binq_kernel_use *use) {
  MlirContext context = mlirOperationGetContext(function);
  MlirBlock body = binq_function_body(function);
  binq_builder builder = binq_builder_before(mlirBlockGetFirstOperation(body));
  intptr_t kept = mlirBlockGetNumArguments(body) - (intptr_t)use->constant_count;
  for (size_t i = 0; i < use->constant_count; i++) {
    MlirType type = mlirAttributeGetType(use->constants[i]);
    MlirNamedAttribute value = binq_named(context, "value", use->constants[i]);
    MlirValue constant = binq_build_value(&builder, &(binq_op_parts){.name = "arith.constant",
                                                                     .result_count = 1,
                                                                     .results = &type,
                                                                     .attribute_count = 1,
                                                                     .attributes = &value});
    mlirValueReplaceAllUsesOfWith(mlirBlockGetArgument(body, kept), constant);
    mlirBlockEraseArgument(body, (unsigned)kept);
  }
  MlirType inputs[MAX_ARGUMENTS];
  for (intptr_t i = 0; i < kept; i++)
    inputs[i] = mlirValueGetType(mlirBlockGetArgument(body, i));
  MlirType type = mlirFunctionTypeGet(context, kept, inputs, 0, NULL);
  mlirOperationSetAttributeByName(function, binq_str("function_type"), mlirTypeAttrGet(type));
}

/// Only this module sees a kernel. What kernels share is inlined into them, but for what asks not
/// to be; kernels themselves are not inlined. So the code of a layer stays small.
static void set_attributes(MlirOperation function, bool is_shared) {
  MlirContext context = mlirOperationGetContext(function);
  is_shared = is_shared && !mlirOperationRemoveAttributeByName(function, binq_str("binq.outlined"));
  MlirAttribute inlining = binq_string_attribute(context, is_shared ? "alwaysinline" : "noinline");
  mlirOperationSetAttributeByName(function, binq_str("passthrough"),
                                  mlirArrayAttrGet(context, 1, &inlining));
  mlirOperationSetAttributeByName(
      function, binq_str("llvm.linkage"),
      mlirAttributeParseGet(context, binq_str("#llvm.linkage<internal>")));
  mlirOperationSetAttributeByName(function, binq_str(BINQ_ATTR_KERNEL), mlirUnitAttrGet(context));
}

/// Whether the module has that copy already.
static binq_status find_copy(MlirModule module, const char *name, bool *found) {
  MlirOperation function = binq_function(module, name);
  *found = !mlirOperationIsNull(function);
  if (*found && mlirAttributeIsNull(binq_attribute(function, BINQ_ATTR_KERNEL)))
    return binq_op_error(function, "has the name of a kernel; choose another");
  return BINQ_OK;
}

typedef struct {
  MlirModule kernels, module;
} copying;

static binq_status copy_shared(const copying *c, const char *name);

static binq_status copy_callee(MlirOperation op, void *user) {
  if (!binq_op_is(op, "func.call"))
    return BINQ_OK;
  // MLIR ends the strings of attributes with a NUL.
  MlirStringRef callee = mlirFlatSymbolRefAttrGetValue(binq_attribute(op, "callee"));
  return copy_shared(user, callee.data);
}

/// Copies a function that kernels call, and what it calls.
static binq_status copy_shared(const copying *c, const char *name) {
  bool found;
  BINQ_TRY(find_copy(c->module, name, &found));
  if (found)
    return BINQ_OK;
  MlirOperation function = mlirOperationClone(binq_function(c->kernels, name));
  set_attributes(function, true);
  mlirBlockAppendOwnedOperation(mlirModuleGetBody(c->module), function);
  return binq_walk(function, copy_callee, (void *)c);
}

binq_status binq_kernel_instantiate(MlirModule kernels, MlirModule module,
                                    const binq_kernel_use *use) {
  bool found;
  BINQ_TRY(find_copy(module, use->name, &found));
  if (found)
    return BINQ_OK;
  MlirOperation function = mlirOperationClone(binq_function(kernels, use->kernel));
  mlirOperationSetAttributeByName(
      function, binq_str("sym_name"),
      binq_string_attribute(mlirOperationGetContext(function), use->name));
  bind_constants(function, use);
  set_attributes(function, false);
  mlirBlockAppendOwnedOperation(mlirModuleGetBody(module), function);
  copying c = {kernels, module};
  return binq_walk(function, copy_callee, &c);
}

// From the graph to code that runs in this process.
#include "Internal.h"

#include "binq/Conversion/Conversion.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static binq_status missing(const char *what) {
  return binq_errorf("the lowered graph does not tell %s", what);
}

/// Float values of the vector `name`, a parameter of the function.
static binq_status vector_size(MlirOperation function, MlirStringRef name, int64_t *out) {
  binq_op_list params;
  BINQ_TRY(binq_collect(function, BINQ_PARAM, &params));
  binq_status status = missing("the size of a parameter");
  for (size_t i = 0; i < params.count && status; i++) {
    MlirType type = mlirValueGetType(mlirOperationGetResult(params.items[i], 0));
    if (!mlirStringRefEqual(binq_param_name(params.items[i]), name) ||
        !binq_tensor_shape(type, 1, out))
      continue;
    binq_status_free(status);
    status = BINQ_OK;
  }
  binq_op_list_free(&params);
  return status;
}

/// What lowering says of a function's small parameters: where each goes.
typedef struct {
  MlirAttribute names, offsets;
  intptr_t count;
} storage;

static binq_status describe_vector(binq_graph *graph, const storage *s, intptr_t i,
                                   MlirOperation function, binq_graph_vector *out) {
  MlirStringRef text;
  char *name;
  if (!binq_attribute_string(mlirArrayAttrGetElement(s->names, i), &text))
    return missing("the name of a parameter");
  BINQ_TRY(vector_size(function, text, &out->size));
  BINQ_TRY(binq_arena_copy_string(graph->arena, text.data, text.length, &name));
  out->name = name;
  out->offset = mlirDenseI64ArrayGetElement(s->offsets, i) / (int64_t)sizeof(float);
  return BINQ_OK;
}

/// A norm that is no number would make everything behind it none.
static binq_status check_vector(const binq_graph_vector *vector, const float *values) {
  for (int64_t i = 0; i < vector->size; i++)
    if (!isfinite(values[vector->offset + i]))
      return binq_errorf("'%s': value %lld is not a finite number", vector->name, (long long)i);
  return BINQ_OK;
}

/// Reads the small parameters into memory laid out as the code expects.
static binq_status read_vectors(binq_graph *graph, const storage *s, MlirOperation function,
                                graph_function *out) {
  binq_graph_vector *vectors;
  float *values;
  int64_t floats = 0;
  BINQ_TRY(binq_arena_allocate(graph->arena, (size_t)s->count, sizeof *vectors, (void *)&vectors));
  for (intptr_t i = 0; i < s->count; i++) {
    BINQ_TRY(describe_vector(graph, s, i, function, &vectors[i]));
    int64_t end = vectors[i].offset + binq_round_up(vectors[i].size, BINQ_ROW_MULTIPLE);
    floats = end > floats ? end : floats;
  }
  BINQ_TRY(binq_arena_allocate(graph->arena, (size_t)floats, sizeof *values, &values));
  for (intptr_t i = 0; i < s->count; i++) {
    const void *tensor;
    BINQ_TRY(
        graph->weights.find(graph->weights.user, vectors[i].name, 1, vectors[i].size, &tensor));
    graph->weights.read(tensor, 0, 1, values + vectors[i].offset);
    BINQ_TRY(check_vector(&vectors[i], values));
  }
  out->public.vectors = vectors;
  out->public.vector_count = s->count;
  out->public.vector_floats = floats;
  out->public.vector_values = values;
  return BINQ_OK;
}

/// The code of a function that several may share.
static binq_status find_code(binq_graph *graph, const binq_jit *jit, MlirAttribute entry,
                             graph_function *out) {
  MlirAttribute callee = binq_dictionary_entry(entry, "callee");
  if (mlirAttributeIsNull(callee) || !mlirAttributeIsAFlatSymbolRef(callee))
    return missing("the code of a function");
  MlirStringRef symbol = mlirFlatSymbolRefAttrGetValue(callee);
  char *entry_name;
  BINQ_TRY(binq_arena_copy_string(graph->arena, symbol.data, symbol.length, &entry_name));
  return binq_jit_find(jit, entry_name, &out->call);
}

binq_status binq_graph_link(binq_graph *graph, const binq_jit *jit, MlirAttribute entry,
                            MlirOperation function, graph_function *out) {
  storage s = {binq_dictionary_entry(entry, "params"), binq_dictionary_entry(entry, "offsets"), 0};
  if (mlirAttributeIsNull(s.names) || !mlirAttributeIsAArray(s.names) ||
      mlirAttributeIsNull(s.offsets) || !mlirAttributeIsADenseI64Array(s.offsets))
    return missing("the parameters of a function");
  s.count = mlirArrayAttrGetNumElements(s.names);
  BINQ_TRY(find_code(graph, jit, entry, out));
  return read_vectors(graph, &s, function, out);
}

static binq_status link_function(binq_graph *graph, MlirModule module, MlirAttribute entry) {
  MlirStringRef name;
  if (!binq_attribute_string(binq_dictionary_entry(entry, "name"), &name))
    return missing("the name of a function");
  for (int64_t i = 0; i < graph->function_count; i++) {
    graph_function *function = &graph->functions[i];
    if (binq_str_equal(name, function->public.name))
      BINQ_TRY(binq_graph_link(graph, graph->jit, entry,
                               binq_function(module, function->public.name), function));
  }
  return BINQ_OK;
}

MlirAttribute binq_graph_entry(MlirAttribute entries, const char *name, const char *suffix) {
  size_t length = strlen(name);
  for (intptr_t i = 0; i < mlirArrayAttrGetNumElements(entries); i++) {
    MlirAttribute entry = mlirArrayAttrGetElement(entries, i);
    MlirStringRef text;
    if (binq_attribute_string(binq_dictionary_entry(entry, "name"), &text) &&
        text.length >= length && memcmp(text.data, name, length) == 0 &&
        strcmp(text.data + length, suffix) == 0)
      return entry;
  }
  return mlirAttributeGetNull();
}

/// Finds code and parameters of every function in what `lowered` says of them.
static binq_status link_functions(binq_graph *graph, MlirModule module, MlirModule lowered) {
  MlirOperation op = mlirModuleGetOperation(lowered);
  MlirAttribute entries = binq_attribute(op, BINQ_ATTR_FUNCTIONS);
  BINQ_TRY(binq_get_integer(op, BINQ_ATTR_WORKSPACE_PER_TOKEN, &graph->token_workspace));
  if (mlirAttributeIsNull(entries) || !mlirAttributeIsAArray(entries))
    return missing("its functions");
  for (intptr_t i = 0; i < mlirArrayAttrGetNumElements(entries); i++)
    BINQ_TRY(link_function(graph, module, mlirArrayAttrGetElement(entries, i)));
  for (int64_t i = 0; i < graph->function_count; i++)
    if (!graph->functions[i].call)
      return binq_errorf("the lowered graph has no function '%s'", graph->functions[i].public.name);
  return BINQ_OK;
}

binq_status binq_graph_compile_copy(MlirModule copy, binq_jit **out) {
  BINQ_TRY(binq_lower(copy, BINQ_JIT_ISA, BINQ_LOWERING_AUTO));
  BINQ_TRY(binq_to_llvm(copy));
  // Data and function pointers look the same on every machine there is a JIT for.
  const binq_jit_symbol callbacks[] = {
      {"_mlir_ciface_binq_host_linear", (void *)binq_host_linear},
      {"_mlir_ciface_binq_host_embedding", (void *)binq_host_embedding},
      {"_mlir_ciface_binq_host_linear_gradient", (void *)binq_host_linear_gradient},
      {"_mlir_ciface_binq_host_output_gradient", (void *)binq_host_output_gradient},
      {"_mlir_ciface_binq_barrier", (void *)binq_host_barrier}};
  return binq_jit_create(copy, callbacks, sizeof callbacks / sizeof *callbacks, out);
}

MlirModule binq_graph_copy(const binq_graph *graph) {
  MlirOperation module = mlirModuleGetOperation(graph->module);
  MlirModule copy = mlirModuleFromOperation(mlirOperationClone(module));
  // Its floats are the host's business, wherever they are stored.
  mlirOperationRemoveAttributeByName(mlirModuleGetOperation(copy), binq_str(BINQ_ATTR_PARAMETERS));
  return copy;
}

binq_status binq_graph_compile(binq_graph *graph) {
  MlirModule copy = binq_graph_copy(graph);
  binq_status status = binq_graph_compile_copy(copy, &graph->jit);
  if (!status)
    status = link_functions(graph, graph->module, copy);
  mlirModuleDestroy(copy);
  return status;
}

// --- gradients

/// Takes away all functions but those of a role.
static binq_status keep_role(MlirModule module, const char *role) {
  binq_op_list functions;
  BINQ_TRY(binq_functions(module, NULL, &functions));
  for (size_t i = 0; i < functions.count; i++) {
    MlirStringRef found;
    if (!binq_attribute_string(binq_attribute(functions.items[i], BINQ_ATTR_ROLE), &found) ||
        !binq_str_equal(found, role))
      mlirOperationDestroy(functions.items[i]);
  }
  binq_op_list_free(&functions);
  return BINQ_OK;
}

/// A gradient reads the parameters of its function as they are laid out for that.
static binq_status link_gradient(binq_graph *graph, const binq_jit *jit, MlirAttribute entries,
                                 const graph_function *of, graph_function *out) {
  *out = *of;
  MlirAttribute entry = binq_graph_entry(entries, of->public.name, BINQ_GRADIENT_SUFFIX);
  MlirAttribute names = binq_dictionary_entry(entry, "params");
  if (mlirAttributeIsNull(names) || !mlirAttributeIsAArray(names) ||
      mlirArrayAttrGetNumElements(names) != of->public.vector_count)
    return missing("the parameters of a gradient");
  return find_code(graph, jit, entry, out);
}

/// Compiles the gradients of the functions of a role. Gets what lowering says of them, and the
/// bytes of workspace that they need a token.
static binq_status compile_gradients(binq_graph *graph, MlirModule copy, const char *role,
                                     binq_jit **jit, MlirAttribute *entries, int64_t *workspace) {
  MlirOperation op = mlirModuleGetOperation(copy);
  BINQ_TRY(keep_role(copy, role));
  BINQ_TRY(binq_build_gradient(copy));
  BINQ_TRY(keep_role(copy, "gradient"));
  if (!graph->gradients.slabs)
    BINQ_TRY(binq_allocate((size_t)(2 * graph->widest * BINQ_HOST_SLAB_ROWS), sizeof(float),
                           "a slab of weights", &graph->gradients.slabs));
  BINQ_TRY(binq_graph_compile_copy(copy, jit));
  *entries = binq_attribute(op, BINQ_ATTR_FUNCTIONS);
  if (mlirAttributeIsNull(*entries) || !mlirAttributeIsAArray(*entries))
    return missing("its functions");
  return binq_get_integer(op, BINQ_ATTR_WORKSPACE_PER_TOKEN, workspace);
}

static binq_status compile_layers(binq_graph *graph, MlirModule copy) {
  graph_gradients *gradients = &graph->gradients;
  MlirAttribute entries;
  int64_t workspace, layers = graph->model.layer_count;
  BINQ_TRY(compile_gradients(graph, copy, "layer", &gradients->jit, &entries, &workspace));
  if (graph->token_workspace < workspace)
    graph->token_workspace = workspace;
  BINQ_TRY(binq_arena_allocate(graph->arena, (size_t)layers, sizeof *gradients->layers,
                               (void *)&gradients->layers));
  for (int64_t i = 0; i < layers; i++)
    BINQ_TRY(
        link_gradient(graph, gradients->jit, entries, &graph->layers[i], &gradients->layers[i]));
  return BINQ_OK;
}

static binq_status compile_head(binq_graph *graph, MlirModule copy) {
  graph_gradients *gradients = &graph->gradients;
  MlirAttribute entries;
  BINQ_TRY(compile_gradients(graph, copy, "head", &gradients->head_jit, &entries,
                             &gradients->head_workspace));
  return link_gradient(graph, gradients->head_jit, entries, graph->head, &gradients->head);
}

/// Compiles by `compile` what `jit` is for, unless it is there.
static binq_status compile_once(binq_graph *graph, binq_jit **jit,
                                binq_status (*compile)(binq_graph *, MlirModule)) {
  if (*jit)
    return BINQ_OK;
  MlirModule copy = binq_graph_copy(graph);
  binq_status status = compile(graph, copy);
  mlirModuleDestroy(copy);
  if (status) {
    binq_jit_destroy(*jit);
    *jit = NULL;
  }
  return status;
}

binq_status binq_graph_compile_gradients(binq_graph *graph) {
  return compile_once(graph, &graph->gradients.jit, compile_layers);
}

binq_status binq_graph_compile_head_gradient(binq_graph *graph) {
  return compile_once(graph, &graph->gradients.head_jit, compile_head);
}

// The code of the parts that layers are cut into.
#include "Cut.h"

#include "binq/Conversion/Conversion.h"
#include <stdlib.h>

/// Puts the parts of the layers in the place of the graph's functions.
static binq_status cut_layers(binq_graph *graph, MlirModule copy) {
  binq_op_list functions, layers;
  BINQ_TRY(binq_functions(copy, NULL, &functions));
  binq_status status = binq_functions(copy, "layer", &layers);
  for (size_t i = 0; i < layers.count && !status; i++)
    status = binq_cut_layer(copy, layers.items[i], graph->arena, &graph->cuts.layers[i]);
  for (size_t i = 0; i < functions.count; i++)
    mlirOperationDestroy(functions.items[i]);
  binq_op_list_free(&layers);
  binq_op_list_free(&functions);
  return status;
}

/// `parts` is what `lowered` was made of.
static binq_status link_parts(binq_graph *graph, MlirModule parts, MlirModule lowered) {
  MlirOperation op = mlirModuleGetOperation(lowered);
  MlirAttribute entries = binq_attribute(op, BINQ_ATTR_FUNCTIONS);
  for (int64_t layer = 0; layer < graph->model.layer_count; layer++) {
    const graph_cut *cut = &graph->cuts.layers[layer];
    for (int64_t i = 0; i < cut->part_count; i++) {
      graph_function *function = &cut->parts[i].function;
      const char *name = function->public.name;
      BINQ_TRY(binq_graph_link(graph, graph->cuts.jit, binq_graph_entry(entries, name, ""),
                               binq_function(parts, name), function));
      function->public.linears = graph->layers[layer].public.linears;
      function->public.linear_count = graph->layers[layer].public.linear_count;
      function->tensors = graph->layers[layer].tensors;
    }
  }
  int64_t workspace;
  BINQ_TRY(binq_get_integer(op, BINQ_ATTR_WORKSPACE_PER_TOKEN, &workspace));
  if (graph->token_workspace < workspace)
    graph->token_workspace = workspace;
  return BINQ_OK;
}

static binq_status compile_parts(binq_graph *graph, MlirModule parts) {
  size_t layers = (size_t)graph->model.layer_count;
  BINQ_TRY(binq_arena_allocate(graph->arena, layers, sizeof *graph->cuts.layers,
                               (void *)&graph->cuts.layers));
  BINQ_TRY(cut_layers(graph, parts));
  MlirModule lowered = mlirModuleFromOperation(mlirOperationClone(mlirModuleGetOperation(parts)));
  binq_status status = binq_graph_compile_copy(lowered, &graph->cuts.jit);
  if (!status)
    status = link_parts(graph, parts, lowered);
  mlirModuleDestroy(lowered);
  return status;
}

binq_status binq_graph_compile_cuts(binq_graph *graph) {
  if (graph->cuts.jit)
    return BINQ_OK;
  MlirModule copy = binq_graph_copy(graph);
  binq_status status = compile_parts(graph, copy);
  mlirModuleDestroy(copy);
  if (status) {
    binq_jit_destroy(graph->cuts.jit);
    graph->cuts.jit = NULL;
  }
  return status;
}

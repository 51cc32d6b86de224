// The table of a graph's functions: what each computes, with which parameters.
#include "Internal.h"

#include "binq/Calibrate/Linears.h"
#include <stdlib.h>
#include <string.h>

static binq_status describe_linears(binq_graph *graph, MlirOperation op, graph_function *out) {
  binq_linear_sites sites;
  BINQ_TRY(binq_linear_sites_find(op, graph->arena, &sites));
  binq_graph_linear *linears;
  size_t count = (size_t)sites.linear_count;
  BINQ_TRY(binq_arena_allocate(graph->arena, count, sizeof *linears, (void *)&linears));
  BINQ_TRY(binq_arena_allocate(graph->arena, count, sizeof *out->tensors, (void *)&out->tensors));
  for (size_t i = 0; i < count; i++) {
    const binq_linear_site *site = &sites.linears[i];
    linears[i] =
        (binq_graph_linear){site->name, site->rows, site->columns, site->input, site->adds};
    BINQ_TRY(graph->weights.find(graph->weights.user, site->name, site->rows, site->columns,
                                 &out->tensors[i]));
  }
  out->public.linears = linears;
  out->public.linear_count = sites.linear_count;
  out->public.input_count = sites.input_count;
  return BINQ_OK;
}

/// Finds the table of the function's embedding, if it has one.
static binq_status find_table(binq_graph *graph, MlirOperation op, graph_function *out) {
  binq_op_list embeddings;
  BINQ_TRY(binq_collect(op, BINQ_EMBEDDING, &embeddings));
  binq_status status = BINQ_OK;
  for (size_t i = 0; i < embeddings.count && !status; i++) {
    MlirOperation parameter = binq_param_of(mlirOperationGetOperand(embeddings.items[i], 1));
    char *name;
    MlirStringRef text = {"", 0};
    if (!mlirOperationIsNull(parameter))
      text = binq_param_name(parameter);
    status = binq_arena_copy_string(graph->arena, text.data, text.length, &name);
    if (!status)
      status = graph->weights.find(graph->weights.user, name, graph->model.vocabulary_size,
                                   graph->model.hidden_size, &out->table);
  }
  binq_op_list_free(&embeddings);
  return status;
}

static binq_status describe_function(binq_graph *graph, MlirOperation op, graph_function *out) {
  MlirStringRef name = binq_function_name(op);
  char *copy;
  BINQ_TRY(binq_arena_copy_string(graph->arena, name.data, name.length, &copy));
  out->public.name = copy;
  BINQ_TRY(describe_linears(graph, op, out));
  return find_table(graph, op, out);
}

/// Describes the functions of one role behind those described already.
static binq_status describe_role(binq_graph *graph, MlirModule module, const char *role,
                                 int64_t expected) {
  binq_op_list list;
  BINQ_TRY(binq_functions(module, role, &list));
  binq_status status = BINQ_OK;
  if ((int64_t)list.count != expected)
    status = binq_errorf("the graph has %zu functions of role \"%s\" where its model needs %lld",
                         list.count, role, (long long)expected);
  for (size_t i = 0; i < list.count && !status; i++)
    status = describe_function(graph, list.items[i], &graph->functions[graph->function_count++]);
  binq_op_list_free(&list);
  return status;
}

static binq_status describe(binq_graph *graph, MlirModule module) {
  BINQ_TRY(binq_model_info_get(module, &graph->model));
  size_t count = (size_t)graph->model.layer_count + 2;
  BINQ_TRY(binq_arena_allocate(graph->arena, count, sizeof *graph->functions,
                               (void *)&graph->functions));
  BINQ_TRY(describe_role(graph, module, "embed", 1));
  BINQ_TRY(describe_role(graph, module, "layer", graph->model.layer_count));
  BINQ_TRY(describe_role(graph, module, "head", 1));
  graph->embed = &graph->functions[0];
  graph->layers = &graph->functions[1];
  graph->head = &graph->functions[count - 1];
  return BINQ_OK;
}

static void find_widest(binq_graph *graph) {
  for (int64_t f = 0; f < graph->function_count; f++)
    for (int64_t i = 0; i < graph->functions[f].public.linear_count; i++)
      if (graph->functions[f].public.linears[i].columns > graph->widest)
        graph->widest = graph->functions[f].public.linears[i].columns;
  graph->widest = binq_round_up(graph->widest, BINQ_ROW_MULTIPLE);
}

static binq_status create_lanes(binq_graph *graph) {
  find_widest(graph);
  size_t row = (size_t)graph->widest;
  int threads = binq_pool_threads(graph->pool);
  BINQ_TRY(binq_allocate((size_t)threads, sizeof *graph->lanes, "threads", &graph->lanes));
  for (int i = 0; i < threads; i++) {
    lane *own = &graph->lanes[graph->lane_count++];
    BINQ_TRY(
        binq_allocate(row * BINQ_HOST_TILE_ROWS, sizeof(float), "a tile of weights", &own->tile));
    BINQ_TRY(binq_allocate(row, sizeof(float), "a row of weights", &own->row));
    int error = binq_pool_create(1, &own->pool);
    if (error)
      return binq_errorf("cannot set up threads: %s", strerror(error));
  }
  return BINQ_OK;
}

static binq_status create(binq_graph *graph, MlirModule module) {
  BINQ_TRY(binq_arena_create(&graph->arena));
  BINQ_TRY(describe(graph, module));
  BINQ_TRY(create_lanes(graph));
  graph->module = mlirModuleFromOperation(mlirOperationClone(mlirModuleGetOperation(module)));
  return binq_graph_compile(graph);
}

binq_status binq_graph_create(MlirModule module, const binq_weights *weights, binq_pool *pool,
                              binq_graph **out) {
  *out = NULL;
  binq_graph *graph;
  BINQ_TRY(binq_allocate(1, sizeof *graph, "the graph", &graph));
  graph->weights = *weights;
  graph->pool = pool;
  binq_status status = create(graph, module);
  if (status)
    binq_graph_destroy(graph);
  else
    *out = graph;
  return status;
}

void binq_graph_destroy(binq_graph *graph) {
  if (!graph)
    return;
  binq_jit_destroy(graph->jit);
  binq_jit_destroy(graph->gradients.jit);
  binq_jit_destroy(graph->gradients.head_jit);
  binq_jit_destroy(graph->cuts.jit);
  if (!mlirModuleIsNull(graph->module))
    mlirModuleDestroy(graph->module);
  free(graph->gradients.slabs);
  free(graph->gradients.cache);
  for (int64_t i = 0; i < graph->lane_count; i++) {
    if (graph->lanes[i].pool)
      binq_pool_destroy(graph->lanes[i].pool);
    free(graph->lanes[i].tile);
    free(graph->lanes[i].row);
  }
  free(graph->lanes);
  free(graph->workspace);
  free(graph->positions);
  free(graph->rope);
  binq_arena_destroy(graph->arena);
  free(graph);
}

int64_t binq_graph_layer_count(const binq_graph *graph) {
  return graph->model.layer_count;
}

const binq_graph_function *binq_graph_layer(const binq_graph *graph, int64_t layer) {
  return &graph->layers[layer].public;
}

const binq_graph_function *binq_graph_head(const binq_graph *graph) {
  return &graph->head->public;
}

binq_status binq_graph_check_tokens(const binq_graph *graph, const int32_t *tokens, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    if (tokens[i] < 0 || tokens[i] >= graph->model.vocabulary_size)
      return binq_errorf("token %d is not of the model's vocabulary", tokens[i]);
  return BINQ_OK;
}

// Distillation's side of quantization: the quantized model is put together of the parameters that
// were handed over, which stay in memory until it is distilled.
#include "QuantizeInternal.h"

#include <string.h>

int64_t binq_layer_epochs(const binq_quantize_options *options) {
  return (options->tune + 1) / 2;
}

int64_t binq_distilled_windows(const binq_quantize_options *options) {
  return options->tune * options->windows / 2;
}

bool binq_distills(const quantizer *q) {
  return q->distilling_windows > 0;
}

/// Epochs over the text that there is, for about as many steps as there would be with enough of it;
/// but no more than layers get, for a short text would be learnt by heart.
static int64_t epochs_of(const quantizer *q) {
  int64_t wanted = binq_distilled_windows(q->options), windows = q->distilling_windows;
  int64_t epochs = (wanted + windows / 2) / windows, most = binq_layer_epochs(q->options);
  epochs = epochs < most ? epochs : most;
  return epochs > 1 ? epochs : 1;
}

static binq_status packed_bytes(const quantizer *q, const char *name, uint8_t **out) {
  const new_parameter *parameter = binq_pending_parameter(q, name);
  if (!parameter)
    return binq_errorf("'%s' is no parameter of the quantized graph", name);
  *out = parameter->data;
  return BINQ_OK;
}

/// The vectors of a function as they were handed over; those that were not, as the graph has them.
static void read_vectors(const quantizer *q, const binq_graph_function *function, float *out) {
  if (function->vector_floats > 0)
    memcpy(out, function->vector_values, (size_t)function->vector_floats * sizeof *out);
  for (int64_t i = 0; i < function->vector_count; i++) {
    const binq_graph_vector *vector = &function->vectors[i];
    const new_parameter *parameter = binq_pending_parameter(q, vector->name);
    if (parameter)
      memcpy(out + vector->offset, parameter->data, (size_t)vector->size * sizeof *out);
  }
}

static binq_status put_together(const quantizer *q, const quantized_function *function,
                                const binq_graph_function *of, binq_packed_function *out) {
  uint8_t **packed;
  binq_quantized_input *inputs;
  size_t linears = (size_t)of->linear_count, count = (size_t)of->input_count;
  BINQ_TRY(binq_arena_allocate(q->arena, linears, sizeof *packed, (void *)&packed));
  BINQ_TRY(binq_arena_allocate(q->arena, count, sizeof *inputs, (void *)&inputs));
  BINQ_TRY(binq_arena_allocate(q->arena, (size_t)of->vector_floats, sizeof(float), &out->vectors));
  for (int64_t i = 0; i < of->linear_count; i++)
    BINQ_TRY(packed_bytes(q, of->linears[i].name, &packed[i]));
  for (int64_t i = 0; i < of->input_count; i++)
    inputs[i] = (binq_quantized_input){function->inputs[i].order, &function->inputs[i].levels};
  read_vectors(q, of, out->vectors);
  out->formats = function->plan.formats;
  out->packed = packed;
  out->inputs = inputs;
  return BINQ_OK;
}

/// The function's vectors take the place of those that were handed over.
static binq_status replace_vectors(quantizer *q, const binq_graph_function *function,
                                   const float *vectors) {
  for (int64_t i = 0; i < function->vector_count; i++) {
    const binq_graph_vector *vector = &function->vectors[i];
    const new_parameter *parameter = binq_pending_parameter(q, vector->name);
    if (!parameter)
      return binq_hand_over_vectors(q, function, vectors);
    memcpy(parameter->data, vectors + vector->offset, (size_t)vector->size * sizeof *vectors);
  }
  return BINQ_OK;
}

static bool has_role(const quantized_function *function, const char *role) {
  MlirStringRef found;
  return binq_attribute_string(binq_attribute(function->op, BINQ_ATTR_ROLE), &found) &&
         binq_str_equal(found, role);
}

/// Sets the model's layers and head; both have room.
static binq_status find_functions(const quantizer *q, const binq_graph *graph,
                                  const quantized_function *functions, size_t count,
                                  binq_packed_function *layers, binq_packed_function *head) {
  int64_t layer = 0;
  for (size_t i = 0; i < count; i++) {
    if (has_role(&functions[i], "layer")) {
      BINQ_TRY(put_together(q, &functions[i], binq_graph_layer(graph, layer), &layers[layer]));
      layer++;
    }
    if (has_role(&functions[i], "head"))
      BINQ_TRY(put_together(q, &functions[i], binq_graph_head(graph), head));
  }
  return BINQ_OK;
}

binq_status binq_distill_functions(quantizer *q, binq_graph *graph,
                                   const quantized_function *functions, size_t count) {
  int64_t layer_count = binq_graph_layer_count(graph);
  binq_packed_function *layers, head = {0};
  binq_packed_model model = {.head = &head};
  BINQ_TRY(binq_arena_allocate(q->arena, (size_t)layer_count, sizeof *layers, (void *)&layers));
  BINQ_TRY(find_functions(q, graph, functions, count, layers, &head));
  BINQ_TRY(binq_embedding_table(q, &model.embedding));
  model.layers = layers;
  BINQ_TRY(binq_distill(graph, q->distilling, q->distilling_windows, q->options->window,
                        epochs_of(q), q->environment->progress, &model, &q->distillation));
  for (int64_t i = 0; i < layer_count; i++)
    BINQ_TRY(replace_vectors(q, binq_graph_layer(graph, i), layers[i].vectors));
  return replace_vectors(q, binq_graph_head(graph), head.vectors);
}

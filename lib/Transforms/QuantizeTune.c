// Tuning's side of quantization: a layer whose numbers were chosen goes through the tuner; norms
// that change go to the parameter file.
#include "QuantizeInternal.h"

#include <string.h>

binq_status binq_hand_over_vectors(quantizer *q, const binq_graph_function *function,
                                   const float *vectors) {
  for (int64_t i = 0; i < function->vector_count; i++) {
    const binq_graph_vector *vector = &function->vectors[i];
    int64_t padded = binq_round_up(vector->size, BINQ_CHANNEL_STEP);
    char *name;
    float *values;
    BINQ_TRY(binq_arena_copy_string(q->arena, vector->name, strlen(vector->name), &name));
    BINQ_TRY(binq_allocate((size_t)padded, sizeof *values, name, &values));
    memcpy(values, vectors + vector->offset, (size_t)vector->size * sizeof *values);
    BINQ_TRY(binq_parameter_hand_over(
        q, &(new_parameter){name, BINQ_DTYPE_F32, 1, {padded, 0}, values}));
  }
  return BINQ_OK;
}

binq_status binq_tune_numbers(quantizer *q, const layer_at_hand *at, const binq_progress *progress,
                              binq_quantized_layer *layer) {
  const binq_graph_function *function = binq_graph_layer(at->graph, at->layer);
  size_t count = (size_t)function->vector_floats;
  float *vectors;
  BINQ_TRY(binq_arena_allocate(q->arena, count, sizeof *vectors, &vectors));
  if (count)
    memcpy(vectors, function->vector_values, count * sizeof *vectors);
  binq_tuned_layer tuned = {at->layer, at->function->linears, layer->inputs, vectors};
  BINQ_TRY(binq_tune_layer(at->graph, at->text, binq_layer_epochs(q->options), progress, &tuned,
                           &q->losses[q->loss_count]));
  q->loss_count++;
  layer->vectors = vectors;
  return binq_hand_over_vectors(q, function, vectors);
}

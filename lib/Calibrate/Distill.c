#include "binq/Calibrate/Distill.h"
#include "Distillation.h"
#include "Steps.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Measured on a language model of 135M parameters.
static const binq_tuning_rates RATES = {.levels = 0.003F, .int8 = 0.001F};
static const float VECTOR_RATE = 0.003F; ///< in parts of a vector's mean size

/// Steps in which the rate rises from nothing to where it begins to fall: before that, Adam knows
/// too little of the gradients to take whole steps.
enum { RISING_STEPS = 4 };

static binq_status allocate(binq_distiller *d) {
  const binq_graph *graph = d->graph;
  int64_t rows = d->batch * d->window, capacity = binq_round_up(d->window, BINQ_CACHE_MULTIPLE);
  size_t floats, cache = (size_t)binq_graph_cache_floats(graph, d->batch, capacity);
  BINQ_TRY(binq_size_multiply((size_t)rows, (size_t)d->stride, "activations", &floats));
  for (int i = 0; i < 2; i++)
    BINQ_TRY(binq_allocate(floats, sizeof(float), "activations", &d->float_text[i]));
  for (int i = 0; i < 2; i++)
    BINQ_TRY(binq_allocate(floats, sizeof(float), "gradients", &d->gradients[i]));
  BINQ_TRY(
      binq_size_multiply(floats, (size_t)graph->model.layer_count + 1, "layer inputs", &floats));
  BINQ_TRY(binq_allocate(floats, sizeof(float), "layer inputs", &d->text));
  BINQ_TRY(binq_allocate((size_t)(rows * graph->widest), sizeof(float), "quantized activations",
                         &d->activations));
  BINQ_TRY(binq_allocate(cache, sizeof(float), "a layer's cache", &d->cache));
  BINQ_TRY(binq_allocate((size_t)rows, sizeof(double), "divergences", &d->divergences));
  BINQ_TRY(binq_allocate((size_t)d->steps, sizeof(int64_t), "steps", &d->order));
  BINQ_TRY(binq_graph_reserve(d->graph, rows, capacity));
  return binq_distilled_head_allocate(d);
}

static binq_status start(binq_distiller *d) {
  int64_t layers = d->graph->model.layer_count;
  BINQ_TRY(binq_graph_check_tokens(d->graph, d->tokens, d->windows * d->window));
  BINQ_TRY(allocate(d));
  BINQ_TRY(binq_allocate((size_t)layers, sizeof *d->layers, "layers", (void *)&d->layers));
  for (int64_t i = 0; i < layers; i++) {
    const binq_graph_function *layer = binq_graph_layer(d->graph, i);
    BINQ_TRY(
        binq_distilled_create(layer, &d->model->layers[i], layer->linear_count, &d->layers[i]));
  }
  return binq_distilled_create(&d->graph->head->public, d->model->head, 0, &d->head);
}

static void release(binq_distiller *d) {
  for (int64_t i = 0; d->layers && i < d->graph->model.layer_count; i++)
    binq_distilled_free(&d->layers[i]);
  binq_distilled_free(&d->head);
  free((void *)d->layers);
  for (int i = 0; i < 2; i++) {
    free(d->float_text[i]);
    free(d->gradients[i]);
  }
  free(d->text);
  free(d->activations);
  free(d->cache);
  free(d->divergences);
  free(d->order);
  free(d->float_logits);
}

// --- a step

static batch rows_of(const binq_distiller *d) {
  return (batch){d->count, d->window, 0, d->cache, binq_round_up(d->window, BINQ_CACHE_MULTIPLE)};
}

static float *input_of(const binq_distiller *d, int64_t layer) {
  return d->text + layer * d->batch * d->window * d->stride;
}

static void exchange(float *pair[2]) {
  float *first = pair[0];
  pair[0] = pair[1];
  pair[1] = first;
}

/// Keeps what every layer reads, and the head.
static binq_status run_forward(binq_distiller *d, const int32_t *tokens) {
  batch rows = rows_of(d);
  for (int64_t i = 0; i < d->count * d->window; i++)
    binq_packed_table_row(&d->model->embedding, tokens[i], d->text + i * d->stride);
  for (int64_t layer = 0; layer < d->graph->model.layer_count; layer++) {
    binq_distilled *l = &d->layers[layer];
    BINQ_TRY(binq_distilled_unpack(l));
    binq_quantized_layer quantized = {l->linears, l->packed->inputs, l->vectors.value};
    linear_mode mode = {.quantized = &quantized, .activations = d->activations};
    binq_graph_run_layer(d->graph, layer, &rows, &mode, input_of(d, layer), input_of(d, layer + 1));
    binq_distilled_drop(l);
  }
  return BINQ_OK;
}

/// A layer whose gradient is being taken.
typedef struct {
  const binq_distiller *d;
  const binq_distilled *layer;
} layer_at_hand;

static void read_rows(void *user, int64_t linear, int64_t begin, int64_t end, float *tile) {
  const layer_at_hand *at = user;
  binq_dequantize_rows(&at->layer->linears[linear], begin, end, tile);
}

static void move_rows(void *user, int64_t linear, int64_t begin, int64_t end,
                      const float *gradient) {
  const layer_at_hand *at = user;
  float rate = at->d->rate;
  binq_tuning_rates rates = {.levels = RATES.levels * rate, .int8 = RATES.int8 * rate};
  if (at->layer->tunings[linear])
    binq_tuning_move(at->layer->tunings[linear], begin, end, gradient, at->d->adam, rates);
}

static void hand_gradient_in(void *user, int64_t begin, int64_t end, const float *y, float *dy) {
  const layer_at_hand *at = user;
  memcpy(dy, at->d->gradients[0] + begin * at->d->stride,
         (size_t)((end - begin) * at->d->stride) * sizeof *dy);
}

static void move_vectors(const binq_distiller *d, const binq_graph_function *function,
                         binq_distilled *moved) {
  binq_move_vectors(function, &moved->vectors, moved->packed->vectors, moved->vector_gradient,
                    d->adam, VECTOR_RATE * d->rate);
}

/// Takes gradients[0] back through a layer and moves its numbers: the gradients behind it have been
/// found by then.
static binq_status run_back(binq_distiller *d, int64_t layer) {
  binq_distilled *l = &d->layers[layer];
  BINQ_TRY(binq_distilled_unpack(l));
  layer_at_hand at = {d, l};
  binq_layer_gradient gradient = {.inputs = l->packed->inputs,
                                  .formats = l->packed->formats,
                                  .vectors = l->vectors.value,
                                  .read = read_rows,
                                  .weight_gradient = move_rows,
                                  .output_gradient = hand_gradient_in,
                                  .vector_gradient = l->vector_gradient,
                                  .user = &at};
  BINQ_TRY(binq_graph_layer_gradient(d->graph, layer, d->count, d->window, &gradient,
                                     input_of(d, layer), d->gradients[1]));
  exchange(d->gradients);
  move_vectors(d, binq_graph_layer(d->graph, layer), l);
  binq_distilled_pack(l);
  binq_distilled_drop(l);
  return BINQ_OK;
}

static binq_status no_numbers(void) {
  return binq_errorf(
      "distillation: the model's predictions, or their gradients, are no numbers; is "
      "a weight of its head or of the norm before it far too large?");
}

/// Makes a step; gets the sum of the divergences of its tokens, as they were before.
static binq_status run_step(binq_distiller *d, int64_t step, double *divergence) {
  int64_t left = d->windows - step * d->batch, layers = d->graph->model.layer_count;
  const int32_t *tokens = d->tokens + step * d->batch * d->window;
  d->count = left < d->batch ? left : d->batch;
  batch rows = rows_of(d);
  binq_graph_run_body(d->graph, tokens, &rows, d->float_text);
  BINQ_TRY(run_forward(d, tokens));
  BINQ_TRY(binq_distilled_head_run(d, input_of(d, layers)));
  *divergence = 0;
  for (int64_t i = 0; i < d->count * d->window; i++)
    *divergence += d->divergences[i];
  if (!isfinite(*divergence))
    return no_numbers();
  move_vectors(d, &d->graph->head->public, &d->head);
  for (int64_t layer = layers; layer-- > 0;)
    BINQ_TRY(run_back(d, layer));
  return BINQ_OK;
}

// --- all of them

/// The mean divergence over some of the steps.
typedef struct {
  double sum;
  int64_t tokens;
} mean;

static void add(mean *to, double divergence, int64_t tokens) {
  to->sum += divergence;
  to->tokens += tokens;
}

static float rate_at(int64_t step, int64_t steps) {
  float rate = binq_rate_at(step, steps);
  return step < RISING_STEPS ? rate * (float)(step + 1) / (RISING_STEPS + 1) : rate;
}

static void report(const binq_progress *progress, int64_t step, int64_t steps) {
  char text[64];
  snprintf(text, sizeof text, "step %lld of %lld", (long long)step + 1, (long long)steps);
  binq_progress_report(progress, "distilling", text, (double)step / (double)steps);
}

static binq_status run_steps(binq_distiller *d, int64_t epochs, const binq_progress *progress,
                             binq_distillation *out) {
  int64_t steps = epochs * d->steps, quarter = (steps + 3) / 4;
  uint64_t random = 1;
  mean first = {0}, last = {0};
  for (int64_t i = 0; i < d->steps; i++)
    d->order[i] = i;
  for (int64_t step = 0; step < steps; step++) {
    double divergence;
    if (step % d->steps == 0)
      binq_shuffle_steps(d->order, d->steps, &random);
    report(progress, step, steps);
    d->adam = binq_adam_at(step);
    d->rate = rate_at(step, steps);
    BINQ_TRY(run_step(d, d->order[step % d->steps], &divergence));
    if (step < quarter)
      add(&first, divergence, d->count * d->window);
    if (step >= steps - quarter)
      add(&last, divergence, d->count * d->window);
  }
  *out = (binq_distillation){first.sum / (double)first.tokens, last.sum / (double)last.tokens};
  return BINQ_OK;
}

/// What was tuned beside the packed weights goes to the model. A gradient that is no number ends up
/// in the vectors, too.
static binq_status hand_vectors_over(const binq_distiller *d) {
  const binq_graph_function *head = &d->graph->head->public;
  for (int64_t i = 0; i < head->vector_floats; i++)
    if (!isfinite(d->head.vectors.value[i]))
      return no_numbers();
  for (int64_t i = 0; i < d->graph->model.layer_count; i++)
    binq_distilled_hand_over(&d->layers[i], binq_graph_layer(d->graph, i));
  binq_distilled_hand_over(&d->head, head);
  return BINQ_OK;
}

binq_status binq_distill(binq_graph *graph, const int32_t *tokens, int64_t windows, int64_t window,
                         int64_t epochs, const binq_progress *progress,
                         const binq_packed_model *model, binq_distillation *out) {
  *out = (binq_distillation){0};
  if (windows < 1 || window < 1 || epochs < 1)
    return binq_errorf("distillation needs at least one epoch over one window of one token");
  binq_distiller d = {.graph = graph,
                      .tokens = tokens,
                      .windows = windows,
                      .window = window,
                      .model = model,
                      .batch = binq_step_windows(windows, window),
                      .stride = binq_round_up(graph->model.hidden_size, BINQ_ROW_MULTIPLE)};
  d.steps = (windows + d.batch - 1) / d.batch;
  binq_status status = start(&d);
  if (!status)
    status = run_steps(&d, epochs, progress, out);
  if (!status)
    status = hand_vectors_over(&d);
  release(&d);
  return status;
}

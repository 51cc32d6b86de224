#include "binq/Calibrate/Tune.h"
#include "Internal.h"
#include "Steps.h"

#include "binq/Calibrate/Gradient.h"
#include "binq/Quantize/Tuning.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Measured on layers of a language model of 135M parameters.
static const binq_tuning_rates RATES = {.levels = 0.01F, .codes = 0.01F, .int8 = 0.003F};
static const float VECTOR_RATE = 0.01F; ///< in parts of a vector's mean size

typedef struct {
  binq_graph *graph;
  const binq_calibration *text;
  const binq_tuned_layer *layer;
  const binq_graph_function *function;
  int64_t windows, window, stride;
  bool moves_codes;     ///< else they stay as they were chosen
  int64_t batch, steps; ///< windows that a step takes, and steps of an epoch
  binq_linear_format *formats;
  binq_tuning **linears; ///< NULL: INT8, which is close enough
  binq_tuned vectors;
  float *vector_gradient;
  int64_t *order;  ///< of the steps
  double *weights; ///< by row of the text: 1 / the target's sum of squares
  // The step at hand:
  int64_t first, count; ///< its windows
  double *errors;       ///< by row: the squared distance, weighted
  binq_adam adam;
  float rate; ///< goes from 1 to 0
} tuning;

static tuning tuning_of(binq_graph *graph, const binq_calibration *text,
                        const binq_tuned_layer *layer, bool moves_codes) {
  tuning t = {.graph = graph,
              .text = text,
              .layer = layer,
              .moves_codes = moves_codes,
              .function = binq_graph_layer(graph, layer->layer),
              .windows = binq_calibration_windows(text),
              .window = binq_calibration_window(text),
              .stride = binq_calibration_stride(text)};
  t.batch = binq_step_windows(t.windows, t.window);
  t.steps = (t.windows + t.batch - 1) / t.batch;
  return t;
}

static void read_rows(void *user, int64_t linear, int64_t begin, int64_t end, float *tile) {
  const tuning *t = user;
  binq_dequantize_rows(&t->layer->linears[linear], begin, end, tile);
}

static void move_rows(void *user, int64_t linear, int64_t begin, int64_t end,
                      const float *gradient) {
  const tuning *t = user;
  if (!t->linears[linear])
    return;
  binq_tuning_rates rates = {RATES.levels * t->rate, t->moves_codes ? RATES.codes * t->rate : 0,
                             RATES.int8 * t->rate};
  binq_tuning_move(t->linears[linear], begin, end, gradient, t->adam, rates);
}

/// The distance of rows of the output from the target, and the loss's gradient by them.
static void compare_rows(void *user, int64_t begin, int64_t end, const float *y, float *dy) {
  const tuning *t = user;
  for (int64_t row = begin; row < end; row++, y += t->stride, dy += t->stride) {
    const float *target = binq_calibration_target(t->text, t->first) + row * t->stride;
    double weight = t->weights[t->first * t->window + row], error = 0;
    float slope = (float)(2 * weight / (double)(t->count * t->window));
    for (int64_t i = 0; i < t->stride; i++) {
      float distance = y[i] - target[i];
      error += (double)distance * (double)distance;
      dy[i] = distance * slope;
    }
    t->errors[row] = error * weight;
  }
}

/// The sum of the losses of a step's tokens; nothing changes unless it `moves`.
static binq_status run_step(tuning *t, int64_t step, bool moves, double *loss) {
  binq_layer_gradient gradient = {.inputs = t->layer->inputs,
                                  .formats = t->formats,
                                  .vectors = t->vectors.value,
                                  .read = read_rows,
                                  .weight_gradient = moves ? move_rows : NULL,
                                  .output_gradient = compare_rows,
                                  .vector_gradient = moves ? t->vector_gradient : NULL,
                                  .user = t};
  int64_t left = t->windows - step * t->batch;
  t->first = step * t->batch;
  t->count = left < t->batch ? left : t->batch;
  BINQ_TRY(binq_graph_layer_gradient(t->graph, t->layer->layer, t->count, t->window, &gradient,
                                     binq_calibration_input(t->text, t->first), NULL));
  *loss = 0;
  for (int64_t row = 0; row < t->count * t->window; row++)
    *loss += t->errors[row];
  return BINQ_OK;
}

/// The loss over the whole text, as the layer stands.
static binq_status measure(tuning *t, double *out) {
  *out = 0;
  for (int64_t step = 0; step < t->steps; step++) {
    double loss;
    BINQ_TRY(run_step(t, step, false, &loss));
    *out += loss / (double)(t->windows * t->window);
  }
  return BINQ_OK;
}

static binq_status run_epochs(tuning *t, int64_t epochs, const binq_progress *progress) {
  int64_t steps = epochs * t->steps;
  uint64_t random = 1;
  for (int64_t i = 0; i < t->steps; i++)
    t->order[i] = i;
  for (int64_t step = 0; step < steps; step++) {
    char text[64];
    double loss;
    if (step % t->steps == 0)
      binq_shuffle_steps(t->order, t->steps, &random);
    snprintf(text, sizeof text, "epoch %lld of %lld", (long long)(step / t->steps) + 1,
             (long long)epochs);
    binq_progress_report(progress, "tuning", text, (double)step / (double)steps);
    t->adam = binq_adam_at(step);
    t->rate = binq_rate_at(step, steps);
    BINQ_TRY(run_step(t, t->order[step % t->steps], true, &loss));
    binq_move_vectors(t->function, &t->vectors, t->layer->vectors, t->vector_gradient, t->adam,
                      VECTOR_RATE * t->rate);
  }
  return BINQ_OK;
}

/// Rows of a linear's float weights in channel order, for codes to lean towards.
static binq_status lean(tuning *t, int64_t linear) {
  const binq_graph_linear *site = &t->function->linears[linear];
  const uint16_t *order = t->layer->inputs[site->input].order;
  const void *tensor = t->graph->layers[t->layer->layer].tensors[linear];
  int64_t padded = binq_round_up(site->columns, BINQ_CHANNEL_STEP);
  float *rows;
  BINQ_TRY(binq_allocate((size_t)(site->columns + padded), sizeof *rows, site->name, &rows));
  for (int64_t row = 0; row < site->rows; row++) {
    t->graph->weights.read(tensor, row, row + 1, rows);
    for (int64_t j = 0; j < padded; j++)
      rows[site->columns + j] = order[j] < site->columns ? rows[order[j]] : 0;
    binq_tuning_lean(t->linears[linear], row, rows + site->columns);
  }
  free(rows);
  return BINQ_OK;
}

static binq_status prepare_linears(tuning *t) {
  for (int64_t i = 0; i < t->function->linear_count; i++) {
    t->formats[i] = t->layer->linears[i].format;
    if (t->formats[i].form == BINQ_FORM_INT8)
      continue;
    BINQ_TRY(binq_tuning_create(&t->layer->linears[i], true, &t->linears[i]));
    BINQ_TRY(lean(t, i));
  }
  return BINQ_OK;
}

/// What a squared distance at row `row` of the text counts.
static double weight_of(const tuning *t, int64_t row) {
  const float *target =
      binq_calibration_target(t->text, row / t->window) + row % t->window * t->stride;
  double energy = 0;
  for (int64_t i = 0; i < t->stride; i++)
    energy += (double)target[i] * (double)target[i];
  return energy > 0 ? 1 / energy : 0;
}

static binq_status prepare(tuning *t) {
  size_t rows = (size_t)(t->batch * t->window), linears = (size_t)t->function->linear_count;
  size_t tokens = (size_t)(t->windows * t->window), vectors = (size_t)t->function->vector_floats;
  BINQ_TRY(binq_allocate(linears, sizeof *t->formats, "linears", &t->formats));
  BINQ_TRY(binq_allocate(linears, sizeof *t->linears, "linears", (void *)&t->linears));
  BINQ_TRY(binq_allocate((size_t)t->steps, sizeof *t->order, "steps", &t->order));
  BINQ_TRY(binq_allocate(tokens, sizeof *t->weights, "rows", &t->weights));
  BINQ_TRY(binq_allocate(rows, sizeof *t->errors, "rows", &t->errors));
  BINQ_TRY(binq_allocate(vectors, sizeof(float), "vectors", &t->vector_gradient));
  BINQ_TRY(binq_tuned_create((int64_t)vectors, &t->vectors));
  if (vectors)
    memcpy(t->vectors.value, t->layer->vectors, vectors * sizeof *t->vectors.value);
  for (int64_t row = 0; row < t->windows * t->window; row++)
    t->weights[row] = weight_of(t, row);
  return prepare_linears(t);
}

static void release(tuning *t) {
  for (int64_t i = 0; t->linears && i < t->function->linear_count; i++)
    binq_tuning_destroy(t->linears[i]);
  free((void *)t->linears);
  free(t->formats);
  free(t->order);
  free(t->weights);
  free(t->errors);
  free(t->vector_gradient);
  binq_tuned_free(&t->vectors);
}

/// Tunes the linears in place, whose vectors stay as they were.
static binq_status tune_once(tuning *t, int64_t epochs, const binq_progress *progress,
                             binq_tuning_loss *out) {
  BINQ_TRY(prepare(t));
  BINQ_TRY(measure(t, &out->before));
  BINQ_TRY(run_epochs(t, epochs, progress));
  return measure(t, &out->after);
}

/// Packs the layer's linears, one behind the other, to return to.
static binq_status save(const binq_tuned_layer *layer, int64_t linears, uint8_t **out) {
  binq_layout layout;
  int64_t bytes = 0;
  for (int64_t i = 0; i < linears; i++) {
    BINQ_TRY(binq_layout_of(&layer->linears[i].format, &layout));
    bytes += layout.bytes;
  }
  BINQ_TRY(binq_allocate((size_t)bytes, 1, "quantized linears", out));
  bytes = 0;
  for (int64_t i = 0; i < linears; i++) {
    binq_pack(&layer->linears[i], *out + bytes);
    BINQ_TRY(binq_layout_of(&layer->linears[i].format, &layout));
    bytes += layout.bytes;
  }
  return BINQ_OK;
}

static void restore(const binq_tuned_layer *layer, int64_t linears, const uint8_t *saved) {
  for (int64_t i = 0; i < linears; i++) {
    binq_layout layout = {0};
    binq_unpack(saved, &layer->linears[i]);
    binq_status_free(binq_layout_of(&layer->linears[i].format, &layout)); // it was checked
    saved += layout.bytes;
  }
}

/// Tunes in place. What comes no nearer to the float layer is undone.
static binq_status tune(tuning *t, int64_t epochs, const binq_progress *progress,
                        const uint8_t *saved, binq_tuning_loss *out) {
  const binq_tuned_layer *layer = t->layer;
  binq_status status = tune_once(t, epochs, progress, out);
  bool is_better = !status && out->after < out->before;
  if (is_better && t->vectors.value)
    memcpy(layer->vectors, t->vectors.value,
           (size_t)t->function->vector_floats * sizeof *layer->vectors);
  if (!is_better) {
    restore(layer, t->function->linear_count, saved);
    out->after = out->before;
  }
  release(t);
  return status;
}

binq_status binq_tune_layer(binq_graph *graph, const binq_calibration *calibration, int64_t epochs,
                            const binq_progress *progress, const binq_tuned_layer *layer,
                            binq_tuning_loss *out) {
  uint8_t *saved = NULL;
  *out = (binq_tuning_loss){0};
  BINQ_TRY(save(layer, binq_graph_layer(graph, layer->layer)->linear_count, &saved));
  binq_status status = BINQ_OK;
  bool is_better = false;
  for (int codes = 1; codes >= 0 && !status && !is_better; codes--) {
    tuning t = tuning_of(graph, calibration, layer, codes == 1);
    status = tune(&t, epochs, progress, saved, out);
    is_better = out->after < out->before;
  }
  free(saved);
  return status;
}

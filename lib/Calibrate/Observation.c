/// What the linears of a layer read at an input, in two models: the float one, and the one that is
/// quantized as far as that.
#include "Text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void release_station(binq_station *s) {
  free(s->rows);
  free(s->sum);
  free(s->cross);
  free(s->wanted);
  free(s->missing);
  free(s->sample);
  *s = (binq_station){0};
}

/// Whether an input's linears are aimed at what they give for what the float model reads; else at
/// what the text lacks of the float model's.
static bool is_compared(const graph_cut_input *input) {
  return input->base == GRAPH_NO_VALUE;
}

/// Whether what the linear adds is still to come at one of the inputs from `begin` on where the
/// text is compared.
static bool is_subtracted(const binq_followed *f, int64_t linear, int64_t begin) {
  bool found = false;
  for (int64_t i = begin; i < f->layer->linears[linear].input; i++)
    found |= !is_compared(&f->cut->inputs[i]);
  return found && f->layer->linears[linear].adds;
}

/// Gives back what no input from `begin` on needs.
static void give_back_followed(binq_calibration *c, int64_t begin) {
  binq_followed *f = &c->followed;
  for (int64_t i = 0; f->read && f->added && i < f->layer->linear_count; i++) {
    const binq_graph_linear *linear = &f->layer->linears[i];
    if (linear->input < begin)
      binq_give_rows_back(c, linear->columns, &f->read[linear->input]);
    if (!is_subtracted(f, i, begin))
      binq_give_rows_back(c, c->stride, &f->added[i]);
  }
}

static void release_followed(binq_calibration *c) {
  binq_followed *f = &c->followed;
  if (f->layer)
    give_back_followed(c, f->layer->input_count);
  free((void *)f->read);
  free((void *)f->added);
  *f = (binq_followed){0};
}

void binq_forget_observation(binq_calibration *c) {
  release_station(&c->station);
  release_followed(c);
}

// --- the float model

static binq_status allocate_followed(binq_calibration *c, int64_t number) {
  binq_followed *f = &c->followed;
  const binq_graph_function *layer = binq_graph_layer(c->graph, number);
  size_t inputs = (size_t)layer->input_count, linears = (size_t)layer->linear_count;
  f->layer = layer;
  f->cut = &c->graph->cuts.layers[number];
  BINQ_TRY(binq_allocate(inputs, sizeof *f->read, "linear inputs", (void *)&f->read));
  BINQ_TRY(binq_allocate(linears, sizeof *f->added, "outputs", (void *)&f->added));
  for (int64_t i = 0; i < layer->linear_count; i++) {
    const binq_graph_linear *linear = &layer->linears[i];
    if (!f->read[linear->input] && is_compared(&f->cut->inputs[linear->input]))
      BINQ_TRY(binq_take_rows(c, linear->columns, &f->read[linear->input]));
    if (is_subtracted(f, i, 0))
      BINQ_TRY(binq_take_rows(c, c->stride, &f->added[i]));
  }
  return BINQ_OK;
}

/// Runs the float layer over the float model's text, keeping what it reads and adds.
static binq_status follow(binq_calibration *c, int64_t number) {
  const binq_graph_function *layer = binq_graph_layer(c->graph, number);
  BINQ_TRY(allocate_followed(c, number));
  const binq_followed *f = &c->followed;
  float **pointers;
  BINQ_TRY(binq_allocate((size_t)(layer->input_count + layer->linear_count), sizeof *pointers,
                         "linear inputs", (void *)&pointers));
  linear_mode mode = {.gathered = pointers, .outputs = pointers + layer->input_count};
  for (int64_t w = 0; w < c->windows; w++) {
    for (int64_t i = 0; i < layer->linear_count; i++) {
      const binq_graph_linear *linear = &layer->linears[i];
      float *read = f->read[linear->input];
      mode.gathered[linear->input] = read ? binq_window_of(c, read, linear->columns, w) : NULL;
      mode.outputs[i] = f->added[i] ? binq_window_of(c, f->added[i], c->stride, w) : NULL;
    }
    binq_move_window(c, number, &mode, binq_window_of(c, c->float_text, c->stride, w));
  }
  free((void *)pointers);
  return BINQ_OK;
}

// --- the quantized one

/// The input under observation.
typedef struct {
  binq_calibration *c;
  const binq_graph_function *layer;
  const graph_cut_input *at;
  int64_t number, input, columns;
} observation;

static binq_status create_station(const observation *o) {
  binq_calibration *c = o->c;
  binq_station *s = &c->station;
  size_t width = (size_t)o->columns, hidden = (size_t)c->graph->model.hidden_size;
  size_t samples = (size_t)(c->windows * c->window_samples);
  BINQ_TRY(binq_allocate((size_t)c->window * width, sizeof(float), "linear inputs", &s->rows));
  BINQ_TRY(binq_allocate(width * width, sizeof(float), "a Hessian", &s->sum));
  BINQ_TRY(binq_allocate(samples * width, sizeof(float), "sampled linear inputs", &s->sample));
  if (!c->float_text)
    return BINQ_OK;
  if (is_compared(o->at))
    return binq_allocate(width * width, sizeof(float), "a cross product", &s->cross);
  BINQ_TRY(binq_allocate((size_t)c->window * hidden, sizeof(float), "activations", &s->missing));
  return binq_allocate(hidden * width, sizeof(float), "a cross product", &s->wanted);
}

/// What the linear of this input should add to the text of a window, those behind it adding what
/// they do in the float model.
static void find_missing(const observation *o, int64_t w) {
  const binq_calibration *c = o->c;
  int64_t hidden = c->graph->model.hidden_size, stride;
  const float *target = binq_window_of(c, c->float_text, c->stride, w);
  const float *base = binq_passing_rows(c, o->at->base, w, &stride);
  for (int64_t t = 0; t < c->window; t++)
    for (int64_t j = 0; j < hidden; j++)
      c->station.missing[t * hidden + j] = target[t * c->stride + j] - base[t * stride + j];
  for (int64_t i = 0; i < o->layer->linear_count; i++) {
    if (!o->layer->linears[i].adds || o->layer->linears[i].input <= o->input)
      continue;
    const float *added = binq_window_of(c, c->followed.added[i], c->stride, w);
    for (int64_t t = 0; t < c->window; t++)
      for (int64_t j = 0; j < hidden; j++)
        c->station.missing[t * hidden + j] -= added[t * c->stride + j];
  }
}

static void scale_row(float *row, int64_t columns, float factor) {
  for (int64_t j = 0; j < columns; j++)
    row[j] *= factor;
}

/// Makes the tokens of a window count by what the float layer makes of them.
static void weigh_tokens(const observation *o, int64_t w) {
  const binq_calibration *c = o->c;
  int64_t hidden = c->graph->model.hidden_size;
  const float *target = binq_window_of(c, c->float_text, c->stride, w);
  for (int64_t t = 0; t < c->window; t++) {
    double square = 0;
    for (int64_t j = 0; j < hidden; j++)
      square += (double)target[t * c->stride + j] * (double)target[t * c->stride + j];
    float factor = square > 0 ? (float)(1 / sqrt(square / (double)hidden)) : 0;
    scale_row(c->station.rows + t * o->columns, o->columns, factor);
    scale_row(c->station.missing + t * hidden, hidden, factor);
  }
}

/// What is read at the input, without padding.
static void take_rows(const observation *o, int64_t w) {
  int64_t stride;
  const float *from = binq_passing_rows(o->c, o->at->value, w, &stride);
  for (int64_t t = 0; t < o->c->window; t++)
    memcpy(o->c->station.rows + t * o->columns, from + t * stride,
           (size_t)o->columns * sizeof *from);
}

static void take_sample(const observation *o, int64_t w) {
  const binq_calibration *c = o->c;
  float *sample = c->station.sample + w * c->window_samples * o->columns;
  for (int64_t k = 0; k < c->window_samples; k++)
    memcpy(sample + k * o->columns,
           c->station.rows + k * c->window / c->window_samples * o->columns,
           (size_t)o->columns * sizeof *sample);
}

static void observe_window(const observation *o, int64_t w) {
  const binq_calibration *c = o->c;
  const binq_station *s = &c->station;
  binq_pool *pool = c->graph->pool;
  take_rows(o, w);
  if (s->wanted) {
    find_missing(o, w);
    weigh_tokens(o, w);
    binq_cross_add(pool, s->wanted, s->missing, c->graph->model.hidden_size, s->rows, o->columns,
                   c->window);
  }
  take_sample(o, w);
  binq_hessian_add(pool, s->sum, o->columns, s->rows, c->window);
  if (s->cross)
    binq_cross_add(pool, s->cross, binq_window_of(c, c->followed.read[o->input], o->columns, w),
                   o->columns, s->rows, o->columns, c->window);
}

static binq_status observe(const observation *o, const binq_quantized_layer *before) {
  binq_calibration *c = o->c;
  if (c->float_text && o->input == 0)
    BINQ_TRY(follow(c, o->number));
  BINQ_TRY(binq_pass_to(c, o->number, o->input, before));
  BINQ_TRY(create_station(o));
  for (int64_t w = 0; w < c->windows; w++)
    observe_window(o, w);
  give_back_followed(c, o->input + 1);
  return BINQ_OK;
}

binq_status binq_calibration_observe(binq_calibration *c, int64_t layer, int64_t input,
                                     const binq_quantized_layer *before, binq_observation *out) {
  observation o = {.c = c,
                   .layer = binq_graph_layer(c->graph, layer),
                   .at = &c->graph->cuts.layers[layer].inputs[input],
                   .number = layer,
                   .input = input};
  for (int64_t i = 0; i < o.layer->linear_count; i++)
    if (o.layer->linears[i].input == input)
      o.columns = o.layer->linears[i].columns;
  if (input == 0)
    release_followed(c);
  release_station(&c->station);
  BINQ_TRY(observe(&o, before));
  *out = (binq_observation){.columns = o.columns,
                            .sum = c->station.sum,
                            .cross = c->station.cross,
                            .wanted = c->station.wanted,
                            .tokens = c->windows * c->window,
                            .sample = c->station.sample,
                            .sample_tokens = c->windows * c->window_samples};
  return BINQ_OK;
}

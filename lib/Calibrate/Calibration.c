#include "binq/Calibrate/Calibration.h"
#include "Internal.h"

#include <stdlib.h>
#include <string.h>

/// Rows kept of every input, for choices that need activations themselves.
enum { SAMPLE_TOKENS = 512 };

/// What is gathered at one input of the layer under observation.
typedef struct {
  int64_t columns;
  float *rows;       ///< [window][columns]
  float *float_rows; ///< the same of the float model, if it is followed
  float *sum;        ///< [columns][columns]
  float *cross;      ///< [columns][columns], if the float model is followed
  float *sample;     ///< [sample_tokens][columns]
} station;

struct binq_calibration {
  binq_graph *graph;
  int64_t windows, window, stride;
  int64_t window_samples; ///< rows that go to the sample from each window
  float *text;            ///< [windows][window][stride]: where the text has come to
  float *float_text;      ///< the same of the float model; NULL: it is not followed
  float *after;           ///< [window][stride]: one window past a layer
  float *cache;
  station *stations;
  int64_t station_count;
};

static void release_stations(binq_calibration *c) {
  for (int64_t i = 0; i < c->station_count; i++) {
    free(c->stations[i].rows);
    free(c->stations[i].float_rows);
    free(c->stations[i].sum);
    free(c->stations[i].cross);
    free(c->stations[i].sample);
  }
  free(c->stations);
  c->stations = NULL;
  c->station_count = 0;
}

static binq_status create_station(const binq_calibration *c, int64_t columns, station *out) {
  size_t width = (size_t)columns, rows = (size_t)c->window * width;
  out->columns = columns;
  BINQ_TRY(binq_allocate(rows, sizeof(float), "linear inputs", &out->rows));
  BINQ_TRY(binq_allocate(width * width, sizeof(float), "a Hessian", &out->sum));
  if (c->float_text) {
    BINQ_TRY(binq_allocate(rows, sizeof(float), "linear inputs", &out->float_rows));
    BINQ_TRY(binq_allocate(width * width, sizeof(float), "a cross product", &out->cross));
  }
  return binq_allocate((size_t)(c->windows * c->window_samples) * width, sizeof(float),
                       "sampled linear inputs", &out->sample);
}

static binq_status create_stations(binq_calibration *c, const binq_graph_function *layer) {
  release_stations(c);
  BINQ_TRY(binq_allocate((size_t)layer->input_count, sizeof *c->stations, "linear inputs",
                         &c->stations));
  c->station_count = layer->input_count;
  for (int64_t i = 0; i < layer->linear_count; i++) {
    station *s = &c->stations[layer->linears[i].input];
    if (!s->rows)
      BINQ_TRY(create_station(c, layer->linears[i].columns, s));
  }
  return BINQ_OK;
}

/// A window of `text`.
static float *window_of(const binq_calibration *c, float *text, int64_t w) {
  return text + w * c->window * c->stride;
}

static batch window_rows(const binq_calibration *c) {
  return (batch){1, c->window, 0, c->cache, binq_round_up(c->window, BINQ_CACHE_MULTIPLE)};
}

/// Moves a window of text past a layer.
static void move_window(const binq_calibration *c, int64_t layer, const linear_mode *mode,
                        float *text) {
  batch rows = window_rows(c);
  binq_graph_run_layer(c->graph, layer, &rows, mode, text, c->after);
  memcpy(text, c->after, (size_t)(c->window * c->stride) * sizeof *text);
}

/// Adds what a window showed to the sums and samples.
static void take_in(const binq_calibration *c, int64_t w) {
  for (int64_t i = 0; i < c->station_count; i++) {
    const station *s = &c->stations[i];
    binq_hessian_add(c->graph->pool, s->sum, s->columns, s->rows, c->window);
    if (s->cross)
      binq_cross_add(c->graph->pool, s->cross, s->columns, s->float_rows, s->rows, c->window);
    float *sample = s->sample + w * c->window_samples * s->columns;
    for (int64_t k = 0; k < c->window_samples; k++)
      memcpy(sample + k * s->columns, s->rows + k * c->window / c->window_samples * s->columns,
             (size_t)s->columns * sizeof *sample);
  }
}

/// Runs one window, of both texts, and takes in what the linears read.
static void observe_window(const binq_calibration *c, int64_t layer, int64_t w, float **gathered,
                           float **float_gathered) {
  batch rows = window_rows(c);
  linear_mode mode = {.gathered = gathered}, float_mode = {.gathered = float_gathered};
  binq_graph_run_layer(c->graph, layer, &rows, &mode, window_of(c, c->text, w), c->after);
  if (c->float_text)
    move_window(c, layer, &float_mode, window_of(c, c->float_text, w));
  take_in(c, w);
}

binq_status binq_calibration_observe(binq_calibration *c, int64_t layer, binq_observation *out) {
  BINQ_TRY(create_stations(c, binq_graph_layer(c->graph, layer)));
  float **gathered;
  BINQ_TRY(binq_allocate((size_t)(2 * c->station_count), sizeof *gathered, "linear inputs",
                         (void *)&gathered));
  float **float_gathered = gathered + c->station_count;
  for (int64_t i = 0; i < c->station_count; i++) {
    gathered[i] = c->stations[i].rows;
    float_gathered[i] = c->stations[i].float_rows;
  }
  for (int64_t w = 0; w < c->windows; w++)
    observe_window(c, layer, w, gathered, float_gathered);
  free((void *)gathered);
  for (int64_t i = 0; i < c->station_count; i++) {
    const station *s = &c->stations[i];
    out[i] = (binq_observation){.columns = s->columns,
                                .sum = s->sum,
                                .cross = s->cross,
                                .tokens = c->windows * c->window,
                                .sample = s->sample,
                                .sample_tokens = c->windows * c->window_samples};
  }
  return BINQ_OK;
}

static int64_t widest_input(const binq_graph_function *layer) {
  int64_t widest = 0;
  for (int64_t i = 0; i < layer->linear_count; i++)
    if (layer->linears[i].columns > widest)
      widest = layer->linears[i].columns;
  return binq_round_up(widest, BINQ_ROW_MULTIPLE);
}

binq_status binq_calibration_advance(binq_calibration *c, int64_t layer,
                                     const binq_quantized_layer *quantized) {
  size_t widest = (size_t)widest_input(binq_graph_layer(c->graph, layer));
  linear_mode mode = {.quantized = quantized};
  BINQ_TRY(binq_allocate((size_t)c->window * widest, sizeof(float), "quantized activations",
                         &mode.activations));
  for (int64_t w = 0; w < c->windows; w++)
    move_window(c, layer, &mode, window_of(c, c->text, w));
  free(mode.activations);
  return BINQ_OK;
}

/// The text as the table embeds it.
static binq_status embed(binq_calibration *c, const int32_t *tokens,
                         const binq_packed_table *table) {
  const binq_model_info *model = &c->graph->model;
  for (int64_t w = 0; !table && w < c->windows; w++)
    binq_graph_run_embed(c->graph, tokens + w * c->window, c->window, window_of(c, c->text, w));
  if (!table)
    return BINQ_OK;
  if (table->format.rows != model->vocabulary_size || table->format.columns != model->hidden_size)
    return binq_errorf("the quantized table is not of the model's size");
  for (int64_t i = 0; i < c->windows * c->window; i++)
    binq_packed_table_row(table, tokens[i], c->text + i * c->stride);
  return BINQ_OK;
}

static binq_status start(binq_calibration *c, const int32_t *tokens, const binq_packed_table *table,
                         bool follow_float) {
  int64_t count = c->windows * c->window;
  int64_t capacity = binq_round_up(c->window, BINQ_CACHE_MULTIPLE);
  size_t cache = (size_t)binq_graph_cache_floats(c->graph, 1, capacity);
  c->stride = binq_round_up(c->graph->model.hidden_size, BINQ_ROW_MULTIPLE);
  c->window_samples = SAMPLE_TOKENS / c->windows < 1 ? 1 : SAMPLE_TOKENS / c->windows;
  if (c->window_samples > c->window)
    c->window_samples = c->window;
  BINQ_TRY(binq_graph_check_tokens(c->graph, tokens, count));
  BINQ_TRY(binq_graph_reserve(c->graph, c->window, capacity));
  size_t floats = (size_t)(count * c->stride);
  BINQ_TRY(binq_allocate(floats, sizeof(float), "the calibration text", &c->text));
  if (follow_float)
    BINQ_TRY(binq_allocate(floats, sizeof(float), "the calibration text", &c->float_text));
  BINQ_TRY(binq_allocate((size_t)(c->window * c->stride), sizeof(float), "activations", &c->after));
  BINQ_TRY(binq_allocate(cache, sizeof(float), "a layer's cache", &c->cache));
  for (int64_t w = 0; follow_float && w < c->windows; w++)
    binq_graph_run_embed(c->graph, tokens + w * c->window, c->window,
                         window_of(c, c->float_text, w));
  return embed(c, tokens, table);
}

binq_status binq_calibration_create(binq_graph *graph, const int32_t *tokens, int64_t windows,
                                    int64_t window, const binq_packed_table *table,
                                    bool follow_float, binq_calibration **out) {
  *out = NULL;
  if (windows < 1 || window < 1)
    return binq_errorf("calibration needs at least one window of one token");
  binq_calibration *c;
  BINQ_TRY(binq_allocate(1, sizeof *c, "the calibration", &c));
  *c = (binq_calibration){.graph = graph, .windows = windows, .window = window};
  binq_status status = start(c, tokens, table, follow_float);
  if (status)
    binq_calibration_destroy(c);
  else
    *out = c;
  return status;
}

void binq_calibration_destroy(binq_calibration *c) {
  if (!c)
    return;
  release_stations(c);
  free(c->text);
  free(c->float_text);
  free(c->after);
  free(c->cache);
  free(c);
}

int64_t binq_calibration_windows(const binq_calibration *c) {
  return c->windows;
}

int64_t binq_calibration_window(const binq_calibration *c) {
  return c->window;
}

int64_t binq_calibration_stride(const binq_calibration *c) {
  return c->stride;
}

const float *binq_calibration_input(const binq_calibration *c, int64_t window) {
  return window_of(c, c->text, window);
}

const float *binq_calibration_target(const binq_calibration *c, int64_t window) {
  return c->float_text ? window_of(c, c->float_text, window) : NULL;
}

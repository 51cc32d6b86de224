#include "Text.h"

#include <stdlib.h>
#include <string.h>

/// Rows kept of every input, for choices that need activations themselves.
enum { SAMPLE_TOKENS = 512 };

float *binq_window_of(const binq_calibration *c, float *text, int64_t columns, int64_t window) {
  return text + window * c->window * columns;
}

void binq_run_window(const binq_calibration *c, int64_t layer, const linear_mode *mode,
                     const float *text) {
  int64_t capacity = binq_round_up(c->window, BINQ_CACHE_MULTIPLE);
  batch rows = {1, c->window, 0, c->cache, capacity};
  binq_graph_run_layer(c->graph, layer, &rows, mode, text, c->after);
}

void binq_move_window(const binq_calibration *c, int64_t layer, const linear_mode *mode,
                      float *text) {
  binq_run_window(c, layer, mode, text);
  memcpy(text, c->after, (size_t)(c->window * c->stride) * sizeof *text);
}

static int64_t widest_input(const binq_graph_function *layer) {
  int64_t widest = 0;
  for (int64_t i = 0; i < layer->linear_count; i++)
    if (layer->linears[i].columns > widest)
      widest = layer->linears[i].columns;
  return binq_round_up(widest, BINQ_ROW_MULTIPLE);
}

binq_status binq_activation_room(const binq_calibration *c, int64_t layer, float **out) {
  size_t widest = (size_t)widest_input(binq_graph_layer(c->graph, layer));
  return binq_allocate((size_t)c->window * widest, sizeof **out, "quantized activations", out);
}

/// The text as the table embeds it.
static binq_status embed(binq_calibration *c, const int32_t *tokens,
                         const binq_packed_table *table) {
  const binq_model_info *model = &c->graph->model;
  for (int64_t w = 0; !table && w < c->windows; w++)
    binq_graph_run_embed(c->graph, tokens + w * c->window, c->window,
                         binq_window_of(c, c->text, c->stride, w));
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
  BINQ_TRY(binq_graph_compile_cuts(c->graph));
  BINQ_TRY(binq_graph_reserve(c->graph, c->window, capacity));
  size_t floats = (size_t)(count * c->stride);
  BINQ_TRY(binq_allocate(floats, sizeof(float), "the calibration text", &c->text));
  if (follow_float)
    BINQ_TRY(binq_allocate(floats, sizeof(float), "the calibration text", &c->float_text));
  BINQ_TRY(binq_allocate((size_t)(c->window * c->stride), sizeof(float), "activations", &c->after));
  BINQ_TRY(binq_allocate(cache, sizeof(float), "a layer's cache", &c->cache));
  for (int64_t w = 0; follow_float && w < c->windows; w++)
    binq_graph_run_embed(c->graph, tokens + w * c->window, c->window,
                         binq_window_of(c, c->float_text, c->stride, w));
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
  binq_calibration_rewind(c);
  binq_forget_observation(c);
  binq_free_spare_rows(c);
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
  return binq_window_of(c, c->text, c->stride, window);
}

const float *binq_calibration_target(const binq_calibration *c, int64_t window) {
  return c->float_text ? binq_window_of(c, c->float_text, c->stride, window) : NULL;
}

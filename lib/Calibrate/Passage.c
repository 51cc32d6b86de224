/// The text on its way through a layer: a part at a time, all windows at once. What a part makes
/// for others is held until the last of them has read it, so nothing is computed twice.
#include "Text.h"

#include <stdlib.h>
#include <string.h>

static const graph_cut *cut_at_hand(const binq_calibration *c) {
  return &c->graph->cuts.layers[c->passage.layer];
}

static int64_t stride_of(const binq_calibration *c, int64_t value) {
  return binq_round_up(cut_at_hand(c)->carried[value].columns, BINQ_ROW_MULTIPLE);
}

void binq_calibration_rewind(binq_calibration *c) {
  binq_passage *p = &c->passage;
  for (int64_t i = 0; p->carried && i < cut_at_hand(c)->carried_count; i++)
    binq_give_rows_back(c, stride_of(c, i), &p->carried[i]);
  free((void *)p->carried);
  free((void *)p->window);
  *p = (binq_passage){0};
}

/// Begins with a layer anew, unless the text is in it already and before `part`'s end.
static binq_status enter(binq_calibration *c, int64_t layer, int64_t part) {
  binq_passage *p = &c->passage;
  if (p->carried && p->layer == layer && p->part <= part + 1)
    return BINQ_OK;
  binq_calibration_rewind(c);
  p->layer = layer;
  size_t count = (size_t)cut_at_hand(c)->carried_count + 1;
  BINQ_TRY(binq_allocate(count, sizeof *p->carried, "activations", (void *)&p->carried));
  return binq_allocate(count, sizeof *p->window, "activations", (void *)&p->window);
}

static binq_status make_room(binq_calibration *c) {
  const graph_part *part = &cut_at_hand(c)->parts[c->passage.part];
  for (int64_t i = 0; i < part->make_count; i++)
    BINQ_TRY(binq_take_rows(c, stride_of(c, part->makes[i]), &c->passage.carried[part->makes[i]]));
  return BINQ_OK;
}

/// Gives back what no part behind the one at hand reads.
static void drop(binq_calibration *c) {
  const graph_cut *cut = cut_at_hand(c);
  for (int64_t i = 0; i < cut->carried_count; i++)
    if (cut->carried[i].last <= c->passage.part)
      binq_give_rows_back(c, stride_of(c, i), &c->passage.carried[i]);
}

/// Runs a window through the part at hand. The last part's output comes to `after`.
static void run_window(const binq_calibration *c, const linear_mode *mode, int64_t w) {
  const binq_passage *p = &c->passage;
  const graph_cut *cut = cut_at_hand(c);
  batch rows = {1, c->window, 0, c->cache, binq_round_up(c->window, BINQ_CACHE_MULTIPLE)};
  for (int64_t i = 0; i < cut->carried_count; i++)
    if (p->carried[i])
      p->window[i] = binq_window_of(c, p->carried[i],
                                    binq_round_up(cut->carried[i].columns, BINQ_ROW_MULTIPLE), w);
  binq_graph_run_part(c->graph, p->layer, p->part, &rows, mode,
                      binq_window_of(c, c->text, c->stride, w), p->window, c->after);
}

static binq_status pass_to(binq_calibration *c, int64_t layer, int64_t part,
                           const linear_mode *mode) {
  BINQ_TRY(enter(c, layer, part));
  for (; c->passage.part <= part; c->passage.part++) {
    BINQ_TRY(make_room(c));
    for (int64_t w = 0; w < c->windows; w++)
      run_window(c, mode, w);
    drop(c);
  }
  return BINQ_OK;
}

binq_status binq_pass_to(binq_calibration *c, int64_t layer, int64_t part,
                         const binq_quantized_layer *quantized) {
  linear_mode mode = {.quantized = quantized};
  BINQ_TRY(binq_activation_room(c, layer, &mode.activations));
  binq_status status = pass_to(c, layer, part, &mode);
  free(mode.activations);
  return status;
}

const float *binq_passing_rows(const binq_calibration *c, int64_t value, int64_t w,
                               int64_t *stride) {
  *stride = c->stride;
  if (value == GRAPH_LAYER_INPUT)
    return binq_window_of(c, c->text, c->stride, w);
  *stride = stride_of(c, value);
  return binq_window_of(c, c->passage.carried[value], *stride, w);
}

/// Runs the last part, or the whole layer if none has been run.
static binq_status leave(binq_calibration *c, int64_t layer, const linear_mode *mode) {
  bool resumes = c->passage.carried && c->passage.layer == layer;
  if (resumes)
    BINQ_TRY(pass_to(c, layer, cut_at_hand(c)->part_count - 2, mode));
  for (int64_t w = 0; w < c->windows; w++) {
    float *text = binq_window_of(c, c->text, c->stride, w);
    if (resumes)
      run_window(c, mode, w);
    else
      binq_run_window(c, layer, mode, text);
    memcpy(text, c->after, (size_t)(c->window * c->stride) * sizeof *text);
  }
  binq_calibration_rewind(c);
  return BINQ_OK;
}

binq_status binq_calibration_advance(binq_calibration *c, int64_t layer,
                                     const binq_quantized_layer *quantized) {
  linear_mode mode = {.quantized = quantized};
  BINQ_TRY(binq_activation_room(c, layer, &mode.activations));
  binq_status status = leave(c, layer, &mode);
  free(mode.activations);
  return status;
}

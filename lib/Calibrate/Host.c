// What compiled code calls back for: the float linears and the float embedding, which have no
// lowering of their own.
#include "Internal.h"

#include <string.h>

static float *data_of(const binq_memref *v) {
  return (float *)v->aligned + v->offset;
}

/// A linear being computed by one thread.
typedef struct {
  const host *h;
  const graph_function *function;
  int64_t id;
  const binq_graph_linear *linear;
  int64_t stride; ///< floats of a row of x
  int64_t count, thread, threads;
} task;

/// The share of this thread of `count` rows.
static int64_t share(const task *t, int64_t thread) {
  return t->count * thread / t->threads;
}

static bool reads_first(const task *t) {
  for (int64_t i = 0; i < t->id; i++)
    if (t->function->public.linears[i].input == t->linear->input)
      return false;
  return true;
}

static bool reads_another(const task *t) {
  return t->id == 0 || t->linear[-1].input != t->linear->input;
}

static void gather(const task *t, const float *x) {
  int64_t columns = t->linear->columns;
  float *out = t->h->mode->gathered[t->linear->input];
  for (int64_t row = share(t, t->thread); row < share(t, t->thread + 1); row++)
    memcpy(out + row * columns, x + row * t->stride, (size_t)columns * sizeof *out);
}

/// Rows of x as their quantized form stands for them, in channel order.
static void simulate(const task *t, const float *x) {
  const binq_quantized_layer *layer = t->h->mode->quantized;
  const binq_quantized_input *input = &layer->inputs[t->linear->input];
  int64_t begin = share(t, t->thread), end = share(t, t->thread + 1);
  // The quantizer's rows have no padding.
  int64_t step = t->linear->columns == t->stride ? end - begin : 1;
  for (int64_t row = begin; row < end; row += step)
    binq_simulate_activations(t->h->graph->lanes[t->thread].pool, x + row * t->stride, step,
                              input->order, &layer->linears[t->id].format, input->levels,
                              t->h->mode->activations + row * t->stride);
}

/// Rows [begin, begin + rows) of the float weights, each padded to the stride with zeros.
static void read_float_tile(const task *t, int64_t begin, int64_t rows, float *tile) {
  const binq_weights *weights = &t->h->graph->weights;
  const void *tensor = t->function->tensors[t->id];
  if (t->linear->columns == t->stride) {
    weights->read(tensor, begin, begin + rows, tile);
    return;
  }
  for (int64_t row = 0; row < rows; row++)
    weights->read(tensor, begin + row, begin + row + 1, tile + row * t->stride);
}

/// The same of the quantized weights, in channel order.
static void read_quantized_tile(const task *t, int64_t begin, int64_t rows, float *tile) {
  binq_quantized_linear part = t->h->mode->quantized->linears[t->id];
  int64_t plane_columns = t->stride - part.format.int8_columns;
  int64_t groups = (plane_columns + BINQ_GROUP - 1) / BINQ_GROUP;
  part.format.rows = rows;
  part.codes += begin * plane_columns;
  if (part.levels)
    part.levels += begin * groups * 4;
  if (part.zeros)
    part.zeros += begin * groups;
  part.scales += begin * groups;
  part.int8_codes += begin * part.format.int8_columns;
  part.int8_scales += begin;
  binq_dequantize(&part, tile);
}

/// Columns of y that tile `tile` of the weights' rows gives; those of padding rows are zero.
static void multiply_tile(const task *t, int64_t tile, const float *x, float *y, int64_t y_stride) {
  const lane *own = &t->h->graph->lanes[t->thread];
  int64_t begin = tile * BINQ_HOST_TILE_ROWS;
  int64_t padded = y_stride - begin < BINQ_HOST_TILE_ROWS ? y_stride - begin : BINQ_HOST_TILE_ROWS;
  int64_t rows = t->linear->rows - begin < padded ? t->linear->rows - begin : padded;
  if (rows < padded || t->linear->columns < t->stride)
    memset(own->tile, 0, (size_t)(padded * t->stride) * sizeof *own->tile);
  if (t->h->mode->quantized)
    read_quantized_tile(t, begin, rows, own->tile);
  else
    read_float_tile(t, begin, rows, own->tile);
  binq_matmul(own->pool, x, t->count, own->tile, padded, t->stride, y + begin, y_stride);
}

void binq_host_linear(host *h, int64_t id, const binq_memref *x, const binq_memref *y,
                      int64_t count, int64_t thread, int64_t threads) {
  const binq_graph_linear *linear = &h->function->public.linears[id];
  task t = {h,     h->function, id,     linear, binq_round_up(linear->columns, BINQ_ROW_MULTIPLE),
            count, thread,      threads};
  const float *input = data_of(x);
  if (h->mode->gathered && reads_first(&t))
    gather(&t, input);
  if (h->mode->inputs_only)
    return;
  if (h->mode->quantized) {
    if (reads_another(&t)) {
      simulate(&t, input);
      binq_pool_barrier(h->graph->pool);
    }
    input = h->mode->activations;
  }
  int64_t y_stride = binq_round_up(linear->rows, BINQ_ROW_MULTIPLE);
  for (int64_t tile = thread; tile * BINQ_HOST_TILE_ROWS < y_stride; tile += threads)
    multiply_tile(&t, tile, input, data_of(y), y_stride);
}

void binq_host_embedding(host *h, const binq_memref *tokens, const binq_memref *y, int64_t count,
                         int64_t thread, int64_t threads) {
  const binq_graph *graph = h->graph;
  const int32_t *ids = (const int32_t *)tokens->aligned + tokens->offset;
  int64_t stride = binq_round_up(graph->model.hidden_size, BINQ_ROW_MULTIPLE);
  float *rows = data_of(y);
  for (int64_t i = count * thread / threads; i < count * (thread + 1) / threads; i++) {
    memset(rows + i * stride, 0, (size_t)stride * sizeof *rows);
    graph->weights.read(h->function->table, ids[i], (int64_t)ids[i] + 1, rows + i * stride);
  }
}

void binq_host_barrier(host *h) {
  binq_pool_barrier(h->graph->pool);
}

// What compiled code calls back for: the float linears and the float embedding, which have no
// lowering of their own.
#include "Host.h"

#include <string.h>

/// How the function's inputs are coded, by number; NULL: they are not.
static const binq_quantized_input *coded_inputs(const linear_mode *mode) {
  if (mode->quantized)
    return mode->quantized->inputs;
  return mode->gradient ? mode->gradient->inputs : NULL;
}

host_task binq_host_task(const host *h, int64_t id, int64_t count, int64_t thread,
                         int64_t threads) {
  const binq_graph_linear *linear = &h->function->public.linears[id];
  const binq_quantized_input *inputs = coded_inputs(h->mode);
  return (host_task){.h = h,
                     .id = id,
                     .linear = linear,
                     .input = inputs ? &inputs[linear->input] : NULL,
                     .stride = binq_round_up(linear->columns, BINQ_ROW_MULTIPLE),
                     .count = count,
                     .thread = thread,
                     .threads = threads};
}

static bool reads_first(const host_task *t) {
  for (int64_t i = 0; i < t->id; i++)
    if (t->h->function->public.linears[i].input == t->linear->input)
      return false;
  return true;
}

static bool reads_another(const host_task *t) {
  return t->id == 0 || t->linear[-1].input != t->linear->input;
}

/// The share of this thread of the rows of x.
static void find_share(const host_task *t, int64_t *begin, int64_t *end) {
  *begin = binq_host_share(t->count, t->thread, t->threads);
  *end = binq_host_share(t->count, t->thread + 1, t->threads);
}

static void gather(const host_task *t, const float *x) {
  int64_t columns = t->linear->columns, begin, end;
  float *out = t->h->mode->gathered[t->linear->input];
  find_share(t, &begin, &end);
  for (int64_t row = begin; row < end; row++)
    memcpy(out + row * columns, x + row * t->stride, (size_t)columns * sizeof *out);
}

/// Rows of x as their quantized form stands for them, in channel order.
static void simulate(const host_task *t, const float *x) {
  const linear_mode *mode = t->h->mode;
  const binq_linear_format *format =
      mode->quantized ? &mode->quantized->linears[t->id].format : &mode->gradient->formats[t->id];
  int64_t begin, end;
  find_share(t, &begin, &end);
  // The quantizer's rows have no padding.
  int64_t step = t->linear->columns == t->stride ? end - begin : 1;
  for (int64_t row = begin; row < end; row += step)
    binq_simulate_activations(binq_host_lane(t)->pool, x + row * t->stride, step, t->input->order,
                              format, t->input->levels, mode->activations + row * t->stride);
}

const float *binq_host_inputs(const host_task *t, const float *x, bool is_new) {
  if (!t->input)
    return x;
  if (is_new) {
    // Others may still be at work on those before.
    binq_pool_barrier(t->h->graph->pool);
    simulate(t, x);
    binq_pool_barrier(t->h->graph->pool);
  }
  return t->h->mode->activations;
}

/// Where the float rows of a linear come from.
static binq_replacement rows_of(const host_task *t) {
  const linear_mode *mode = t->h->mode;
  if (mode->replacement && mode->replaced == t->id)
    return *mode->replacement;
  return (binq_replacement){t->h->graph->weights.read, t->h->function->tensors[t->id]};
}

void binq_host_read_float(const host_task *t, int64_t begin, int64_t rows, float *tile) {
  binq_replacement from = rows_of(t);
  if (t->linear->columns == t->stride) {
    from.read(from.weights, begin, begin + rows, tile);
    return;
  }
  memset(tile, 0, (size_t)(rows * t->stride) * sizeof *tile);
  for (int64_t row = 0; row < rows; row++)
    from.read(from.weights, begin + row, begin + row + 1, tile + row * t->stride);
}

/// Float weights in channel order.
static void read_in_order(const host_task *t, int64_t begin, int64_t rows, float *tile) {
  float *row = binq_host_lane(t)->row;
  for (int64_t i = 0; i < rows; i++, tile += t->stride) {
    binq_host_read_float(t, begin + i, 1, row);
    for (int64_t j = 0; j < t->stride; j++)
      tile[j] = t->input->order[j] < t->linear->columns ? row[t->input->order[j]] : 0;
  }
}

void binq_host_read(const host_task *t, int64_t begin, int64_t rows, float *tile) {
  const linear_mode *mode = t->h->mode;
  if (mode->quantized)
    binq_dequantize_rows(&mode->quantized->linears[t->id], begin, begin + rows, tile);
  else if (mode->gradient && mode->gradient->read)
    mode->gradient->read(mode->gradient->user, t->id, begin, begin + rows, tile);
  else if (t->input)
    read_in_order(t, begin, rows, tile);
  else
    binq_host_read_float(t, begin, rows, tile);
}

/// Columns of y that tile `tile` of the weights' rows gives; those of padding rows are zero.
static void multiply_tile(const host_task *t, int64_t tile, const float *x, float *y,
                          int64_t y_stride) {
  const lane *own = binq_host_lane(t);
  int64_t begin = tile * BINQ_HOST_TILE_ROWS;
  int64_t padded = y_stride - begin < BINQ_HOST_TILE_ROWS ? y_stride - begin : BINQ_HOST_TILE_ROWS;
  int64_t rows = t->linear->rows - begin < padded ? t->linear->rows - begin : padded;
  binq_host_read(t, begin, rows, own->tile);
  memset(own->tile + rows * t->stride, 0,
         (size_t)((padded - rows) * t->stride) * sizeof *own->tile);
  binq_matmul(own->pool, x, t->count, own->tile, padded, t->stride, y + begin, y_stride);
}

/// Copies the columns of y that this thread computed from tile `tile`.
static void keep_outputs(const host_task *t, int64_t tile, const float *y, int64_t y_stride) {
  int64_t begin = tile * BINQ_HOST_TILE_ROWS, left = y_stride - begin;
  size_t columns = (size_t)(left < BINQ_HOST_TILE_ROWS ? left : BINQ_HOST_TILE_ROWS);
  float *out = t->h->mode->outputs[t->id] + begin;
  for (int64_t row = 0; row < t->count; row++)
    memcpy(out + row * y_stride, y + begin + row * y_stride, columns * sizeof *out);
}

void binq_host_linear(host *h, int64_t id, const binq_memref *x, const binq_memref *y,
                      int64_t count, int64_t thread, int64_t threads) {
  const linear_mode *mode = h->mode;
  id += h->function->first_linear;
  host_task t = binq_host_task(h, id, count, thread, threads);
  int64_t y_stride = binq_round_up(t.linear->rows, BINQ_ROW_MULTIPLE);
  if (mode->gathered && mode->gathered[t.linear->input] && reads_first(&t))
    gather(&t, binq_host_data(x));
  if (mode->inputs_only)
    return;
  const float *inputs = binq_host_inputs(&t, binq_host_data(x), reads_another(&t));
  for (int64_t tile = thread; tile * BINQ_HOST_TILE_ROWS < y_stride; tile += threads) {
    multiply_tile(&t, tile, inputs, binq_host_data(y), y_stride);
    if (mode->outputs && mode->outputs[id])
      keep_outputs(&t, tile, binq_host_data(y), y_stride);
  }
}

void binq_host_embedding(host *h, const binq_memref *tokens, const binq_memref *y, int64_t count,
                         int64_t thread, int64_t threads) {
  const binq_graph *graph = h->graph;
  const int32_t *ids = (const int32_t *)tokens->aligned + tokens->offset;
  int64_t stride = binq_round_up(graph->model.hidden_size, BINQ_ROW_MULTIPLE);
  float *rows = binq_host_data(y);
  for (int64_t i = count * thread / threads; i < count * (thread + 1) / threads; i++) {
    memset(rows + i * stride, 0, (size_t)stride * sizeof *rows);
    graph->weights.read(h->function->table, ids[i], (int64_t)ids[i] + 1, rows + i * stride);
  }
}

void binq_host_barrier(host *h) {
  binq_pool_barrier(h->graph->pool);
}

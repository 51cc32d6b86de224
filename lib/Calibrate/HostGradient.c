// What compiled gradients call back for: the gradient by the output, and the adjoints of linears.
#include "Host.h"

#include <string.h>

void binq_host_output_gradient(host *h, const binq_memref *y, const binq_memref *dy, int64_t count,
                               int64_t thread, int64_t threads) {
  const binq_layer_gradient *gradient = h->mode->gradient;
  int64_t stride = y->size / count;
  int64_t begin = binq_host_share(count, thread, threads);
  int64_t end = binq_host_share(count, thread + 1, threads);
  if (begin == end)
    return;
  float *out = binq_host_data(dy) + begin * stride;
  memset(out, 0, (size_t)((end - begin) * stride) * sizeof *out);
  gradient->output_gradient(gradient->user, begin, end, binq_host_data(y) + begin * stride, out);
}

/// Rows [begin, begin + rows) of the weights in the model's order, padded to the stride with zeros.
static void read_back(const host_task *t, int64_t begin, int64_t rows, float *out) {
  if (!t->input || !t->h->mode->gradient->read) {
    binq_host_read_float(t, begin, rows, out);
    return;
  }
  const float *tile = binq_host_lane(t)->tile;
  binq_host_read(t, begin, rows, binq_host_lane(t)->tile);
  memset(out, 0, (size_t)(rows * t->stride) * sizeof *out);
  for (int64_t i = 0; i < rows; i++, tile += t->stride, out += t->stride)
    for (int64_t j = 0; j < t->stride; j++)
      if (t->input->order[j] < t->linear->columns)
        out[t->input->order[j]] = tile[j];
}

/// The share of this thread of a slab of weights, a tile at a time.
static void fill_slab(const host_task *t, int64_t first, int64_t rows, float *slab) {
  int64_t end = binq_host_share(rows, t->thread + 1, t->threads);
  for (int64_t row = binq_host_share(rows, t->thread, t->threads), next; row < end; row = next) {
    next = end - row < BINQ_HOST_TILE_ROWS ? end : row + BINQ_HOST_TILE_ROWS;
    read_back(t, first + row, next - row, slab + row * t->stride);
  }
}

/// dx = dy W, by slabs of rows of W that the threads read between them. A slab is filled while
/// others may still be at work on the one before.
static void find_input_gradient(const host_task *t, const float *dy, int64_t dy_stride, float *dx) {
  const lane *own = binq_host_lane(t);
  const binq_graph *graph = t->h->graph;
  int64_t begin = binq_host_share(t->count, t->thread, t->threads);
  int64_t end = binq_host_share(t->count, t->thread + 1, t->threads);
  for (int64_t first = 0, slab = 0; first < t->linear->rows;
       first += BINQ_HOST_SLAB_ROWS, slab = 1 - slab) {
    int64_t left = t->linear->rows - first;
    int64_t rows = left < BINQ_HOST_SLAB_ROWS ? left : BINQ_HOST_SLAB_ROWS;
    float *weights = graph->gradients.slabs + slab * BINQ_HOST_SLAB_ROWS * graph->widest;
    fill_slab(t, first, rows, weights);
    binq_pool_barrier(graph->pool);
    binq_matmul_input_gradient(own->pool, dy + begin * dy_stride + first, dy_stride, end - begin,
                               weights, rows, t->stride, first > 0, dx + begin * t->stride,
                               t->stride);
  }
  binq_pool_barrier(graph->pool);
}

/// Whether the linear that was walked over before this one, going back, read something else.
static bool reads_another_back(const host_task *t) {
  return t->id + 1 < t->h->function->public.linear_count && t->linear[1].input != t->linear->input;
}

static void find_weight_gradient(const host_task *t, const float *x, const float *dy,
                                 int64_t dy_stride) {
  const binq_layer_gradient *gradient = t->h->mode->gradient;
  const lane *own = binq_host_lane(t);
  const float *inputs = binq_host_inputs(t, x, reads_another_back(t));
  int64_t step = t->threads * BINQ_HOST_TILE_ROWS;
  for (int64_t row = t->thread * BINQ_HOST_TILE_ROWS; row < t->linear->rows; row += step) {
    int64_t left = t->linear->rows - row;
    int64_t rows = left < BINQ_HOST_TILE_ROWS ? left : BINQ_HOST_TILE_ROWS;
    binq_matmul_weight_gradient(own->pool, dy + row, dy_stride, inputs, t->count, rows, t->stride,
                                own->tile);
    gradient->weight_gradient(gradient->user, t->id, row, row + rows, own->tile);
  }
}

void binq_host_linear_gradient(host *h, int64_t id, const binq_memref *x, const binq_memref *dy,
                               const binq_memref *dx, int64_t count, int64_t thread,
                               int64_t threads) {
  host_task t = binq_host_task(h, id, count, thread, threads);
  int64_t dy_stride = binq_round_up(t.linear->rows, BINQ_ROW_MULTIPLE);
  find_input_gradient(&t, binq_host_data(dy), dy_stride, binq_host_data(dx));
  if (h->mode->gradient->weight_gradient)
    find_weight_gradient(&t, binq_host_data(x), binq_host_data(dy), dy_stride);
}

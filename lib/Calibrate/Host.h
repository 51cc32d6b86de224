/// A linear that one thread computes its share of, forward or back.
#ifndef BINQ_LIB_CALIBRATE_HOST_H
#define BINQ_LIB_CALIBRATE_HOST_H

#include "Internal.h"

typedef struct {
  const host *h;
  int64_t id;
  const binq_graph_linear *linear;
  const binq_quantized_input *input; ///< how it is coded; NULL: it is not
  int64_t stride;                    ///< floats of a row of x
  int64_t count, thread, threads;
} host_task;

host_task binq_host_task(const host *h, int64_t id, int64_t count, int64_t thread, int64_t threads);

static inline float *binq_host_data(const binq_memref *v) {
  return (float *)v->aligned + v->offset;
}

/// Where the share of a thread of `count` rows starts.
static inline int64_t binq_host_share(int64_t count, int64_t thread, int64_t threads) {
  return count * thread / threads;
}

/// The room for rows of a tile that the thread has.
static inline lane *binq_host_lane(const host_task *t) {
  return &t->h->graph->lanes[t->thread];
}

/// What the linear's weights are multiplied with: x, or what its codes stand for, in channel order.
/// They are made anew by all threads where `is_new`; else they are those of the linear before.
const float *binq_host_inputs(const host_task *t, const float *x, bool is_new);

/// Rows [begin, begin + rows) of the float weights, each padded to the stride with zeros.
void binq_host_read_float(const host_task *t, int64_t begin, int64_t rows, float *tile);

/// The same of the weights that the run takes, in channel order if the input is coded.
void binq_host_read(const host_task *t, int64_t begin, int64_t rows, float *tile);

#endif

/// Packed weights of a format of ours, in as many copies as it takes to fill some memory, with what
/// else a linear reads: the channel order and the level table of its input.
#ifndef BINQ_BENCH_WEIGHTS_H
#define BINQ_BENCH_WEIGHTS_H

#include "Contestant.h"
#include "binq/Quantize/Layout.h"

typedef struct {
  binq_linear_format format;
  int activation_planes;
  binq_layout layout;
  binq_level_table levels;
  binq_quantized_linear linear; ///< random
  const uint16_t *order;
  uint8_t *memory; ///< copies of: order, level table, weights
  int64_t stride, copies;
} bench_weights;

/// "w1+1a4": grouped-binary weights, activations of 4 planes; "w3a8": weights of 3 planes.
/// `int8_columns` of them are INT8, a multiple of 32.
binq_status bench_weights_create(const char *format, const bench_problem *problem,
                                 int64_t int8_columns, bench_weights *out);
void bench_weights_destroy(bench_weights *weights);

#endif

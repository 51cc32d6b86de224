/// A quantized model graph compiled by JIT, from the code that the library of the model consists
/// of: its logits are the library's, bit for bit.
#ifndef BINQ_CALIBRATE_QUANTIZED_H
#define BINQ_CALIBRATE_QUANTIZED_H

#include "binq/Calibrate/Predictor.h"
#include "binq/Support/Status.h"
#include "mlir-c/IR.h"
#include "runtime/Pool.h"
#include <stdint.h>

typedef struct binq_quantized_graph binq_quantized_graph;

/// Compiles a copy of `module`, a model graph as binq-quantize leaves it, and maps the parameter
/// file that it names. Made for windows of at most `window` tokens. `pool` must outlive the graph.
binq_status binq_quantized_graph_create(MlirModule module, int64_t window, binq_pool *pool,
                                        binq_quantized_graph **out);
/// NULL is ignored.
void binq_quantized_graph_destroy(binq_quantized_graph *graph);

/// Runs a window through the layers: hidden[count][hidden size rounded up to 32].
binq_status binq_quantized_graph_run(binq_quantized_graph *graph, const int32_t *tokens,
                                     int64_t count, float *hidden);

/// The logits of at most `window` rows of hidden states: logits[count][vocabulary rounded up
/// to 32].
binq_status binq_quantized_graph_head(binq_quantized_graph *graph, const float *hidden,
                                      int64_t count, float *logits);

/// It as a predictor; of one window at a time.
binq_predictor binq_quantized_graph_predictor(binq_quantized_graph *graph, const char *name);

#endif

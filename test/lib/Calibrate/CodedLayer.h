/// A layer of the tiny graph, quantized as observed: grouped-binary attention, planes elsewhere,
/// outliers everywhere.
#ifndef BINQ_TEST_CALIBRATE_CODEDLAYER_H
#define BINQ_TEST_CALIBRATE_CODEDLAYER_H

#include "TinyGraph.h"

enum { CODED_LINEARS = 7, CODED_INPUTS = 4 };

typedef struct {
  binq_quantized_linear linears[CODED_LINEARS];
  binq_input_statistics statistics[CODED_INPUTS];
  binq_level_table levels[CODED_INPUTS];
  binq_quantized_input inputs[CODED_INPUTS];
} coded_layer;

/// Quantizes the linears of an input.
void coded_layer_add(const tiny_graph *tiny, int64_t layer, int64_t input,
                     const binq_observation *observed, coded_layer *out);
/// Observes and quantizes input after input.
void coded_layer_create(const tiny_graph *tiny, binq_calibration *calibration, int64_t layer,
                        coded_layer *out);
void coded_layer_free(coded_layer *layer);

#endif

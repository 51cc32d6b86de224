/// How good a quantized model is, on text that it was not calibrated on.
#ifndef BINQ_DRIVER_MEASURE_H
#define BINQ_DRIVER_MEASURE_H

#include "binq/Calibrate/Accuracy.h"
#include "binq/Support/Progress.h"
#include "binq/Transforms/Quantize.h"
#include "mlir-c/IR.h"
#include <stdio.h>

/// What was measured on the text that quantization held back.
typedef struct {
  int64_t windows, window; ///< 0 windows: there was no text, nothing was measured
  double float_perplexity;
  binq_accuracy quantized;
  double expected_divergence; ///< by the budget; -1: there was none
} binq_measurement;

/// Runs the float graph and the quantized one, both compiled in memory, over the text that the
/// report has.
binq_status binq_measure(MlirModule graph, MlirModule quantized, const binq_quantize_report *report,
                         const binq_pass_environment *environment, binq_measurement *out);

/// Prints it for people to read.
binq_status binq_measurement_print(const binq_measurement *measurement, FILE *out);

#endif

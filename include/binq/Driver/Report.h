/// report.json: what a compiled model is made of. The same for the same input and options: no
/// times, dates or paths.
#ifndef BINQ_DRIVER_REPORT_H
#define BINQ_DRIVER_REPORT_H

#include "binq/Checkpoint/Model.h"
#include "binq/Driver/Compile.h"
#include "binq/Support/Status.h"
#include "binq/Transforms/Quantize.h"

typedef struct binq_report binq_report;

/// What a report tells of.
typedef struct {
  const binq_model *model;
  const binq_compile_options *options;
  const binq_quantize_report *quantized;
  const binq_measurement *measured;
  const char *parameters; ///< the parameter file that was written
} binq_report_input;

/// Starts the report of a build: versions, the input, the options, the accuracy, and what became of
/// every linear.
binq_status binq_report_create(const binq_report_input *input, binq_report **out);
/// NULL is ignored.
void binq_report_destroy(binq_report *report);

/// Adds the size of a file of the result, under the name `what`.
binq_status binq_report_add_size(binq_report *report, const char *what, const char *path);

/// Writes the report as JSON.
binq_status binq_report_write(const binq_report *report, const char *path);

#endif

/// Pipelines of passes, ours and MLIR's, from the text that mlir-opt takes:
///   builtin.module(binq-import{model=x.gguf},canonicalize,func.func(cse))
#ifndef BINQ_DRIVER_PIPELINE_H
#define BINQ_DRIVER_PIPELINE_H

#include "binq/Pass/Pass.h"
#include "binq/Support/Status.h"
#include "mlir-c/IR.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct binq_pipeline binq_pipeline;

/// An empty pipeline for modules of this context, which has the binq dialect loaded and outlives
/// it.
binq_status binq_pipeline_create(MlirContext context, binq_pipeline **out);
/// NULL is ignored.
void binq_pipeline_destroy(binq_pipeline *pipeline);

/// Appends what `text`, "builtin.module(...)", says. Names, nesting and options are checked here,
/// not when it runs.
binq_status binq_pipeline_parse(binq_pipeline *pipeline, const char *text);

/// Appends one pass of binq; `options` is text like "preset=paper planes=3", or NULL.
binq_status binq_pipeline_add(binq_pipeline *pipeline, const char *flag, const char *options);

/// Sets an option of the pass that was appended last. The value is taken as it is: nothing in it
/// needs quotes.
binq_status binq_pipeline_set(binq_pipeline *pipeline, const char *option, const char *value);

/// Runs the passes, verifying the module after each. Every error is also a diagnostic of the
/// context, emitted once; the returned status is the first. With `print_after_all` the module is
/// printed to stderr after each pass.
binq_status binq_pipeline_run(binq_pipeline *pipeline, MlirModule module,
                              const binq_pass_environment *environment, bool print_after_all);

/// The table of passes, in the order of Passes.def.
const binq_pass *const *binq_passes(size_t *count);

/// The pass of binq with this flag, or NULL.
const binq_pass *binq_pass_find(const char *flag, size_t length);

#endif

/// Builds of a model side by side: how well each foretells a text, and how far its predictions are
/// from those of the float model.
#ifndef BINQ_EVALUATE_EVALUATE_H
#define BINQ_EVALUATE_EVALUATE_H

#include "binq/Calibrate/Accuracy.h"
#include "binq/Support/Memory.h"
#include "binq/Support/Progress.h"
#include "binq/Support/Status.h"
#include "mlir-c/IR.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum {
  BINQ_CANDIDATE_FLOAT,     ///< a model file, a folder, or a float graph
  BINQ_CANDIDATE_QUANTIZED, ///< a quantized graph
  BINQ_CANDIDATE_PROGRAM,   ///< the program of a compiled model
} binq_candidate_kind;

/// Errors of the linears of one kind, layer by layer.
typedef struct {
  const char *kind; ///< "attn_q"
  double *errors;   ///< relative, of the output; NaN where it is not known
} binq_error_series;

typedef struct {
  const char *name, *path;
  binq_candidate_kind kind;
  int64_t bytes;             ///< of the model file, the archive or the parameter file
  double bits_per_weight;    ///< 0: not known
  binq_error_series *series; ///< from the report beside a program; none: not known
  size_t series_count;
  int64_t layer_count;
} binq_candidate;

typedef struct {
  const char *path;
  int64_t tokens; ///< of the whole text
  int64_t windows;
  binq_accuracy *accuracy; ///< by build
} binq_evaluated_text;

typedef struct {
  binq_candidate *builds;
  size_t build_count, reference;
  int64_t window;
  binq_evaluated_text *texts;
  size_t text_count;
  binq_arena *arena; ///< that all this is in
} binq_evaluation;

typedef struct {
  const char *const *builds; ///< "PATH" or "NAME=PATH"
  size_t build_count;
  const char *const *texts;
  size_t text_count;
  int64_t window, windows; ///< 0 windows: all that the text has
  int64_t threads;
} binq_evaluation_options;

/// Evaluates. The first float model is the reference. Programs run as child processes. The context
/// gets the binq dialect. `out` is released with binq_evaluation_free, also after an error.
binq_status binq_evaluate(MlirContext context, const binq_evaluation_options *options,
                          const binq_progress *progress, binq_evaluation *out);
/// Releases what an evaluation holds; an empty one is ignored.
void binq_evaluation_free(binq_evaluation *evaluation);

/// "float model", "quantized graph", "compiled program"
const char *binq_candidate_kind_name(binq_candidate_kind kind);

/// A table for each text, for people to read.
void binq_evaluation_print(const binq_evaluation *evaluation, FILE *out);

/// The same as JSON.
binq_status binq_evaluation_write_json(const binq_evaluation *evaluation, const char *path);

/// The same as a page of HTML that needs nothing else, with charts: perplexity over bytes, and
/// errors over layers where they are known.
binq_status binq_evaluation_write_page(const binq_evaluation *evaluation, const char *path);

#endif

/// Builds that are ready to foretell texts.
#ifndef BINQ_LIB_EVALUATE_OPEN_H
#define BINQ_LIB_EVALUATE_OPEN_H

#include "Child.h"
#include "binq/Calibrate/Quantized.h"
#include "binq/Checkpoint/Parameters.h"
#include "binq/Checkpoint/TextTokens.h"
#include "binq/Evaluate/Evaluate.h"
#include "binq/Transforms/Weights.h"

/// A build at work. What it does not need stays empty.
typedef struct {
  binq_candidate *build;
  MlirModule module;
  binq_module_weights *weights;
  binq_graph *graph;
  binq_graph_reader *reader;
  binq_quantized_graph *quantized;
  binq_child *child;              ///< of the text at hand
  int64_t vocabulary;             ///< of a graph
  const binq_model *model;        ///< that a float graph is of, or NULL
  binq_parameters *parameters;    ///< of a quantized graph
  binq_text_tokenizer *tokenizer; ///< of a graph; NULL where nothing tells it
} binq_opened;

/// Fills name, path and kind from "PATH" or "NAME=PATH".
binq_status binq_candidate_identify(const char *text, binq_arena *arena, binq_candidate *out);

/// Fills the sizes, and the errors that a report beside a program tells.
binq_status binq_candidate_describe(binq_arena *arena, const binq_opened *open,
                                    binq_candidate *build);

/// Compiles a graph for windows of so many tokens, and corrects the kind of one that is not
/// quantized; a program needs nothing yet. Closed with binq_opened_close, also after an error.
binq_status binq_opened_create(binq_candidate *build, MlirContext context, int64_t window,
                               binq_pool *pool, binq_opened *out);
void binq_opened_close(binq_opened *build);

/// Graph or program as a predictor.
binq_predictor binq_opened_predictor(const binq_opened *build);

#endif

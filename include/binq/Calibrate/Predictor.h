/// What foretells a text: a float graph, a quantized one, a compiled program. Several of them are
/// compared over windows of tokens.
#ifndef BINQ_CALIBRATE_PREDICTOR_H
#define BINQ_CALIBRATE_PREDICTOR_H

#include "binq/Calibrate/Accuracy.h"
#include "binq/Calibrate/Graph.h"
#include "binq/Support/Progress.h"
#include "binq/Support/Status.h"
#include "runtime/Pool.h"

typedef struct {
  const char *name; ///< put before its errors
  /// Takes up a window of `count` tokens; nothing before it counts.
  binq_status (*begin)(void *user, const int32_t *tokens, int64_t count);
  /// The logits after the next `count` tokens of the window: rows of a float a token of the
  /// vocabulary, rounded up to 32.
  binq_status (*next)(void *user, int64_t count, float *logits);
  void *user;
} binq_predictor;

/// Windows of text: tokens[windows][window], of a vocabulary of so many tokens.
typedef struct {
  const int32_t *tokens;
  int64_t windows, window;
  int64_t vocabulary;
} binq_windows;

/// Compares predictors with the first of them, the reference, over the last window - 1 tokens of
/// every window. Fills out[count]. Memory holds the logits of some tokens at a time, of two
/// predictors. The same for any number of threads.
binq_status binq_compare_predictors(const binq_predictor *predictors, size_t count,
                                    const binq_windows *text, binq_pool *pool,
                                    const binq_progress *progress, binq_accuracy *out);

/// A float graph at work on windows.
typedef struct binq_graph_reader binq_graph_reader;

/// For windows of at most `window` tokens. The graph must outlive it.
binq_status binq_graph_reader_create(binq_graph *graph, int64_t window, binq_graph_reader **out);
/// NULL is ignored.
void binq_graph_reader_destroy(binq_graph_reader *reader);
/// What foretells by the reader, which must outlive it; `name` is for messages.
binq_predictor binq_graph_reader_predictor(binq_graph_reader *reader, const char *name);

#endif

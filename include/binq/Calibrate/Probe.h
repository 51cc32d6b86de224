/// What errors of a model's weights do to its predictions: one part of the float model is replaced,
/// and the divergence of the logits from what they were is measured over a window of text.
#ifndef BINQ_CALIBRATE_PROBE_H
#define BINQ_CALIBRATE_PROBE_H

#include "binq/Calibrate/Graph.h"

typedef struct binq_probe binq_probe;

/// Weights that stand in for float ones.
typedef struct {
  /// Writes rows [begin, end), in the model's order of channels. Several threads may read at a
  /// time.
  void (*read)(const void *weights, int64_t begin, int64_t end, float *out);
  const void *weights;
} binq_replacement;

/// Runs the float model over the window and keeps what every layer read and the model foretold:
/// memory for the logits of the whole window. `graph` and `tokens` must outlive the probe.
binq_status binq_probe_create(binq_graph *graph, const int32_t *tokens, int64_t window,
                              binq_probe **out);
/// NULL is ignored.
void binq_probe_destroy(binq_probe *probe);

/// The mean KL divergence over the window from the float model, in nats, of the model whose layer
/// has other weights in a linear.
double binq_probe_linear(binq_probe *probe, int64_t layer, int64_t linear,
                         const binq_replacement *replacement);

/// The same with another embedding table, another head, or both (NULL: the float model's).
double binq_probe_tables(binq_probe *probe, const binq_replacement *embedding,
                         const binq_replacement *head);

/// What an error of the embedding's rows counts next to one of the same size in the head's rows:
/// the ratio of the divergences that independent errors in all weights of the one and of the other
/// bring about, as long as they are small.
binq_status binq_probe_embedding_share(binq_probe *probe, double *out);

#endif

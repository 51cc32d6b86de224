// A float graph as a predictor: the layers run over a whole window, the head over some rows.
#include "Internal.h"

#include "binq/Calibrate/Predictor.h"
#include <stdlib.h>

struct binq_graph_reader {
  binq_graph *graph;
  int64_t window;       ///< the longest
  float *x, *y, *cache; ///< x: hidden states of the window at hand
  int64_t done;         ///< its rows whose logits were asked for
};

static int64_t hidden_stride(const binq_graph *graph) {
  return binq_round_up(graph->model.hidden_size, BINQ_ROW_MULTIPLE);
}

static binq_status begin(void *user, const int32_t *tokens, int64_t count) {
  binq_graph_reader *r = user;
  BINQ_TRY(binq_graph_check_tokens(r->graph, tokens, count));
  batch rows = {1, count, 0, r->cache, binq_round_up(count, BINQ_CACHE_MULTIPLE)};
  binq_graph_run_embed(r->graph, tokens, count, r->x);
  for (int64_t layer = 0; layer < r->graph->model.layer_count; layer++) {
    binq_graph_run_layer(r->graph, layer, &rows, NULL, r->x, r->y);
    float *x = r->x;
    r->x = r->y;
    r->y = x;
  }
  r->done = 0;
  return BINQ_OK;
}

static binq_status next(void *user, int64_t count, float *logits) {
  binq_graph_reader *r = user;
  binq_graph_run_head(r->graph, NULL, r->x + r->done * hidden_stride(r->graph), count, logits);
  r->done += count;
  return BINQ_OK;
}

static binq_status allocate(binq_graph_reader *r) {
  size_t floats;
  int64_t capacity = binq_round_up(r->window, BINQ_CACHE_MULTIPLE);
  size_t cache = (size_t)binq_graph_cache_floats(r->graph, 1, capacity);
  BINQ_TRY(binq_graph_reserve(r->graph, r->window, capacity));
  BINQ_TRY(binq_size_multiply((size_t)r->window, (size_t)hidden_stride(r->graph), "activations",
                              &floats));
  BINQ_TRY(binq_allocate(floats, sizeof(float), "activations", &r->x));
  BINQ_TRY(binq_allocate(floats, sizeof(float), "activations", &r->y));
  return binq_allocate(cache, sizeof(float), "a layer's cache", &r->cache);
}

binq_status binq_graph_reader_create(binq_graph *graph, int64_t window, binq_graph_reader **out) {
  *out = NULL;
  binq_graph_reader *r;
  BINQ_TRY(binq_allocate(1, sizeof *r, "the reader", &r));
  r->graph = graph;
  r->window = window;
  binq_status status = allocate(r);
  if (status)
    binq_graph_reader_destroy(r);
  else
    *out = r;
  return status;
}

void binq_graph_reader_destroy(binq_graph_reader *reader) {
  if (!reader)
    return;
  free(reader->x);
  free(reader->y);
  free(reader->cache);
  free(reader);
}

binq_predictor binq_graph_reader_predictor(binq_graph_reader *reader, const char *name) {
  return (binq_predictor){name, begin, next, reader};
}

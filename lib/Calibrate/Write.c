// Text that the model writes itself: many sequences side by side, so that every tile of weights
// made floats serves them all.
#include "Internal.h"

#include "runtime/Sampler.h"
#include <stdio.h>
#include <stdlib.h>

enum {
  TEXT_TOKENS = 256,  ///< length of a sequence
  MOST_SEQUENCES = 96 ///< side by side
};
/// Limit of the caches of all layers, which bounds the sequences side by side.
static const size_t cache_limit = (size_t)512 << 20;

/// A sequence being written.
typedef struct {
  const int32_t *given; ///< tokens that come before the model's own
  int64_t given_count;
  binq_sampler sampler;
} sequence;

typedef struct {
  binq_graph *graph;
  const binq_writing *writing;
  const binq_progress *progress;
  int64_t most; ///< sequences side by side
  uint64_t random;
  sequence *sequences;
  int32_t *tokens; ///< [most]: the last of each sequence
  float *x, *y, *logits, *cache;
  size_t sampler_bytes;
  uint8_t *sampler_room; ///< [threads][sampler_bytes]
  int64_t round_count;   ///< sequences of this round
} writer;

/// A multiplicative generator is random enough to choose beginnings: Knuth's MMIX constants, high
/// bits.
static int64_t draw(writer *w, int64_t count) {
  w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (int64_t)((w->random >> 33) % (uint64_t)count);
}

static void begin_text(writer *w, sequence *s) {
  int64_t which = draw(w, w->writing->beginning_count);
  s->given = w->writing->beginnings[which];
  s->given_count = w->writing->beginning_lengths[which];
}

static void pick_tokens(void *argument, int64_t thread, int64_t threads) {
  const writer *w = argument;
  const binq_model_info *model = &w->graph->model;
  int64_t stride = binq_round_up(model->vocabulary_size, BINQ_ROW_MULTIPLE);
  for (int64_t i = thread; i < w->round_count; i += threads)
    if (w->sequences[i].given_count == 0)
      w->tokens[i] = binq_sampler_pick(&w->sequences[i].sampler, w->logits + i * stride,
                                       model->vocabulary_size,
                                       w->sampler_room + (size_t)thread * w->sampler_bytes);
}

/// The next token of every sequence: a given one, or the model's. A text that ends makes room for
/// another.
static void next_tokens(writer *w) {
  binq_pool_run(w->graph->pool, pick_tokens, w);
  for (int64_t i = 0; i < w->round_count; i++) {
    sequence *s = &w->sequences[i];
    if (s->given_count == 0 && w->tokens[i] == w->graph->model.eos)
      begin_text(w, s);
    if (s->given_count > 0) {
      w->tokens[i] = *s->given++;
      s->given_count--;
    }
  }
}

/// Feeds the last tokens, at `position`, and leaves the logits of the next.
static void step(writer *w, int64_t position) {
  binq_graph *graph = w->graph;
  int64_t cache = binq_graph_cache_floats(graph, w->round_count, TEXT_TOKENS);
  float *x = w->x, *y = w->y;
  binq_graph_run_embed(graph, w->tokens, w->round_count, x);
  for (int64_t layer = 0; layer < graph->model.layer_count; layer++) {
    batch rows = {w->round_count, 1, position, w->cache + layer * cache, TEXT_TOKENS};
    binq_graph_run_layer(graph, layer, &rows, NULL, x, y);
    float *swap = x;
    x = y;
    y = swap;
  }
  binq_graph_run_head(graph, NULL, x, w->round_count, w->logits);
}

static void report(const writer *w, int64_t done) {
  char text[64];
  snprintf(text, sizeof text, "%lld of %lld tokens", (long long)done,
           (long long)w->writing->tokens);
  binq_progress_report(w->progress, "writing calibration text", text,
                       (double)done / (double)w->writing->tokens);
}

/// Writes sequences side by side until `out` [left] is full or each has its length.
static void write_round(writer *w, int64_t left, int32_t *out) {
  int64_t wanted = (left + TEXT_TOKENS - 1) / TEXT_TOKENS;
  int64_t done = w->writing->tokens - left;
  w->round_count = wanted < w->most ? wanted : w->most;
  for (int64_t i = 0; i < w->round_count; i++) {
    begin_text(w, &w->sequences[i]);
    w->sequences[i].sampler =
        (binq_sampler){(float)w->writing->temperature, 0, 0,
                       w->writing->seed + (uint64_t)(done / TEXT_TOKENS + i + 1) * 0x9e3779b9U};
  }
  for (int64_t t = 0; t < TEXT_TOKENS; t++) {
    if (t > 0)
      step(w, t - 1);
    next_tokens(w);
    for (int64_t i = 0; i < w->round_count; i++)
      if (i * TEXT_TOKENS + t < left)
        out[i * TEXT_TOKENS + t] = w->tokens[i];
    report(w, done + w->round_count * t);
  }
}

/// How many sequences fit side by side.
static int64_t sequences_at_a_time(const binq_graph *graph, int64_t tokens) {
  int64_t most = (tokens + TEXT_TOKENS - 1) / TEXT_TOKENS;
  if (most > MOST_SEQUENCES)
    most = MOST_SEQUENCES;
  size_t one = (size_t)graph->model.layer_count * sizeof(float) *
               (size_t)binq_graph_cache_floats(graph, 1, TEXT_TOKENS);
  while (most > 1 && (size_t)most * one > cache_limit)
    most--;
  return most;
}

static binq_status allocate(writer *w) {
  const binq_model_info *model = &w->graph->model;
  size_t most = (size_t)w->most;
  size_t hidden = (size_t)binq_round_up(model->hidden_size, BINQ_ROW_MULTIPLE);
  size_t logits = (size_t)binq_round_up(model->vocabulary_size, BINQ_ROW_MULTIPLE);
  size_t cache =
      (size_t)model->layer_count * (size_t)binq_graph_cache_floats(w->graph, w->most, TEXT_TOKENS);
  size_t threads = (size_t)binq_pool_threads(w->graph->pool);
  w->sampler_bytes = binq_sampler_workspace(model->vocabulary_size);
  BINQ_TRY(binq_graph_reserve(w->graph, w->most, TEXT_TOKENS));
  BINQ_TRY(binq_allocate(most, sizeof *w->sequences, "sequences", &w->sequences));
  BINQ_TRY(binq_allocate(most, sizeof *w->tokens, "tokens", &w->tokens));
  BINQ_TRY(binq_allocate(most * hidden, sizeof(float), "activations", &w->x));
  BINQ_TRY(binq_allocate(most * hidden, sizeof(float), "activations", &w->y));
  BINQ_TRY(binq_allocate(most * logits, sizeof(float), "logits", &w->logits));
  BINQ_TRY(binq_allocate(cache, sizeof(float), "the cache of the text being written", &w->cache));
  return binq_allocate(threads, w->sampler_bytes, "the sampler", &w->sampler_room);
}

static binq_status check(const binq_graph *graph, const binq_writing *writing) {
  if (writing->tokens < 1 || writing->beginning_count < 1)
    return binq_errorf("writing text needs a length and a beginning");
  for (int64_t i = 0; i < writing->beginning_count; i++) {
    if (writing->beginning_lengths[i] < 1)
      return binq_errorf("the beginning of a text is empty");
    BINQ_TRY(binq_graph_check_tokens(graph, writing->beginnings[i], writing->beginning_lengths[i]));
  }
  return BINQ_OK;
}

binq_status binq_graph_write(binq_graph *graph, const binq_writing *writing,
                             const binq_progress *progress, int32_t *out) {
  BINQ_TRY(check(graph, writing));
  writer w = {.graph = graph, .writing = writing, .progress = progress, .random = writing->seed};
  w.most = sequences_at_a_time(graph, writing->tokens);
  binq_status status = allocate(&w);
  for (int64_t done = 0; done < writing->tokens && !status;) {
    write_round(&w, writing->tokens - done, out + done);
    done += w.round_count * TEXT_TOKENS;
  }
  free(w.sequences);
  free(w.tokens);
  free(w.x);
  free(w.y);
  free(w.logits);
  free(w.cache);
  free(w.sampler_room);
  return status;
}

// Predictors side by side: all of them foretell the same tokens, some at a time.
#include "binq/Calibrate/Predictor.h"

#include "binq/Support/Memory.h"
#include "runtime/Model.h"
#include <stdio.h>
#include <stdlib.h>

/// Tokens whose logits are held at a time.
enum { CHUNK = 128 };

typedef struct {
  const binq_predictor *predictors;
  size_t count;
  const binq_windows *text;
  binq_pool *pool;
  float *reference, *other;     ///< [CHUNK][vocabulary, padded]
  binq_prediction *predictions; ///< [count][windows * (window - 1)]
} comparison;

/// Rows of logits, and the tokens that followed.
typedef struct {
  const float *reference, *other;
  int64_t vocabulary, count;
  const int32_t *next;
  binq_prediction *out;
} chunk;

static void compare_rows(void *argument, int64_t thread, int64_t threads) {
  const chunk *c = argument;
  int64_t stride = binq_round_up(c->vocabulary, BINQ_ROW_MULTIPLE);
  for (int64_t i = thread; i < c->count; i += threads)
    c->out[i] = binq_compare_logits(c->reference + i * stride, c->other + i * stride, c->vocabulary,
                                    c->next[i]);
}

static int64_t predictions_of(const binq_windows *text) {
  return text->windows * (text->window - 1);
}

/// Logits after tokens [begin, begin + count) of a window, by every predictor.
static binq_status compare_chunk(const comparison *c, int64_t window, int64_t begin,
                                 int64_t count) {
  const binq_windows *text = c->text;
  for (size_t i = 0; i < c->count; i++) {
    const binq_predictor *predictor = &c->predictors[i];
    float *logits = i ? c->other : c->reference;
    BINQ_TRY(binq_annotate(predictor->next(predictor->user, count, logits), "%s", predictor->name));
    chunk rows = {c->reference,
                  logits,
                  text->vocabulary,
                  count,
                  text->tokens + window * text->window + begin + 1,
                  c->predictions + (int64_t)i * predictions_of(text) + window * (text->window - 1) +
                      begin};
    binq_pool_run(c->pool, compare_rows, &rows);
  }
  return BINQ_OK;
}

static binq_status compare_window(const comparison *c, int64_t window) {
  const binq_windows *text = c->text;
  for (size_t i = 0; i < c->count; i++) {
    const binq_predictor *predictor = &c->predictors[i];
    BINQ_TRY(binq_annotate(
        predictor->begin(predictor->user, text->tokens + window * text->window, text->window), "%s",
        predictor->name));
  }
  for (int64_t begin = 0; begin < text->window - 1; begin += CHUNK) {
    int64_t left = text->window - 1 - begin;
    BINQ_TRY(compare_chunk(c, window, begin, left < CHUNK ? left : CHUNK));
  }
  return BINQ_OK;
}

static binq_status compare(const comparison *c, const binq_progress *progress, binq_accuracy *out) {
  const binq_windows *text = c->text;
  for (int64_t w = 0; w < text->windows; w++) {
    char step[64];
    (void)snprintf(step, sizeof step, "window %lld of %lld", (long long)w + 1,
                   (long long)text->windows);
    binq_progress_report(progress, "measuring accuracy", step, (double)w / (double)text->windows);
    BINQ_TRY(compare_window(c, w));
  }
  int64_t predictions = predictions_of(text);
  for (size_t i = 0; i < c->count; i++)
    binq_accuracy_of(c->predictions + (int64_t)i * predictions, (size_t)predictions, &out[i]);
  return BINQ_OK;
}

static binq_status allocate(comparison *c) {
  size_t stride = (size_t)binq_round_up(c->text->vocabulary, BINQ_ROW_MULTIPLE), total;
  BINQ_TRY(binq_allocate(CHUNK * stride, sizeof(float), "logits", &c->reference));
  if (c->count > 1)
    BINQ_TRY(binq_allocate(CHUNK * stride, sizeof(float), "logits", &c->other));
  BINQ_TRY(
      binq_size_multiply(c->count, (size_t)predictions_of(c->text), "the predictions", &total));
  return binq_allocate(total, sizeof *c->predictions, "the predictions", &c->predictions);
}

static binq_status check(const binq_windows *text) {
  if (text->windows < 1 || text->window < 2 || text->windows > INT32_MAX / text->window)
    return binq_errorf("%lld windows of %lld tokens are nothing to foretell",
                       (long long)text->windows, (long long)text->window);
  for (int64_t i = 0; i < text->windows * text->window; i++)
    if (text->tokens[i] < 0 || text->tokens[i] >= text->vocabulary)
      return binq_errorf("token %d is not of the model's vocabulary", text->tokens[i]);
  return BINQ_OK;
}

binq_status binq_compare_predictors(const binq_predictor *predictors, size_t count,
                                    const binq_windows *text, binq_pool *pool,
                                    const binq_progress *progress, binq_accuracy *out) {
  BINQ_TRY(check(text));
  comparison c = {.predictors = predictors, .count = count, .text = text, .pool = pool};
  binq_status status = allocate(&c);
  if (!status)
    status = compare(&c, progress, out);
  free(c.reference);
  free(c.other);
  free(c.predictions);
  return status;
}

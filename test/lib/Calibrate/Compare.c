// Predictors side by side, against one prediction after another; a float graph as a predictor.
#include "TinyGraph.h"
#include "binq/Calibrate/Predictor.h"

#include <math.h>

enum {
  WINDOWS = 3,
  WINDOW = 301,
  VOCABULARY = 37,
  STRIDE = 64,
  PREDICTIONS = WINDOWS * (WINDOW - 1)
};

/// Foretells something of its own for every place of every window.
typedef struct {
  uint64_t seed;
  int64_t windows, done;
  int64_t fails_at; ///< window
} fake;

static void fill_row(const fake *f, int64_t window, int64_t place, float *out) {
  uint64_t state = f->seed + (uint64_t)(window * WINDOW + place) * 977;
  for (int64_t i = 0; i < VOCABULARY; i++)
    out[i] = 6 * tiny_random(&state);
}

static binq_status begin(void *user, const int32_t *tokens, int64_t count) {
  fake *f = user;
  CHECK_EQ_INT(count, WINDOW);
  f->done = 0;
  if (f->windows++ == f->fails_at)
    return binq_errorf("no more");
  return BINQ_OK;
}

static binq_status next(void *user, int64_t count, float *logits) {
  fake *f = user;
  for (int64_t i = 0; i < count; i++)
    fill_row(f, f->windows - 1, f->done + i, logits + i * STRIDE);
  f->done += count;
  return BINQ_OK;
}

static binq_accuracy expect(const fake *reference, const fake *other, const int32_t *tokens) {
  binq_prediction predictions[PREDICTIONS];
  binq_accuracy out;
  for (int64_t w = 0; w < WINDOWS; w++)
    for (int64_t i = 0; i < WINDOW - 1; i++) {
      float a[VOCABULARY], b[VOCABULARY];
      fill_row(reference, w, i, a);
      fill_row(other, w, i, b);
      predictions[w * (WINDOW - 1) + i] =
          binq_compare_logits(a, b, VOCABULARY, tokens[w * WINDOW + i + 1]);
    }
  binq_accuracy_of(predictions, PREDICTIONS, &out);
  return out;
}

static int same(const binq_accuracy *a, const binq_accuracy *b) {
  return a->predictions == b->predictions && a->perplexity == b->perplexity &&
         a->divergence == b->divergence && a->divergence_99 == b->divergence_99 &&
         a->agreement == b->agreement;
}

static void check_fakes(int threads) {
  int32_t tokens[WINDOWS * WINDOW];
  for (int i = 0; i < WINDOWS * WINDOW; i++)
    tokens[i] = i * 31 % VOCABULARY;
  binq_windows text = {tokens, WINDOWS, WINDOW, VOCABULARY};
  fake fakes[3] = {
      {.seed = 1, .fails_at = -1}, {.seed = 2, .fails_at = -1}, {.seed = 3, .fails_at = -1}};
  binq_predictor predictors[3];
  binq_accuracy got[3];
  binq_pool *pool;
  REQUIRE(binq_pool_create(threads, &pool) == 0);
  for (int i = 0; i < 3; i++)
    predictors[i] = (binq_predictor){i == 2 ? "third" : "other", begin, next, &fakes[i]};
  CHECK_STATUS_OK(binq_compare_predictors(predictors, 3, &text, pool, NULL, got));
  for (int i = 0; i < 3; i++) {
    binq_accuracy expected = expect(&fakes[0], &fakes[i], tokens);
    CHECK(same(&got[i], &expected));
    CHECK_EQ_INT(fakes[i].done, WINDOW - 1);
  }
  CHECK(got[0].divergence == 0 && got[0].agreement == 1 && got[1].divergence > 1);

  fakes[2].fails_at = WINDOWS + 1;
  CHECK_STATUS_FAILS(binq_compare_predictors(predictors, 3, &text, pool, NULL, got),
                     "third: no more");
  tokens[5] = VOCABULARY;
  CHECK_STATUS_FAILS(binq_compare_predictors(predictors, 3, &text, pool, NULL, got), "token 37");
  text.window = 1;
  CHECK_STATUS_FAILS(binq_compare_predictors(predictors, 3, &text, pool, NULL, got),
                     "nothing to foretell");
  binq_pool_destroy(pool);
}

/// The logits of a window do not depend on how many are asked for at a time, nor on what was read
/// before.
static void check_reader(int threads, float *first) {
  enum { TOKENS = 50 };
  tiny_graph tiny;
  binq_graph_reader *reader;
  tiny_graph_create(threads, &tiny);
  int64_t stride = binq_round_up(tiny.model->vocabulary_size, BINQ_ROW_MULTIPLE);
  int32_t *tokens = tiny_tokens(TOKENS, 3);
  float *logits = calloc((size_t)(TOKENS * stride), sizeof *logits);
  REQUIRE(logits);
  CHECK_STATUS_OK(binq_graph_reader_create(tiny.graph, TOKENS + 9, &reader));
  binq_predictor p = binq_graph_reader_predictor(reader, "float");
  for (int64_t piece = 50; piece > 0; piece -= 21) {
    CHECK_STATUS_OK(p.begin(p.user, tokens, TOKENS));
    for (int64_t done = 0; done < TOKENS; done += piece)
      CHECK_STATUS_OK(
          p.next(p.user, TOKENS - done < piece ? TOKENS - done : piece, logits + done * stride));
    if (threads == 1 && piece == 50)
      memcpy(first, logits, (size_t)(TOKENS * stride) * sizeof *logits);
    CHECK(tiny_same_bits(first, logits, (size_t)(TOKENS * stride)));
  }
  int32_t wrong = -1;
  CHECK_STATUS_FAILS(p.begin(p.user, &wrong, 1), "token -1");
  binq_graph_reader_destroy(reader);
  free(logits);
  free(tokens);
  tiny_graph_destroy(&tiny);
}

int main(void) {
  float *first = calloc(50 * 512, sizeof *first);
  REQUIRE(first);
  for (int threads = 1; threads <= 3; threads++) {
    check_fakes(threads);
    check_reader(threads, first);
  }
  free(first);
  return check_result();
}

// Text that a graph writes: what it is asked to begin with, then what the graph itself finds
// likely.
#include "Naive.h"
#include "TinyGraph.h"

enum {
  HIDDEN = 40,
  VOCABULARY = 288,
  TEXT = 256,
  LENGTH = 20,
  PLAIN = LENGTH * HIDDEN,
  LOGITS = LENGTH * VOCABULARY,
};

static const int32_t one[] = {5, 17, 200}, two[] = {9};
static const int32_t *const beginnings[] = {one, two};
static const int64_t lengths[] = {3, 1};

static binq_writing writing(int64_t tokens, double temperature) {
  return (binq_writing){tokens, temperature, 11, beginnings, lengths, 2};
}

static int32_t *write(tiny_graph *tiny, const binq_writing *how) {
  int32_t *tokens = malloc((size_t)how->tokens * sizeof *tokens);
  REQUIRE(tokens);
  CHECK_STATUS_OK(binq_graph_write(tiny->graph, how, NULL, tokens));
  for (int64_t i = 0; i < how->tokens; i++)
    CHECK(tokens[i] >= 0 && tokens[i] < VOCABULARY);
  return tokens;
}

/// How many tokens of the text are those of a beginning.
static int64_t begins_with(const int32_t *text) {
  for (int i = 0; i < 2; i++)
    if (memcmp(text, beginnings[i], (size_t)lengths[i] * sizeof *text) == 0)
      return lengths[i];
  return 0;
}

/// Without temperature every token after the beginning is the likeliest one.
static void test_greedy(tiny_graph *tiny) {
  binq_writing how = writing(LENGTH, 0);
  int32_t *tokens = write(tiny, &how);
  double x[PLAIN], y[PLAIN], *logits = calloc(LOGITS, sizeof *logits);
  REQUIRE(logits);
  for (int64_t i = 0; i < LENGTH; i++) {
    float row[HIDDEN];
    binq_tensor_dequantize(binq_model_tensor(tiny->model, "token_embd.weight"), tokens[i],
                           tokens[i] + 1, row);
    for (int64_t j = 0; j < HIDDEN; j++)
      x[i * HIDDEN + j] = (double)row[j];
  }
  for (int64_t layer = 0; layer < tiny->model->layer_count; layer++) {
    naive_inputs inputs;
    naive_layer(tiny->model, layer, NULL, 0, LENGTH, x, y, &inputs);
    naive_free(&inputs);
    memcpy(x, y, sizeof x);
  }
  naive_head(tiny->model, LENGTH, x, logits);
  int64_t given = begins_with(tokens);
  CHECK(given > 0);
  for (int64_t i = given; i < LENGTH; i++) {
    const double *row = logits + (i - 1) * VOCABULARY;
    int64_t best = 0;
    for (int64_t v = 1; v < VOCABULARY; v++)
      best = row[v] > row[best] ? v : best;
    CHECK_EQ_INT(tokens[i], best);
  }
  free(tokens);
  free(logits);
}

/// Every text of a long writing begins as asked for, and texts differ.
static void test_texts(tiny_graph *tiny, const int32_t *expected, int64_t count) {
  binq_writing how = writing(count, 1);
  int32_t *tokens = write(tiny, &how);
  CHECK(memcmp(tokens, expected, (size_t)count * sizeof *tokens) == 0);
  for (int64_t i = 0; i + TEXT <= count; i += TEXT) {
    CHECK(begins_with(tokens + i) > 0);
    CHECK(i == 0 || memcmp(tokens, tokens + i, TEXT * sizeof *tokens) != 0);
  }
  how.seed++;
  int32_t *other = write(tiny, &how);
  CHECK(memcmp(tokens, other, (size_t)count * sizeof *tokens) != 0);
  free(tokens);
  free(other);
}

static void test_refusals(tiny_graph *tiny) {
  int32_t tokens[4], wrong[] = {VOCABULARY};
  const int32_t *const spans[] = {wrong};
  const int64_t none[] = {0}, single[] = {1};
  binq_writing how = writing(0, 1);
  CHECK_STATUS_FAILS(binq_graph_write(tiny->graph, &how, NULL, tokens), "a length");
  how = (binq_writing){4, 1, 0, spans, single, 0};
  CHECK_STATUS_FAILS(binq_graph_write(tiny->graph, &how, NULL, tokens), "a beginning");
  how = (binq_writing){4, 1, 0, spans, none, 1};
  CHECK_STATUS_FAILS(binq_graph_write(tiny->graph, &how, NULL, tokens), "empty");
  how = (binq_writing){4, 1, 0, spans, single, 1};
  CHECK_STATUS_FAILS(binq_graph_write(tiny->graph, &how, NULL, tokens), "token 288");
}

int main(void) {
  enum { COUNT = 2 * TEXT + 40 };
  int32_t *expected = NULL;
  for (int threads = 1; threads <= 3; threads += 2) {
    tiny_graph tiny;
    tiny_graph_create(threads, &tiny);
    test_greedy(&tiny);
    test_refusals(&tiny);
    binq_writing how = writing(COUNT, 1);
    if (!expected)
      expected = write(&tiny, &how);
    test_texts(&tiny, expected, COUNT);
    tiny_graph_destroy(&tiny);
  }
  free(expected);
  return check_result();
}

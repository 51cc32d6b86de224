// Compiled functions against plain ones; the same bits however rows are cut and with any number of
// threads.
#include "Naive.h"
#include "TinyGraph.h"

#include <math.h>

enum {
  HIDDEN = 40,
  STRIDE = 64,
  VOCABULARY = 288,
  LENGTH = 11,
  CAPACITY = 32,
  SEQUENCES = 3,
  PLAIN = LENGTH * HIDDEN,
  ROWS = LENGTH * STRIDE,
  ALL_ROWS = SEQUENCES * ROWS,
  LOGITS = LENGTH * VOCABULARY,
};

static float *floats(int64_t count) {
  float *made = calloc((size_t)count, sizeof *made);
  REQUIRE(made);
  return made;
}

/// Rows of `sequences` sequences, padding zero.
static void fill(float *x, int64_t sequences, uint64_t seed) {
  for (int64_t i = 0; i < sequences * LENGTH; i++)
    for (int64_t j = 0; j < HIDDEN; j++)
      x[i * STRIDE + j] = tiny_random(&seed);
}

/// Runs a layer over sequences, each in pieces that end at `cut` and at its end.
static void run(tiny_graph *tiny, int64_t layer, int64_t sequences, int64_t cut, const float *x,
                float *y) {
  float *cache = floats(binq_graph_cache_floats(tiny->graph, sequences, CAPACITY));
  float *piece_x = floats(sequences * LENGTH * STRIDE),
        *piece_y = floats(sequences * LENGTH * STRIDE);
  CHECK_STATUS_OK(binq_graph_reserve(tiny->graph, sequences * LENGTH, CAPACITY));
  for (int64_t begin = 0, end = cut; begin < LENGTH; begin = end, end = LENGTH) {
    int64_t length = end - begin;
    size_t bytes = (size_t)(length * STRIDE) * sizeof *x;
    batch rows = {sequences, length, begin, cache, CAPACITY};
    for (int64_t s = 0; s < sequences; s++)
      memcpy(piece_x + s * length * STRIDE, x + (s * LENGTH + begin) * STRIDE, bytes);
    binq_graph_run_layer(tiny->graph, layer, &rows, NULL, piece_x, piece_y);
    for (int64_t s = 0; s < sequences; s++)
      memcpy(y + (s * LENGTH + begin) * STRIDE, piece_y + s * length * STRIDE, bytes);
  }
  free(cache);
  free(piece_x);
  free(piece_y);
}

/// Largest difference of rows [LENGTH][columns], one side padded.
static double difference(const float *padded, int64_t stride, const double *plain,
                         int64_t columns) {
  double largest = 0;
  for (int64_t i = 0; i < LENGTH; i++)
    for (int64_t j = 0; j < columns; j++)
      largest = fmax(largest, fabs((double)padded[i * stride + j] - plain[i * columns + j]));
  return largest;
}

static void test_layer(tiny_graph *tiny) {
  float *x = floats(ALL_ROWS), *y = floats(ALL_ROWS);
  double plain_x[PLAIN], plain_y[PLAIN];
  naive_inputs inputs;
  fill(x, SEQUENCES, 7);
  for (int64_t layer = 0; layer < 2; layer++) {
    run(tiny, layer, SEQUENCES, LENGTH, x, y);
    for (int64_t s = 0; s < SEQUENCES; s++) {
      for (int64_t i = 0; i < PLAIN; i++)
        plain_x[i] = (double)x[(s * LENGTH + i / HIDDEN) * STRIDE + i % HIDDEN];
      naive_layer(tiny->model, layer, NULL, 0, LENGTH, plain_x, plain_y, &inputs);
      naive_free(&inputs);
      double error = difference(y + s * ROWS, STRIDE, plain_y, HIDDEN);
      if (error > 2e-5)
        CHECK_FAIL("layer %lld, sequence %lld: differs by %g", (long long)layer, (long long)s,
                   error);
    }
  }
  for (int64_t i = 0; i < LENGTH; i++)
    for (int64_t j = HIDDEN; j < STRIDE; j++)
      CHECK(y[i * STRIDE + j] == 0);
  free(x);
  free(y);
}

static void test_head(tiny_graph *tiny) {
  float *x = floats(ROWS), *logits = floats(LOGITS);
  double plain_x[PLAIN], *plain = calloc(LOGITS, sizeof *plain);
  REQUIRE(plain);
  fill(x, 1, 8);
  for (int64_t i = 0; i < PLAIN; i++)
    plain_x[i] = (double)x[i / HIDDEN * STRIDE + i % HIDDEN];
  CHECK_STATUS_OK(binq_graph_reserve(tiny->graph, LENGTH, CAPACITY));
  binq_graph_run_head(tiny->graph, NULL, x, LENGTH, logits);
  naive_head(tiny->model, LENGTH, plain_x, plain);
  CHECK(difference(logits, VOCABULARY, plain, VOCABULARY) < 2e-5);
  free(x);
  free(logits);
  free(plain);
}

static void test_embedding(tiny_graph *tiny) {
  int32_t *tokens = tiny_tokens(LENGTH, 3);
  float *x = floats(ROWS), row[HIDDEN];
  memset(x, 0x7f, ROWS * sizeof *x);
  CHECK_STATUS_OK(binq_graph_reserve(tiny->graph, LENGTH, CAPACITY));
  binq_graph_run_embed(tiny->graph, tokens, LENGTH, x);
  for (int64_t i = 0; i < LENGTH; i++) {
    binq_tensor_dequantize(binq_model_tensor(tiny->model, "token_embd.weight"), tokens[i],
                           tokens[i] + 1, row);
    CHECK(tiny_same_bits(row, x + i * STRIDE, HIDDEN));
    for (int64_t j = HIDDEN; j < STRIDE; j++)
      CHECK(x[i * STRIDE + j] == 0);
  }
  free(tokens);
  free(x);
}

/// A layer tells its norms as they are in the model, in the order of their use.
static void test_vectors(const tiny_graph *tiny) {
  static const char *const names[] = {"blk.1.attn_norm.weight", "blk.1.ffn_norm.weight"};
  const binq_graph_function *layer = binq_graph_layer(tiny->graph, 1);
  float values[HIDDEN];
  CHECK_EQ_INT(layer->vector_count, 2);
  CHECK_EQ_INT(layer->vector_floats, 2 * STRIDE);
  for (int64_t i = 0; i < 2; i++) {
    const binq_graph_vector *vector = &layer->vectors[i];
    CHECK(strcmp(vector->name, names[i]) == 0);
    CHECK_EQ_INT(vector->offset, i * STRIDE);
    CHECK_EQ_INT(vector->size, HIDDEN);
    binq_tensor_dequantize(binq_model_tensor(tiny->model, names[i]), 0, 1, values);
    CHECK(tiny_same_bits(values, layer->vector_values + vector->offset, HIDDEN));
  }
}

/// Any cut of the rows gives the bits of the whole.
static void test_cuts(tiny_graph *tiny, const float *expected) {
  float *x = floats(ALL_ROWS), *y = floats(ALL_ROWS);
  fill(x, SEQUENCES, 9);
  for (int64_t cut = 1; cut <= LENGTH; cut++) {
    run(tiny, 1, SEQUENCES, cut, x, y);
    CHECK(tiny_same_bits(y, expected, ALL_ROWS));
  }
  free(x);
  free(y);
}

static binq_status find_tensor(void *user, const char *name, int64_t rows, int64_t columns,
                               const void **tensor) {
  *tensor = binq_model_tensor(user, name);
  return BINQ_OK;
}

/// Rows whose last value is no number, where they are vectors.
static void read_damaged(const void *tensor, int64_t begin, int64_t end, float *out) {
  const binq_tensor *t = tensor;
  binq_tensor_dequantize(t, begin, end, out);
  if (t->rows == 1)
    out[t->columns - 1] = NAN;
}

static void test_damaged_vectors(const tiny_graph *tiny) {
  binq_weights weights = {find_tensor, read_damaged, (void *)tiny->model};
  binq_graph *graph;
  CHECK_STATUS_FAILS(binq_graph_create(tiny->module, &weights, tiny->pool, &graph),
                     "norm.weight': value 39 is not a finite number");
  CHECK(graph == NULL);
}

int main(void) {
  float *x = floats(ALL_ROWS), *expected = floats(ALL_ROWS);
  fill(x, SEQUENCES, 9);
  for (int threads = 1; threads <= 3; threads++) {
    tiny_graph tiny;
    tiny_graph_create(threads, &tiny);
    test_layer(&tiny);
    test_head(&tiny);
    test_embedding(&tiny);
    test_vectors(&tiny);
    test_damaged_vectors(&tiny);
    if (threads == 1)
      run(&tiny, 1, SEQUENCES, LENGTH, x, expected);
    test_cuts(&tiny, expected);
    tiny_graph_destroy(&tiny);
  }
  free(x);
  free(expected);
  return check_result();
}

// Probes against a graph whose weights are the replaced ones, and the share of the embedding
// against what small errors bring about.
#include "binq/Calibrate/Probe.h"
#include "TinyGraph.h"
#include "binq/Calibrate/Accuracy.h"

#include <math.h>

enum { WINDOW = 70, STRIDE = 64, VOCABULARY = 288, CAPACITY = 96, TENSORS = 32 };

/// A tensor with errors of one size, up or down.
typedef struct {
  const binq_tensor *tensor;
  float error;
} inexact;

/// The tensors of a model, of which the one called `name` has errors.
typedef struct {
  const binq_model *model;
  const char *name;
  float error;
  inexact tensors[TENSORS];
  int count;
} source;

static void read_inexact(const void *weights, int64_t begin, int64_t end, float *out) {
  const inexact *from = weights;
  binq_tensor_dequantize(from->tensor, begin, end, out);
  int64_t first = begin * from->tensor->columns, count = (end - begin) * from->tensor->columns;
  for (int64_t i = 0; i < count; i++) {
    uint64_t state = (uint64_t)(first + i) * UINT64_C(0x9E3779B97F4A7C15);
    tiny_random(&state);
    out[i] += tiny_random(&state) > 0 ? from->error : -from->error;
  }
}

static binq_status find(void *user, const char *name, int64_t rows, int64_t columns,
                        const void **tensor) {
  source *s = user;
  REQUIRE(s->count < TENSORS);
  inexact *out = &s->tensors[s->count++];
  *out = (inexact){binq_model_tensor(s->model, name), strcmp(name, s->name) == 0 ? s->error : 0};
  REQUIRE(out->tensor && out->tensor->rows == rows && out->tensor->columns == columns);
  *tensor = out;
  return BINQ_OK;
}

static void *allocate(int64_t count, size_t size) {
  void *memory = calloc((size_t)count, size);
  REQUIRE(memory);
  return memory;
}

/// [WINDOW][VOCABULARY]
static float *logits_of(binq_graph *graph, const int32_t *tokens) {
  float *x = allocate(WINDOW * STRIDE, sizeof *x), *y = allocate(WINDOW * STRIDE, sizeof *y);
  float *logits = allocate((int64_t)WINDOW * VOCABULARY, sizeof *logits);
  float *cache = allocate(binq_graph_cache_floats(graph, 1, CAPACITY), sizeof *cache);
  batch rows = {1, WINDOW, 0, cache, CAPACITY};
  CHECK_STATUS_OK(binq_graph_reserve(graph, WINDOW, CAPACITY));
  binq_graph_run_embed(graph, tokens, WINDOW, x);
  binq_graph_run_layer(graph, 0, &rows, NULL, x, y);
  binq_graph_run_layer(graph, 1, &rows, NULL, y, x);
  binq_graph_run_head(graph, NULL, x, WINDOW, logits);
  free(x);
  free(y);
  free(cache);
  return logits;
}

/// The mean divergence from the float model of a graph that has errors in the tensor `name`.
static double expected_divergence(tiny_graph *tiny, const int32_t *tokens, const char *name,
                                  float error) {
  source from = {.model = tiny->model, .name = name, .error = error};
  binq_weights weights = {find, read_inexact, &from};
  binq_graph *graph;
  CHECK_STATUS_OK(binq_graph_create(tiny->module, &weights, tiny->pool, &graph));
  float *reference = logits_of(tiny->graph, tokens), *other = logits_of(graph, tokens);
  double sum = 0;
  for (int64_t i = 0; i < WINDOW; i++)
    sum += binq_compare_logits(reference + i * VOCABULARY, other + i * VOCABULARY, VOCABULARY, 0)
               .divergence;
  free(reference);
  free(other);
  binq_graph_destroy(graph);
  return sum / WINDOW;
}

static void check_near(const char *what, double expected, double actual, double tolerance) {
  if (!(fabs(actual - expected) <= tolerance * expected))
    CHECK_FAIL("%s: %g where %g is expected", what, actual, expected);
}

static inexact with_errors(const tiny_graph *tiny, const char *name, float error) {
  return (inexact){binq_model_tensor(tiny->model, name), error};
}

static void test_linears(tiny_graph *tiny, binq_probe *probe, const int32_t *tokens) {
  for (int64_t layer = 0; layer < 2; layer++) {
    const binq_graph_function *function = binq_graph_layer(tiny->graph, layer);
    for (int64_t i = 0; i < function->linear_count; i++) {
      const char *name = function->linears[i].name;
      inexact weights = with_errors(tiny, name, 0.05F), exact = with_errors(tiny, name, 0);
      binq_replacement replacement = {read_inexact, &weights}, same = {read_inexact, &exact};
      check_near(name, expected_divergence(tiny, tokens, name, 0.05F),
                 binq_probe_linear(probe, layer, i, &replacement), 1e-3);
      CHECK(fabs(binq_probe_linear(probe, layer, i, &same)) < 1e-6);
    }
  }
}

static void test_tables(tiny_graph *tiny, binq_probe *probe, const int32_t *tokens) {
  static const char name[] = "token_embd.weight";
  inexact weights = with_errors(tiny, name, 0.05F);
  binq_replacement table = {read_inexact, &weights};
  check_near("table", expected_divergence(tiny, tokens, name, 0.05F),
             binq_probe_tables(probe, &table, &table), 1e-3);
  CHECK(fabs(binq_probe_tables(probe, NULL, NULL)) < 1e-6);
  weights.error = 0.01F;
  double embedding = binq_probe_tables(probe, &table, NULL);
  double head = binq_probe_tables(probe, NULL, &table), share;
  CHECK_STATUS_OK(binq_probe_embedding_share(probe, &share));
  check_near("share", embedding / head, share, 0.2);
}

int main(void) {
  tiny_graph tiny;
  tiny_graph_create(2, &tiny);
  int32_t *tokens = tiny_tokens(WINDOW, 4);
  binq_probe *probe;
  CHECK_STATUS_OK(binq_probe_create(tiny.graph, tokens, WINDOW, &probe));
  test_linears(&tiny, probe, tokens);
  test_tables(&tiny, probe, tokens);
  binq_probe_destroy(probe);
  tokens[WINDOW - 1] = VOCABULARY;
  CHECK_STATUS_FAILS(binq_probe_create(tiny.graph, tokens, WINDOW, &probe),
                     "token 288 is not of the model's vocabulary");
  free(tokens);
  tiny_graph_destroy(&tiny);
  return check_result();
}

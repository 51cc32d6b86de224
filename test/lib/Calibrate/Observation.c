// What calibration gathers, against plain sums; the same bits with any number of threads.
#include "Naive.h"
#include "TinyGraph.h"

#include <math.h>

enum {
  HIDDEN = 40,
  FFN = 136,
  WINDOWS = 3,
  WINDOW = 13,
  INPUTS = 4,
  LINEARS = 7,
  TOKENS = WINDOWS * WINDOW,
  PLAIN = WINDOW * HIDDEN
};

/// Rows of the embedding as INT8, all blocks of the table being packed.
static void embed(const tiny_graph *tiny, const int32_t *tokens, double *x) {
  const binq_tensor *table = binq_model_tensor(tiny->model, "token_embd.weight");
  binq_linear_format format = {
      .form = BINQ_FORM_INT8, .rows = table->rows, .columns = HIDDEN, .int8_columns = 64};
  binq_layout layout;
  CHECK_STATUS_OK(binq_layout_of(&format, &layout));
  binq_quantized_linear rows;
  CHECK_STATUS_OK(binq_quantized_linear_create(&format, &rows));
  uint8_t *packed = calloc((size_t)layout.bytes, 1);
  float *values = calloc((size_t)table->rows * 64, sizeof *values);
  REQUIRE(packed && values && table->rows % 32 == 0);
  for (int64_t begin = 0; begin < table->rows; begin += 32) {
    float block[32 * HIDDEN];
    binq_tensor_dequantize(table, begin, begin + 32, block);
    CHECK_STATUS_OK(
        binq_quantize_int8_block(block, 32, &format, packed + begin / 32 * layout.block_bytes));
  }
  binq_unpack(packed, &rows);
  binq_dequantize(&rows, values);
  for (int64_t i = 0; i < TOKENS; i++)
    for (int64_t j = 0; j < HIDDEN; j++)
      x[i * HIDDEN + j] = (double)values[tokens[i] * 64 + j];
  binq_quantized_linear_free(&rows);
  free(packed);
  free(values);
}

/// Checks one input of the layer: rows x [TOKENS][columns].
static void check_input(const binq_observation *observed, const double *x, int64_t columns,
                        int number) {
  double largest = 0, error = 0, sample_error = 0;
  CHECK_EQ_INT(observed->columns, columns);
  CHECK_EQ_INT(observed->tokens, TOKENS);
  CHECK_EQ_INT(observed->sample_tokens, TOKENS);
  for (int64_t i = 0; i < columns; i++)
    for (int64_t j = i; j < columns; j++) {
      double sum = 0;
      for (int64_t t = 0; t < TOKENS; t++)
        sum += x[t * columns + i] * x[t * columns + j];
      largest = fmax(largest, fabs(sum));
      error = fmax(error, fabs(sum - (double)observed->sum[i * columns + j]));
    }
  for (int64_t i = 0; i < TOKENS * columns; i++)
    sample_error = fmax(sample_error, fabs(x[i] - (double)observed->sample[i]));
  if (error > 1e-4 * largest || sample_error > 1e-4)
    CHECK_FAIL("input %d: sum differs by %g (of %g), rows by %g", number, error, largest,
               sample_error);
}

/// Runs the plain layer over all windows; compares what its linears read, then moves x on with the
/// quantized layer.
static void check_layer(const tiny_graph *tiny, int64_t layer, const binq_observation *observed,
                        const binq_quantized_layer *quantized, double *x) {
  static const int64_t columns[INPUTS] = {HIDDEN, HIDDEN, HIDDEN, FFN};
  double *seen[INPUTS], y[PLAIN];
  for (int i = 0; i < INPUTS; i++) {
    seen[i] = calloc((size_t)(TOKENS * columns[i]), sizeof(double));
    REQUIRE(seen[i]);
  }
  for (int64_t w = 0; w < WINDOWS; w++) {
    naive_inputs inputs;
    double *window = x + w * PLAIN;
    naive_layer(tiny->model, layer, NULL, WINDOW, window, y, &inputs);
    const double *rows[INPUTS] = {inputs.normed, inputs.mixed, inputs.ffn_normed, inputs.gated};
    for (int i = 0; i < INPUTS; i++)
      memcpy(seen[i] + w * WINDOW * columns[i], rows[i],
             (size_t)(WINDOW * columns[i]) * sizeof(double));
    naive_free(&inputs);
    naive_layer(tiny->model, layer, quantized, WINDOW, window, y, &inputs);
    naive_free(&inputs);
    memcpy(window, y, sizeof y);
  }
  for (int i = 0; i < INPUTS; i++) {
    check_input(&observed[i], seen[i], columns[i], i);
    free(seen[i]);
  }
}

/// A layer quantized as observed: grouped-binary attention, planes elsewhere, outliers everywhere.
typedef struct {
  binq_quantized_linear linears[LINEARS];
  binq_input_statistics statistics[INPUTS];
  binq_level_table levels[INPUTS];
  binq_quantized_input inputs[INPUTS];
} coded_layer;

static void code_layer(const tiny_graph *tiny, int64_t layer, const binq_observation *observed,
                       coded_layer *out) {
  const binq_graph_function *function = binq_graph_layer(tiny->graph, layer);
  CHECK_EQ_INT(function->linear_count, LINEARS);
  CHECK_EQ_INT(function->input_count, INPUTS);
  for (int i = 0; i < INPUTS; i++) {
    int32_t scales[2][8] = {{2, 3, 8, -12}, {1, 2, 4, 8, 16, 32, 64, -128}};
    CHECK_STATUS_OK(binq_input_statistics_create(tiny->pool, observed[i].sum, observed[i].columns,
                                                 observed[i].tokens, 32, 0.01,
                                                 &out->statistics[i]));
    CHECK_STATUS_OK(binq_level_table_of(scales[i % 2], i % 2 ? 8 : 4, &out->levels[i]));
    out->inputs[i] = (binq_quantized_input){out->statistics[i].order, &out->levels[i]};
  }
  for (int i = 0; i < LINEARS; i++) {
    const binq_graph_linear *linear = &function->linears[i];
    const binq_tensor *tensor = binq_model_tensor(tiny->model, linear->name);
    binq_linear_format format = {.form = i < 4 ? BINQ_FORM_GROUPED_BINARY : BINQ_FORM_PLANES,
                                 .rows = linear->rows,
                                 .columns = linear->columns,
                                 .planes = i < 4 ? 2 : 3,
                                 .plane_weights = {i < 4 ? 0 : 1, i < 4 ? 0 : 2, i < 4 ? 0 : 4},
                                 .int8_columns = 32};
    double error;
    float *weights = calloc((size_t)(linear->rows * linear->columns), sizeof *weights);
    REQUIRE(weights);
    binq_tensor_dequantize(tensor, 0, tensor->rows, weights);
    CHECK_STATUS_OK(binq_quantize_linear(tiny->pool, weights, &out->statistics[linear->input],
                                         &format, &out->linears[i], &error));
    free(weights);
  }
}

static void free_layer(coded_layer *layer) {
  for (int i = 0; i < INPUTS; i++)
    binq_input_statistics_free(&layer->statistics[i]);
  for (int i = 0; i < LINEARS; i++)
    binq_quantized_linear_free(&layer->linears[i]);
}

/// FNV-1a over what an observation holds (the triangle that is valid).
static uint64_t digest(const binq_observation *observed) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (int i = 0; i < INPUTS; i++)
    for (int64_t r = 0; r < observed[i].columns; r++) {
      const unsigned char *row =
          (const unsigned char *)&observed[i].sum[r * observed[i].columns + r];
      for (size_t b = 0; b < (size_t)(observed[i].columns - r) * sizeof(float); b++)
        hash = (hash ^ row[b]) * UINT64_C(0x100000001b3);
    }
  return hash;
}

/// Calibrates both layers; digests[layer] tells the bits of what was observed.
static void calibrate(int threads, uint64_t digests[2]) {
  tiny_graph tiny;
  tiny_graph_create(threads, &tiny);
  int32_t *tokens = tiny_tokens(TOKENS, 5);
  double x[WINDOWS * PLAIN];
  embed(&tiny, tokens, x);
  binq_calibration *calibration;
  CHECK_STATUS_OK(binq_calibration_create(tiny.graph, tokens, WINDOWS, WINDOW, &calibration));
  CHECK_EQ_INT(binq_graph_layer_count(tiny.graph), 2);
  for (int64_t layer = 0; layer < 2; layer++) {
    binq_observation observed[INPUTS];
    coded_layer coded;
    CHECK_STATUS_OK(binq_calibration_observe(calibration, layer, observed));
    digests[layer] = digest(observed);
    code_layer(&tiny, layer, observed, &coded);
    binq_quantized_layer quantized = {coded.linears, coded.inputs};
    check_layer(&tiny, layer, observed, &quantized, x);
    CHECK_STATUS_OK(binq_calibration_advance(calibration, layer, &quantized));
    free_layer(&coded);
  }
  binq_calibration_destroy(calibration);
  free(tokens);
  tiny_graph_destroy(&tiny);
}

static void test_refusals(void) {
  tiny_graph tiny;
  tiny_graph_create(1, &tiny);
  binq_calibration *calibration;
  int32_t tokens[] = {0, 287, 288, -1};
  CHECK_STATUS_FAILS(binq_calibration_create(tiny.graph, tokens, 0, 2, &calibration),
                     "at least one window");
  CHECK_STATUS_FAILS(binq_calibration_create(tiny.graph, tokens, 1, 3, &calibration),
                     "token 288 is not of the model's vocabulary");
  CHECK_STATUS_FAILS(binq_calibration_create(tiny.graph, tokens + 3, 1, 1, &calibration),
                     "token -1 is not of the model's vocabulary");
  double perplexity;
  CHECK_STATUS_FAILS(binq_graph_perplexity(tiny.graph, tokens, 1, 1, NULL, &perplexity),
                     "at least two tokens");
  tiny_graph_destroy(&tiny);
}

int main(void) {
  uint64_t first[2], other[2];
  calibrate(1, first);
  for (int threads = 2; threads <= 3; threads++) {
    calibrate(threads, other);
    CHECK(other[0] == first[0] && other[1] == first[1]);
  }
  test_refusals();
  return check_result();
}

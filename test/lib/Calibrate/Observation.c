// What calibration gathers, against plain sums; the same bits with any number of threads.
#include "CodedLayer.h"
#include "Naive.h"
#include "TinyGraph.h"

#include <math.h>

enum {
  HIDDEN = 40,
  FFN = 136,
  WINDOWS = 3,
  WINDOW = 13,
  INPUTS = CODED_INPUTS,
  TOKENS = WINDOWS * WINDOW,
  PLAIN = WINDOW * HIDDEN
};

/// The text as two models see it: the one quantized so far, and the float one.
typedef struct {
  double quantized[WINDOWS * PLAIN], plain[WINDOWS * PLAIN];
} text;

/// The embedding table as INT8; its bytes are freed with free().
static binq_packed_table pack_table(const tiny_graph *tiny) {
  const binq_tensor *table = binq_model_tensor(tiny->model, "token_embd.weight");
  binq_linear_format format = {
      .form = BINQ_FORM_INT8, .rows = table->rows, .columns = HIDDEN, .int8_columns = 64};
  binq_layout layout;
  CHECK_STATUS_OK(binq_layout_of(&format, &layout));
  uint8_t *packed = calloc((size_t)layout.bytes, 1);
  REQUIRE(packed && table->rows % 32 == 0);
  for (int64_t begin = 0; begin < table->rows; begin += 32) {
    float block[32 * HIDDEN];
    binq_tensor_dequantize(table, begin, begin + 32, block);
    CHECK_STATUS_OK(
        binq_quantize_int8_block(block, 32, &format, packed + begin / 32 * layout.block_bytes));
  }
  return (binq_packed_table){.format = format, .packed = packed};
}

/// Rows of the embedding, as the table has them and as floats.
static void embed(const tiny_graph *tiny, const int32_t *tokens, const binq_packed_table *quantized,
                  text *out) {
  const binq_tensor *table = binq_model_tensor(tiny->model, "token_embd.weight");
  binq_quantized_linear rows;
  CHECK_STATUS_OK(binq_quantized_linear_create(&quantized->format, &rows));
  float *values = calloc((size_t)table->rows * 64, sizeof *values);
  REQUIRE(values);
  binq_unpack(quantized->packed, &rows);
  binq_dequantize(&rows, values);
  for (int64_t i = 0; i < TOKENS; i++) {
    float row[HIDDEN];
    binq_tensor_dequantize(table, tokens[i], tokens[i] + 1, row);
    for (int64_t j = 0; j < HIDDEN; j++) {
      out->quantized[i * HIDDEN + j] = (double)values[tokens[i] * 64 + j];
      out->plain[i * HIDDEN + j] = (double)row[j];
    }
  }
  binq_quantized_linear_free(&rows);
  free(values);
}

static const int64_t INPUT_COLUMNS[INPUTS] = {HIDDEN, HIDDEN, HIDDEN, FFN};

/// What two models read at an input, rows of one scaled as the other's; and what the linear there
/// should add to the text of one for it to be the other's.
typedef struct {
  int64_t columns;
  double *quantized, *plain; ///< [TOKENS][columns]
  double *missing;           ///< [TOKENS][HIDDEN]
} readings;

static double *zeros(int64_t count) {
  double *made = calloc((size_t)count, sizeof *made);
  REQUIRE(made);
  return made;
}

static bool adds(int input) {
  return input == 1 || input == 3;
}

static const double *rows_of(const naive_inputs *inputs, int input) {
  const double *rows[INPUTS] = {inputs->normed, inputs->mixed, inputs->ffn_normed, inputs->gated};
  return rows[input];
}

/// Runs a window of both texts, the layer being quantized before the input.
static void read_window(const tiny_graph *tiny, int64_t layer, int input,
                        const binq_quantized_layer *before, int64_t w, const text *x,
                        readings *out) {
  naive_inputs quantized, plain;
  double after[PLAIN], target[PLAIN];
  const double *from = x->quantized + w * PLAIN, *plain_from = x->plain + w * PLAIN;
  naive_layer(tiny->model, layer, before, input, WINDOW, from, after, &quantized);
  naive_layer(tiny->model, layer, NULL, 0, WINDOW, plain_from, target, &plain);
  for (int64_t t = 0; t < WINDOW; t++) {
    double square = 0, factor = 1;
    for (int64_t j = 0; j < HIDDEN; j++)
      square += target[t * HIDDEN + j] * target[t * HIDDEN + j] / HIDDEN;
    if (adds(input))
      factor = 1 / sqrt(square);
    int64_t token = w * WINDOW + t;
    for (int64_t j = 0; j < out->columns; j++) {
      int64_t place = t * out->columns + j;
      out->quantized[token * out->columns + j] = factor * rows_of(&quantized, input)[place];
      out->plain[token * out->columns + j] = factor * rows_of(&plain, input)[place];
    }
    for (int64_t j = 0; j < HIDDEN; j++) {
      int64_t place = t * HIDDEN + j;
      double missing =
          input < 3 ? plain.middle[place] - from[place] : target[place] - quantized.middle[place];
      out->missing[token * HIDDEN + j] = factor * missing;
    }
  }
  naive_free(&quantized);
  naive_free(&plain);
}

/// Compares the sum over tokens of left (row) times right (column); `upper`: that triangle alone.
static void check_product(const char *what, int input, const float *got, const double *left,
                          int64_t rows, const double *right, int64_t columns, bool upper) {
  double largest = 0, error = 0;
  REQUIRE(got);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = upper ? i : 0; j < columns; j++) {
      double sum = 0;
      for (int64_t t = 0; t < TOKENS; t++)
        sum += left[t * rows + i] * right[t * columns + j];
      largest = fmax(largest, fabs(sum));
      error = fmax(error, fabs(sum - (double)got[i * columns + j]));
    }
  if (error > 1e-4 * largest)
    CHECK_FAIL("input %d: %s differs by %g (of %g)", input, what, error, largest);
}

static void check_input(const tiny_graph *tiny, int64_t layer, int input,
                        const binq_quantized_layer *before, const text *x,
                        const binq_observation *observed) {
  int64_t columns = INPUT_COLUMNS[input];
  readings r = {columns, zeros(TOKENS * columns), zeros(TOKENS * columns), zeros(TOKENS * HIDDEN)};
  for (int64_t w = 0; w < WINDOWS; w++)
    read_window(tiny, layer, input, before, w, x, &r);
  CHECK_EQ_INT(observed->columns, columns);
  CHECK_EQ_INT(observed->tokens, TOKENS);
  CHECK_EQ_INT(observed->sample_tokens, TOKENS);
  check_product("sum", input, observed->sum, r.quantized, columns, r.quantized, columns, true);
  CHECK((observed->wanted != NULL) == adds(input) && (observed->cross == NULL) == adds(input));
  if (observed->wanted)
    check_product("wanted", input, observed->wanted, r.missing, HIDDEN, r.quantized, columns,
                  false);
  else
    check_product("cross", input, observed->cross, r.plain, columns, r.quantized, columns, false);
  double error = 0;
  for (int64_t i = 0; i < TOKENS * columns; i++)
    error = fmax(error, fabs(r.quantized[i] - (double)observed->sample[i]));
  if (error > 1e-4)
    CHECK_FAIL("input %d: rows differ by %g", input, error);
  free(r.quantized);
  free(r.plain);
  free(r.missing);
}

/// Moves both texts past a layer.
static void move_text(const tiny_graph *tiny, int64_t layer, const binq_quantized_layer *quantized,
                      text *x) {
  double y[PLAIN];
  naive_inputs inputs;
  for (int64_t w = 0; w < WINDOWS; w++) {
    naive_layer(tiny->model, layer, NULL, 0, WINDOW, x->plain + w * PLAIN, y, &inputs);
    naive_free(&inputs);
    memcpy(x->plain + w * PLAIN, y, sizeof y);
    naive_layer(tiny->model, layer, quantized, INPUTS, WINDOW, x->quantized + w * PLAIN, y,
                &inputs);
    naive_free(&inputs);
    memcpy(x->quantized + w * PLAIN, y, sizeof y);
  }
}

/// Rows of text that calibration hands out, against x [WINDOWS][WINDOW][HIDDEN].
static void check_text(const binq_calibration *calibration,
                       const float *(*window)(const binq_calibration *, int64_t), const double *x) {
  double error = 0;
  int64_t stride = binq_calibration_stride(calibration);
  CHECK_EQ_INT(stride, 64);
  for (int64_t w = 0; w < WINDOWS; w++)
    for (int64_t t = 0; t < WINDOW; t++)
      for (int64_t j = 0; j < stride; j++) {
        double expected = j < HIDDEN ? x[(w * WINDOW + t) * HIDDEN + j] : 0;
        error = fmax(error, fabs(expected - (double)window(calibration, w)[t * stride + j]));
      }
  if (error > 1e-4)
    CHECK_FAIL("the text differs by %g", error);
}

/// Of what an observation holds (the triangle that is valid).
static uint64_t digest(uint64_t hash, const binq_observation *observed) {
  int64_t columns = observed->columns;
  for (int64_t r = 0; r < columns; r++)
    hash = tiny_digest_floats(hash, &observed->sum[r * columns + r], columns - r);
  if (observed->wanted)
    return tiny_digest_floats(hash, observed->wanted, HIDDEN * columns);
  return tiny_digest_floats(hash, observed->cross, columns * columns);
}

/// Calibrates both layers; digests[layer] tells the bits of what was observed, and of the text
/// behind the layer. That `rewinds` before it moves on, as if the layer had changed, makes no
/// difference.
static void calibrate(int threads, bool rewinds, uint64_t digests[2]) {
  tiny_graph tiny;
  tiny_graph_create(threads, &tiny);
  int32_t *tokens = tiny_tokens(TOKENS, 5);
  text x;
  binq_packed_table table = pack_table(&tiny);
  embed(&tiny, tokens, &table, &x);
  binq_calibration *calibration;
  CHECK_STATUS_OK(
      binq_calibration_create(tiny.graph, tokens, WINDOWS, WINDOW, &table, true, &calibration));
  CHECK_EQ_INT(binq_calibration_windows(calibration), WINDOWS);
  CHECK_EQ_INT(binq_calibration_window(calibration), WINDOW);
  CHECK_EQ_INT(binq_graph_layer_count(tiny.graph), 2);
  for (int64_t layer = 0; layer < 2; layer++) {
    binq_observation observed;
    coded_layer coded;
    binq_quantized_layer quantized = {.linears = coded.linears, .inputs = coded.inputs};
    digests[layer] = UINT64_C(0xcbf29ce484222325);
    check_text(calibration, binq_calibration_input, x.quantized);
    for (int i = 0; i < INPUTS; i++) {
      CHECK_STATUS_OK(binq_calibration_observe(calibration, layer, i, &quantized, &observed));
      digests[layer] = digest(digests[layer], &observed);
      check_input(&tiny, layer, i, &quantized, &x, &observed);
      coded_layer_add(&tiny, layer, i, &observed, &coded);
    }
    move_text(&tiny, layer, &quantized, &x);
    check_text(calibration, binq_calibration_target, x.plain);
    if (rewinds)
      binq_calibration_rewind(calibration);
    CHECK_STATUS_OK(binq_calibration_advance(calibration, layer, &quantized));
    for (int64_t w = 0; w < WINDOWS; w++)
      digests[layer] = tiny_digest_floats(digests[layer], binq_calibration_input(calibration, w),
                                          (int64_t)WINDOW * 64);
    coded_layer_free(&coded);
  }
  binq_calibration_destroy(calibration);
  free((void *)table.packed);
  free(tokens);
  tiny_graph_destroy(&tiny);
}

/// What the head reads is the final norm of the float model's hidden states.
static void test_head(void) {
  static float sum[HIDDEN * HIDDEN];
  static double x[PLAIN], y[PLAIN], expected[HIDDEN * HIDDEN];
  tiny_graph tiny;
  tiny_graph_create(2, &tiny);
  int32_t *tokens = tiny_tokens(TOKENS, 6);
  for (int w = 0; w < WINDOWS; w++) {
    for (int i = 0; i < WINDOW; i++) {
      float row[HIDDEN];
      int32_t token = tokens[w * WINDOW + i];
      binq_tensor_dequantize(binq_model_tensor(tiny.model, "token_embd.weight"), token, token + 1,
                             row);
      for (int j = 0; j < HIDDEN; j++)
        x[i * HIDDEN + j] = (double)row[j];
    }
    for (int layer = 0; layer < 2; layer++) {
      naive_inputs inputs;
      naive_layer(tiny.model, layer, NULL, 0, WINDOW, x, y, &inputs);
      naive_free(&inputs);
      memcpy(x, y, sizeof x);
    }
    naive_head_input(tiny.model, WINDOW, x, y);
    for (int64_t i = 0; i < PLAIN; i++)
      for (int j = 0; j < HIDDEN; j++)
        expected[i % HIDDEN * HIDDEN + j] += y[i] * y[i / HIDDEN * HIDDEN + j];
  }
  float *const sums[] = {sum};
  CHECK_STATUS_OK(binq_graph_observe_head(tiny.graph, tokens, WINDOWS, WINDOW, NULL, sums));
  for (int i = 0; i < HIDDEN; i++)
    for (int j = i; j < HIDDEN; j++)
      CHECK(fabs(expected[i * HIDDEN + j] - (double)sum[i * HIDDEN + j]) < 1e-3);
  tokens[1] = 288;
  CHECK_STATUS_FAILS(binq_graph_observe_head(tiny.graph, tokens, 1, 2, NULL, sums),
                     "token 288 is not of the model's vocabulary");
  free(tokens);
  tiny_graph_destroy(&tiny);
}

static void test_edges(void) {
  tiny_graph tiny;
  tiny_graph_create(1, &tiny);
  binq_calibration *calibration;
  int32_t tokens[] = {0, 287, 288, -1};
  binq_packed_table table = pack_table(&tiny), other = table;
  other.format.columns = 41;
  CHECK_STATUS_FAILS(binq_calibration_create(tiny.graph, tokens, 1, 2, &other, false, &calibration),
                     "not of the model's size");
  CHECK_STATUS_FAILS(binq_calibration_create(tiny.graph, tokens, 0, 2, &table, false, &calibration),
                     "at least one window");
  CHECK_STATUS_FAILS(binq_calibration_create(tiny.graph, tokens, 1, 3, &table, false, &calibration),
                     "token 288 is not of the model's vocabulary");
  CHECK_STATUS_FAILS(
      binq_calibration_create(tiny.graph, tokens + 3, 1, 1, &table, false, &calibration),
      "token -1 is not of the model's vocabulary");
  binq_observation observed;
  CHECK_STATUS_OK(binq_calibration_create(tiny.graph, tokens, 1, 2, &table, false, &calibration));
  CHECK_STATUS_OK(binq_calibration_observe(calibration, 0, 0, NULL, &observed));
  CHECK(!observed.cross && !observed.wanted && !binq_calibration_target(calibration, 0));
  binq_calibration_destroy(calibration);
  free((void *)table.packed);
  tiny_graph_destroy(&tiny);
}

int main(void) {
  uint64_t first[2], other[2];
  calibrate(1, false, first);
  for (int threads = 2; threads <= 3; threads++) {
    calibrate(threads, threads == 2, other);
    CHECK(other[0] == first[0] && other[1] == first[1]);
  }
  test_head();
  test_edges();
  return check_result();
}

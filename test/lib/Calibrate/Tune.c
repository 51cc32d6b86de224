// Tuning a layer: the losses it tells against a layer written down plainly, before and after; the
// same bits with any number of threads.
#include "binq/Calibrate/Tune.h"
#include "CodedLayer.h"
#include "Naive.h"

#include <math.h>

enum {
  HIDDEN = 40,
  STRIDE = 64,
  WINDOWS = 3,
  WINDOW = 37,
  PLAIN = WINDOW * HIDDEN,
  VECTORS = 2 * STRIDE,
  LAYER = 1,
};

/// A layer that text has come to, quantized.
typedef struct {
  tiny_graph tiny;
  binq_calibration *calibration;
  coded_layer coded;
  float vectors[VECTORS];
} scene;

/// INT8 rows of the embedding; freed with free().
static uint8_t *pack_table(const tiny_graph *tiny, binq_linear_format *format) {
  const binq_tensor *tensor = binq_model_tensor(tiny->model, "token_embd.weight");
  *format = (binq_linear_format){
      .form = BINQ_FORM_INT8, .rows = tensor->rows, .columns = HIDDEN, .int8_columns = STRIDE};
  binq_layout layout;
  CHECK_STATUS_OK(binq_layout_of(format, &layout));
  uint8_t *packed = calloc((size_t)layout.bytes, 1);
  REQUIRE(packed && tensor->rows % 32 == 0);
  for (int64_t begin = 0; begin < tensor->rows; begin += 32) {
    float block[32 * HIDDEN];
    binq_tensor_dequantize(tensor, begin, begin + 32, block);
    CHECK_STATUS_OK(
        binq_quantize_int8_block(block, 32, format, packed + begin / 32 * layout.block_bytes));
  }
  return packed;
}

static void create(scene *s, int threads) {
  tiny_graph_create(threads, &s->tiny);
  int32_t *tokens = tiny_tokens((int64_t)WINDOWS * WINDOW, 5);
  binq_packed_table table = {0};
  uint8_t *packed = pack_table(&s->tiny, &table.format);
  table.packed = packed;
  CHECK_STATUS_OK(binq_calibration_create(s->tiny.graph, tokens, WINDOWS, WINDOW, &table, true,
                                          &s->calibration));
  for (int64_t layer = 0; layer <= LAYER; layer++) {
    coded_layer_create(&s->tiny, s->calibration, layer, &s->coded);
    if (layer == LAYER)
      break;
    binq_quantized_layer quantized = {.linears = s->coded.linears, .inputs = s->coded.inputs};
    CHECK_STATUS_OK(binq_calibration_advance(s->calibration, layer, &quantized));
    coded_layer_free(&s->coded);
  }
  const binq_graph_function *layer = binq_graph_layer(s->tiny.graph, LAYER);
  REQUIRE(layer->vector_floats == VECTORS);
  memcpy(s->vectors, layer->vector_values, sizeof s->vectors);
  free(tokens);
  free(packed);
}

static void destroy(scene *s) {
  coded_layer_free(&s->coded);
  binq_calibration_destroy(s->calibration);
  tiny_graph_destroy(&s->tiny);
}

static void tune(scene *s, int64_t epochs, const binq_progress *progress, binq_tuning_loss *loss) {
  binq_tuned_layer layer = {LAYER, s->coded.linears, s->coded.inputs, s->vectors};
  CHECK_STATUS_OK(binq_tune_layer(s->tiny.graph, s->calibration, epochs, progress, &layer, loss));
}

/// The loss by its definition: the mean over tokens of |y - target|^2 / |target|^2.
static double plain_loss(const scene *s) {
  binq_quantized_layer quantized = {s->coded.linears, s->coded.inputs, s->vectors};
  double x[PLAIN], y[PLAIN], loss = 0;
  for (int64_t w = 0; w < WINDOWS; w++) {
    const float *input = binq_calibration_input(s->calibration, w);
    const float *target = binq_calibration_target(s->calibration, w);
    for (int64_t i = 0; i < PLAIN; i++)
      x[i] = (double)input[i / HIDDEN * STRIDE + i % HIDDEN];
    naive_inputs inputs;
    naive_layer(s->tiny.model, LAYER, &quantized, CODED_INPUTS, WINDOW, x, y, &inputs);
    naive_free(&inputs);
    for (int64_t t = 0; t < WINDOW; t++) {
      double distance = 0, size = 0;
      for (int64_t j = 0; j < HIDDEN; j++) {
        double wanted = (double)target[t * STRIDE + j];
        distance += (y[t * HIDDEN + j] - wanted) * (y[t * HIDDEN + j] - wanted);
        size += wanted * wanted;
      }
      loss += distance / size / (WINDOWS * WINDOW);
    }
  }
  return loss;
}

/// Of the layer's weights and norms.
static uint64_t digest(const scene *s) {
  uint64_t hash = tiny_digest_floats(UINT64_C(0xcbf29ce484222325), s->vectors, VECTORS);
  for (int i = 0; i < CODED_LINEARS; i++) {
    const binq_linear_format *format = &s->coded.linears[i].format;
    int64_t count = format->rows * binq_round_up(format->columns, 32);
    float *weights = calloc((size_t)count, sizeof *weights);
    REQUIRE(weights);
    binq_dequantize(&s->coded.linears[i], weights);
    hash = tiny_digest_floats(hash, weights, count);
    free(weights);
  }
  return hash;
}

/// Tunes with so many threads; the digest tells the bits of what came out.
static uint64_t check_tuning(int threads) {
  scene s;
  create(&s, threads);
  uint64_t before = digest(&s);
  binq_tuning_loss loss;
  CHECK(fabs(plain_loss(&s) - (tune(&s, 0, NULL, &loss), loss.before)) < 1e-3 * loss.before);
  CHECK(loss.after == loss.before && digest(&s) == before);
  tune(&s, 8, NULL, &loss);
  CHECK(loss.after < 0.9 * loss.before);
  CHECK(fabs(plain_loss(&s) - loss.after) < 1e-3 * loss.after);
  for (int i = HIDDEN; i < STRIDE; i++)
    CHECK(s.vectors[i] == 0 && s.vectors[STRIDE + i] == 0);
  uint64_t after = digest(&s);
  CHECK(after != before);
  destroy(&s);
  return after;
}

static void check_progress(void) {
  scene s;
  binq_tuning_loss loss;
  tiny_told t = {.phase = "tuning"};
  create(&s, 2);
  tune(&s, 3, &(binq_progress){tiny_tell, &t}, &loss);
  CHECK(t.steps >= 3);
  CHECK_EQ_STR(t.last, "epoch 3 of 3");
  destroy(&s);
}

int main(void) {
  uint64_t first = check_tuning(1);
  for (int threads = 2; threads <= 3; threads++)
    CHECK(check_tuning(threads) == first);
  check_progress();
  return check_result();
}

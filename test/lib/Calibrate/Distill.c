// Distilling a model: the gradient of the divergence, through head and layers, against finite
// differences; the divergence that is told against the functions' own runs; the same bits with any
// number of threads.
#include "binq/Calibrate/Distill.h"
#include "CodedLayer.h"
#include "binq/Calibrate/Accuracy.h"
#include "lib/Calibrate/Divergence.h"

#include <math.h>

enum {
  LAYERS = 2,
  HIDDEN = 40,
  STRIDE = 64,
  VOCABULARY = 288,
  WINDOWS = 3,
  WINDOW = 150, // a piece of logits and a part of one
  FLOATS = WINDOW * STRIDE,
  CAPACITY = 160,
};

static void *allocate(int64_t count, size_t size) {
  void *memory = calloc((size_t)count, size);
  REQUIRE(memory);
  return memory;
}

// --- the gradient, of a float model with norms of its own

/// A float model some of whose norms are others, and what it foretells in a text.
typedef struct {
  tiny_graph *tiny;
  float *vectors[LAYERS + 1]; ///< of layers and head
  float *inputs[LAYERS + 1];
  float *reference, *logits; ///< [WINDOW][VOCABULARY]
  float *cache;
  const float *dy; ///< of the layer at hand
} problem;

static const binq_graph_function *function_of(const problem *p, int64_t i) {
  return i < LAYERS ? binq_graph_layer(p->tiny->graph, i) : binq_graph_head(p->tiny->graph);
}

static void run(problem *p, float *logits) {
  batch rows = {1, WINDOW, 0, p->cache, CAPACITY};
  for (int64_t i = 0; i <= LAYERS; i++) {
    binq_layer_gradient own = {.vectors = p->vectors[i]};
    linear_mode mode = {.gradient = &own};
    if (i < LAYERS)
      binq_graph_run_layer(p->tiny->graph, i, &rows, &mode, p->inputs[i], p->inputs[i + 1]);
    else
      binq_graph_run_head(p->tiny->graph, &mode, p->inputs[i], WINDOW, logits);
  }
}

static double divergence_of(const float *reference, const float *other) {
  double sum = 0;
  for (int64_t i = 0; i < WINDOW; i++)
    sum += binq_compare_logits(reference + i * VOCABULARY, other + i * VOCABULARY, VOCABULARY, 0)
               .divergence;
  return sum / WINDOW;
}

static void create(tiny_graph *tiny, problem *p) {
  *p = (problem){.tiny = tiny};
  int32_t *tokens = tiny_tokens(WINDOW, 3);
  uint64_t state = 4;
  CHECK_STATUS_OK(binq_graph_reserve(tiny->graph, WINDOW, CAPACITY));
  p->cache = allocate(binq_graph_cache_floats(tiny->graph, 1, CAPACITY), sizeof *p->cache);
  p->reference = allocate(WINDOW * VOCABULARY, sizeof(float));
  p->logits = allocate(WINDOW * VOCABULARY, sizeof(float));
  for (int64_t i = 0; i <= LAYERS; i++) {
    const binq_graph_function *function = function_of(p, i);
    p->inputs[i] = allocate(FLOATS, sizeof(float));
    p->vectors[i] = allocate(function->vector_floats, sizeof(float));
    memcpy(p->vectors[i], function->vector_values, (size_t)function->vector_floats * sizeof(float));
  }
  binq_graph_run_embed(tiny->graph, tokens, WINDOW, p->inputs[0]);
  free(tokens);
  run(p, p->reference);
  for (int64_t i = 0; i <= LAYERS; i++)
    for (int64_t k = 0; k < function_of(p, i)->vector_floats; k++)
      p->vectors[i][k] *= 1 + 0.3F * tiny_random(&state);
}

static void destroy(problem *p) {
  for (int64_t i = 0; i <= LAYERS; i++) {
    free(p->inputs[i]);
    free(p->vectors[i]);
  }
  free(p->reference);
  free(p->logits);
  free(p->cache);
}

static void compare_rows(void *user, int64_t begin, int64_t end, const float *y, float *dy) {
  const problem *p = user;
  for (int64_t i = begin; i < end; i++, y += VOCABULARY, dy += VOCABULARY) {
    const float *reference = p->reference + i * VOCABULARY;
    double expected = binq_compare_logits(reference, y, VOCABULARY, 0).divergence;
    double found = binq_divergence_gradient(reference, y, VOCABULARY, 1.0F / WINDOW, dy);
    CHECK(fabs(found - expected) < 1e-5 * expected + 1e-6);
  }
}

static void hand_gradient_in(void *user, int64_t begin, int64_t end, const float *y, float *dy) {
  const problem *p = user;
  memcpy(dy, p->dy + begin * STRIDE, (size_t)((end - begin) * STRIDE) * sizeof *dy);
}

/// The gradients by the vectors of all functions.
static void run_back(problem *p, float *gradients[LAYERS + 1]) {
  float *dx = allocate(FLOATS, sizeof *dx), *dy = allocate(FLOATS, sizeof *dy);
  run(p, p->logits);
  for (int64_t i = LAYERS; i >= 0; i--) {
    binq_layer_gradient request = {.vectors = p->vectors[i],
                                   .output_gradient = i < LAYERS ? hand_gradient_in : compare_rows,
                                   .vector_gradient = gradients[i],
                                   .user = p};
    p->dy = dy;
    CHECK_STATUS_OK(
        i < LAYERS
            ? binq_graph_layer_gradient(p->tiny->graph, i, 1, WINDOW, &request, p->inputs[i], dx)
            : binq_graph_head_gradient(p->tiny->graph, WINDOW, &request, p->inputs[i], dx));
    float *made = dx;
    dx = dy;
    dy = made;
  }
  free(dx);
  free(dy);
}

/// The derivative along a random direction of a function's vectors.
static void check_direction(problem *p, int64_t i, const float *gradient) {
  int64_t count = function_of(p, i)->vector_floats;
  float *saved = allocate(count, sizeof *saved), *direction = allocate(count, sizeof *direction);
  double expected = 0, at[2];
  uint64_t state = 9;
  memcpy(saved, p->vectors[i], (size_t)count * sizeof *saved);
  for (int64_t k = 0; k < count; k++) {
    direction[k] = tiny_random(&state);
    expected += (double)direction[k] * (double)gradient[k];
  }
  const float step = 0.01F;
  for (int s = 0; s < 2; s++) {
    for (int64_t k = 0; k < count; k++)
      p->vectors[i][k] = saved[k] + (s ? step : -step) * direction[k];
    run(p, p->logits);
    at[s] = divergence_of(p->reference, p->logits);
  }
  double difference = (at[1] - at[0]) / (2 * (double)step);
  CHECK(fabs(expected) > 1e-6);
  if (!(fabs(difference - expected) < 0.01 * fabs(expected)))
    CHECK_FAIL("function %lld: %g, by differences %g", (long long)i, expected, difference);
  memcpy(p->vectors[i], saved, (size_t)count * sizeof *saved);
  free(saved);
  free(direction);
}

static void check_gradient(tiny_graph *tiny) {
  problem p;
  float *gradients[LAYERS + 1];
  create(tiny, &p);
  for (int64_t i = 0; i <= LAYERS; i++)
    gradients[i] = allocate(function_of(&p, i)->vector_floats, sizeof(float));
  run_back(&p, gradients);
  for (int64_t i = 0; i <= LAYERS; i++) {
    check_direction(&p, i, gradients[i]);
    free(gradients[i]);
  }
  destroy(&p);
}

// --- a quantized model

/// A model that text has come through, quantized and packed.
typedef struct {
  tiny_graph *tiny;
  coded_layer coded[LAYERS];
  binq_linear_format formats[LAYERS][CODED_LINEARS], head_format;
  uint8_t *packed[LAYERS][CODED_LINEARS], *table;
  uint16_t order[STRIDE];
  binq_level_table levels;
  binq_quantized_input head_input;
  float *vectors[LAYERS + 1];
  binq_packed_function layers[LAYERS], head;
  binq_packed_model model;
  int32_t *tokens;
} scene;

static uint8_t *room_for(const binq_linear_format *format) {
  binq_layout layout;
  CHECK_STATUS_OK(binq_layout_of(format, &layout));
  return allocate(layout.bytes, 1);
}

/// INT8 rows of what is embedding and head.
static void pack_table(scene *s) {
  const binq_tensor *tensor = binq_model_tensor(s->tiny->model, "token_embd.weight");
  s->head_format = (binq_linear_format){
      .form = BINQ_FORM_INT8, .rows = tensor->rows, .columns = HIDDEN, .int8_columns = STRIDE};
  binq_layout layout;
  CHECK_STATUS_OK(binq_layout_of(&s->head_format, &layout));
  s->table = room_for(&s->head_format);
  for (int64_t begin = 0; begin < tensor->rows; begin += 32) {
    float block[32 * HIDDEN];
    binq_tensor_dequantize(tensor, begin, begin + 32, block);
    CHECK_STATUS_OK(binq_quantize_int8_block(block, 32, &s->head_format,
                                             s->table + begin / 32 * layout.block_bytes));
  }
  for (int i = 0; i < STRIDE; i++)
    s->order[i] = (uint16_t)i;
  int32_t scales[] = {1, 2, 4, -8};
  CHECK_STATUS_OK(binq_level_table_of(scales, 4, &s->levels));
  s->head_input = (binq_quantized_input){s->order, &s->levels};
}

static float *vectors_of(const binq_graph_function *function) {
  float *vectors = allocate(function->vector_floats, sizeof *vectors);
  memcpy(vectors, function->vector_values, (size_t)function->vector_floats * sizeof *vectors);
  return vectors;
}

static void pack_layer(scene *s, int64_t layer) {
  for (int i = 0; i < CODED_LINEARS; i++) {
    s->formats[layer][i] = s->coded[layer].linears[i].format;
    s->packed[layer][i] = room_for(&s->formats[layer][i]);
    binq_pack(&s->coded[layer].linears[i], s->packed[layer][i]);
  }
  s->vectors[layer] = vectors_of(binq_graph_layer(s->tiny->graph, layer));
  s->layers[layer] = (binq_packed_function){s->formats[layer], s->packed[layer],
                                            s->coded[layer].inputs, s->vectors[layer]};
}

static void create_scene(tiny_graph *tiny, scene *s) {
  *s = (scene){.tiny = tiny, .tokens = tiny_tokens((int64_t)WINDOWS * WINDOW, 5)};
  binq_calibration *calibration;
  pack_table(s);
  binq_packed_table table = {.format = s->head_format, .packed = s->table};
  CHECK_STATUS_OK(binq_calibration_create(tiny->graph, s->tokens, WINDOWS, WINDOW, &table, false,
                                          &calibration));
  for (int64_t layer = 0; layer < LAYERS; layer++) {
    coded_layer *coded = &s->coded[layer];
    coded_layer_create(tiny, calibration, layer, coded);
    binq_quantized_layer quantized = {.linears = coded->linears, .inputs = coded->inputs};
    CHECK_STATUS_OK(binq_calibration_advance(calibration, layer, &quantized));
    pack_layer(s, layer);
  }
  binq_calibration_destroy(calibration);
  s->vectors[LAYERS] = vectors_of(binq_graph_head(tiny->graph));
  s->head = (binq_packed_function){&s->head_format, &s->table, &s->head_input, s->vectors[LAYERS]};
  s->model = (binq_packed_model){table, s->layers, &s->head};
}

static void destroy_scene(scene *s) {
  for (int64_t layer = 0; layer < LAYERS; layer++) {
    coded_layer_free(&s->coded[layer]);
    for (int i = 0; i < CODED_LINEARS; i++)
      free(s->packed[layer][i]);
  }
  for (int64_t i = 0; i <= LAYERS; i++)
    free(s->vectors[i]);
  free(s->table);
  free(s->tokens);
}

/// What the quantized model foretells in a window; its linears are taken from what is packed.
static void run_quantized(scene *s, const int32_t *tokens, float *logits) {
  binq_graph *graph = s->tiny->graph;
  float *x = allocate(FLOATS, sizeof *x), *y = allocate(FLOATS, sizeof *y);
  float *cache = allocate(binq_graph_cache_floats(graph, 1, CAPACITY), sizeof *cache);
  float *activations = allocate(WINDOW * graph->widest, sizeof *activations);
  batch rows = {1, WINDOW, 0, cache, CAPACITY};
  for (int64_t i = 0; i < WINDOW; i++)
    binq_packed_table_row(&s->model.embedding, tokens[i], x + i * STRIDE);
  for (int64_t layer = 0; layer < LAYERS; layer++) {
    for (int i = 0; i < CODED_LINEARS; i++)
      binq_unpack(s->packed[layer][i], &s->coded[layer].linears[i]);
    binq_quantized_layer quantized = {s->coded[layer].linears, s->coded[layer].inputs,
                                      s->vectors[layer]};
    linear_mode mode = {.quantized = &quantized, .activations = activations};
    binq_graph_run_layer(graph, layer, &rows, &mode, x, y);
    float *made = y;
    y = x;
    x = made;
  }
  binq_quantized_linear head;
  CHECK_STATUS_OK(binq_quantized_linear_create(&s->head_format, &head));
  binq_unpack(s->table, &head);
  binq_quantized_layer quantized = {&head, &s->head_input, s->vectors[LAYERS]};
  linear_mode mode = {.quantized = &quantized, .activations = activations};
  binq_graph_run_head(graph, &mode, x, WINDOW, logits);
  binq_quantized_linear_free(&head);
  free(x);
  free(y);
  free(cache);
  free(activations);
}

/// The mean divergence from the float model, over all windows.
static double plain_divergence(scene *s) {
  problem p;
  double sum = 0;
  create(s->tiny, &p);
  for (int64_t i = 0; i <= LAYERS; i++)
    memcpy(p.vectors[i], function_of(&p, i)->vector_values,
           (size_t)function_of(&p, i)->vector_floats * sizeof(float));
  for (int64_t w = 0; w < WINDOWS; w++) {
    binq_graph_run_embed(s->tiny->graph, s->tokens + w * WINDOW, WINDOW, p.inputs[0]);
    run(&p, p.reference);
    run_quantized(s, s->tokens + w * WINDOW, p.logits);
    sum += divergence_of(p.reference, p.logits) / WINDOWS;
  }
  destroy(&p);
  return sum;
}

static uint64_t digest(const scene *s) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (int64_t layer = 0; layer < LAYERS; layer++)
    for (int i = 0; i < CODED_LINEARS; i++) {
      binq_layout layout;
      CHECK_STATUS_OK(binq_layout_of(&s->formats[layer][i], &layout));
      for (int64_t b = 0; b < layout.bytes; b++)
        hash = (hash ^ s->packed[layer][i][b]) * UINT64_C(0x100000001b3);
    }
  for (int64_t i = 0; i <= LAYERS; i++) {
    const binq_graph_function *function =
        i < LAYERS ? binq_graph_layer(s->tiny->graph, i) : binq_graph_head(s->tiny->graph);
    hash = tiny_digest_floats(hash, s->vectors[i], function->vector_floats);
  }
  return hash;
}

static binq_distillation distill(scene *s, int64_t epochs, const binq_progress *progress) {
  binq_distillation told;
  CHECK_STATUS_OK(
      binq_distill(s->tiny->graph, s->tokens, WINDOWS, WINDOW, epochs, progress, &s->model, &told));
  return told;
}

/// Weights of one code have one code thereafter: levels are numbered in ascending order.
static void check_group(const uint8_t *before, const uint8_t *after, int64_t count) {
  int code_of[16];
  memset(code_of, -1, sizeof code_of);
  for (int64_t j = 0; j < count; j++) {
    if (code_of[before[j]] < 0)
      code_of[before[j]] = after[j];
    CHECK_EQ_INT(after[j], code_of[before[j]]);
  }
}

/// Codes stay, but for those of INT8 columns.
static void check_codes(scene *s) {
  for (int64_t layer = 0; layer < LAYERS; layer++)
    for (int i = 0; i < CODED_LINEARS; i++) {
      const binq_quantized_linear *before = &s->coded[layer].linears[i];
      binq_quantized_linear after;
      CHECK_STATUS_OK(binq_quantized_linear_create(&before->format, &after));
      binq_unpack(s->packed[layer][i], &after);
      int64_t planes = binq_round_up(before->format.columns, 32) - before->format.int8_columns;
      for (int64_t row = 0; row < before->format.rows; row++)
        for (int64_t j = 0; j < planes; j += BINQ_GROUP)
          check_group(before->codes + row * planes + j, after.codes + row * planes + j,
                      planes - j < BINQ_GROUP ? planes - j : BINQ_GROUP);
      binq_quantized_linear_free(&after);
    }
}

/// The digest tells the bits of what came out.
static uint64_t check_distilling(int threads) {
  tiny_graph tiny;
  scene s;
  tiny_graph_create(threads, &tiny);
  create_scene(&tiny, &s);
  double before = plain_divergence(&s);
  binq_distillation told = distill(&s, 1, NULL);
  // One step: all windows are seen before it.
  CHECK(fabs(told.first - before) < 1e-3 * before && told.last == told.first);
  told = distill(&s, 40, NULL);
  check_codes(&s);
  double after = plain_divergence(&s);
  CHECK(told.last < told.first && after < 0.95 * before);
  CHECK(fabs(after - told.last) < 0.1 * after);
  uint64_t hash = digest(&s);
  destroy_scene(&s);
  tiny_graph_destroy(&tiny);
  return hash;
}

static void check_requests(tiny_graph *tiny) {
  scene s;
  tiny_told t = {.phase = "distilling"};
  binq_distillation out;
  create_scene(tiny, &s);
  distill(&s, 3, &(binq_progress){tiny_tell, &t});
  CHECK_EQ_INT(t.steps, 3);
  CHECK_EQ_STR(t.last, "step 3 of 3");
  CHECK_STATUS_FAILS(binq_distill(tiny->graph, s.tokens, WINDOWS, WINDOW, 0, NULL, &s.model, &out),
                     "at least one");
  s.tokens[7] = VOCABULARY;
  CHECK_STATUS_FAILS(binq_distill(tiny->graph, s.tokens, WINDOWS, WINDOW, 1, NULL, &s.model, &out),
                     "token 288 is not of the model's vocabulary");
  s.tokens[7] = 0;
  s.vectors[LAYERS][0] = 3e38F;
  CHECK_STATUS_FAILS(binq_distill(tiny->graph, s.tokens, WINDOWS, WINDOW, 1, NULL, &s.model, &out),
                     "are no numbers");
  destroy_scene(&s);
}

int main(void) {
  tiny_graph tiny;
  tiny_graph_create(2, &tiny);
  check_gradient(&tiny);
  check_requests(&tiny);
  tiny_graph_destroy(&tiny);
  uint64_t first = check_distilling(1);
  for (int threads = 2; threads <= 3; threads++)
    CHECK(check_distilling(threads) == first);
  return check_result();
}

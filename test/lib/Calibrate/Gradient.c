// A layer's gradient against finite differences of the layer's own run; with coded activations,
// which have none, against the float one they are close to. The same bits with any number of
// threads.
#include "binq/Calibrate/Gradient.h"
#include "TinyGraph.h"

#include <math.h>

enum {
  LAYER = 1,
  HIDDEN = 40,
  STRIDE = 64,
  SEQUENCES = 2,
  LENGTH = 45, // a block of 32 and a part of one
  ROWS = SEQUENCES * LENGTH,
  FLOATS = ROWS * STRIDE,
  LINEARS = 7,
  INPUTS = 4,
  DOWN = 6,
};

/// A loss sum(slopes * y) over a layer with weights of its own.
typedef struct {
  tiny_graph *tiny;
  const binq_graph_function *layer;
  float *x, *slopes, *vectors;
  float *weights[LINEARS];   ///< [rows][padded columns]
  float *gradients[LINEARS]; ///< likewise
  double losses[ROWS];
  bool forgets; ///< weights are zeroed once their gradient is there
  // How activations are coded, where they are; weights then are in channel order.
  const binq_quantized_input *inputs;
  binq_linear_format formats[LINEARS];
} problem;

static float *floats(int64_t count) {
  float *made = calloc((size_t)count, sizeof *made);
  REQUIRE(made);
  return made;
}

static int64_t weight_stride(const problem *p, int64_t linear) {
  return binq_round_up(p->layer->linears[linear].columns, 32);
}

static int64_t weight_floats(const problem *p, int64_t linear) {
  return p->layer->linears[linear].rows * weight_stride(p, linear);
}

static void fill(float *rows, uint64_t seed) {
  for (int64_t i = 0; i < ROWS; i++)
    for (int64_t j = 0; j < HIDDEN; j++)
      rows[i * STRIDE + j] = tiny_random(&seed);
}

static void create(tiny_graph *tiny, problem *p) {
  *p = (problem){.tiny = tiny, .layer = binq_graph_layer(tiny->graph, LAYER)};
  CHECK_EQ_INT(p->layer->linear_count, LINEARS);
  p->x = floats(FLOATS);
  p->slopes = floats(FLOATS);
  p->vectors = floats(p->layer->vector_floats);
  fill(p->x, 11);
  fill(p->slopes, 12);
  memcpy(p->vectors, p->layer->vector_values, (size_t)p->layer->vector_floats * sizeof *p->vectors);
  for (int64_t i = 0; i < LINEARS; i++) {
    const binq_graph_linear *linear = &p->layer->linears[i];
    const binq_tensor *tensor = binq_model_tensor(tiny->model, linear->name);
    p->weights[i] = floats(weight_floats(p, i));
    p->gradients[i] = floats(weight_floats(p, i));
    for (int64_t row = 0; row < linear->rows; row++)
      binq_tensor_dequantize(tensor, row, row + 1, p->weights[i] + row * weight_stride(p, i));
  }
}

static void destroy(problem *p) {
  free(p->x);
  free(p->slopes);
  free(p->vectors);
  for (int64_t i = 0; i < LINEARS; i++) {
    free(p->weights[i]);
    free(p->gradients[i]);
  }
}

static void read_rows(void *user, int64_t linear, int64_t begin, int64_t end, float *tile) {
  const problem *p = user;
  int64_t stride = weight_stride(p, linear);
  memcpy(tile, p->weights[linear] + begin * stride,
         (size_t)((end - begin) * stride) * sizeof *tile);
}

static void take_gradient(void *user, int64_t linear, int64_t begin, int64_t end,
                          const float *gradient) {
  const problem *p = user;
  int64_t stride = weight_stride(p, linear);
  size_t bytes = (size_t)((end - begin) * stride) * sizeof *gradient;
  memcpy(p->gradients[linear] + begin * stride, gradient, bytes);
  if (p->forgets)
    memset(p->weights[linear] + begin * stride, 0, bytes);
}

static void take_output(void *user, int64_t begin, int64_t end, const float *y, float *dy) {
  problem *p = user;
  for (int64_t row = begin; row < end; row++, y += STRIDE, dy += STRIDE) {
    p->losses[row] = 0;
    for (int64_t j = 0; j < STRIDE; j++) {
      p->losses[row] += (double)y[j] * (double)p->slopes[row * STRIDE + j];
      dy[j] = p->slopes[row * STRIDE + j];
    }
  }
}

/// Without gradients: forward only.
static binq_layer_gradient request_of(problem *p) {
  return (binq_layer_gradient){.inputs = p->inputs,
                               .formats = p->inputs ? p->formats : NULL,
                               .vectors = p->vectors,
                               .read = read_rows,
                               .output_gradient = take_output,
                               .user = p};
}

static double loss(problem *p) {
  binq_layer_gradient gradient = request_of(p);
  CHECK_STATUS_OK(
      binq_graph_layer_gradient(p->tiny->graph, LAYER, SEQUENCES, LENGTH, &gradient, p->x, NULL));
  double sum = 0;
  for (int64_t i = 0; i < ROWS; i++)
    sum += p->losses[i];
  return sum;
}

/// The derivative along a random direction of `values`, by differences, against that of `gradient`.
/// Rows have `columns` values that count, `stride` apart.
static void check_direction(problem *p, const char *what, float *values, const float *gradient,
                            int64_t rows, int64_t columns, int64_t stride, uint64_t seed) {
  size_t bytes = (size_t)(rows * stride) * sizeof *values;
  float *saved = floats(rows * stride), *direction = floats(rows * stride);
  memcpy(saved, values, bytes);
  double expected = 0, size = 0, at[4];
  for (int64_t i = 0; i < rows * stride; i++)
    if (i % stride < columns) {
      direction[i] = tiny_random(&seed);
      expected += (double)direction[i] * (double)gradient[i];
      size += (double)gradient[i] * (double)gradient[i];
    } else {
      CHECK(gradient[i] == 0);
    }
  static const float steps[] = {-2, -1, 1, 2};
  const float step = 0.004F;
  for (int s = 0; s < 4; s++) {
    for (int64_t i = 0; i < rows * stride; i++)
      values[i] = saved[i] + step * steps[s] * direction[i];
    at[s] = loss(p);
  }
  double difference = (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * (double)step);
  if (fabs(difference - expected) > 2e-3 * sqrt(size) + 1e-6)
    CHECK_FAIL("%s: %g, by differences %g", what, expected, difference);
  memcpy(values, saved, bytes);
  free(saved);
  free(direction);
}

static void run(problem *p, float *dx, float *vectors) {
  binq_layer_gradient gradient = request_of(p);
  gradient.weight_gradient = take_gradient;
  gradient.vector_gradient = vectors;
  CHECK_STATUS_OK(
      binq_graph_layer_gradient(p->tiny->graph, LAYER, SEQUENCES, LENGTH, &gradient, p->x, dx));
}

static void check_differences(problem *p) {
  float *dx = floats(FLOATS), *vectors = floats(p->layer->vector_floats);
  run(p, dx, vectors);
  for (uint64_t seed = 1; seed <= 3; seed++) {
    check_direction(p, "x", p->x, dx, ROWS, HIDDEN, STRIDE, seed);
    for (int64_t i = 0; i < p->layer->vector_count; i++) {
      const binq_graph_vector *vector = &p->layer->vectors[i];
      check_direction(p, vector->name, p->vectors + vector->offset, vectors + vector->offset, 1,
                      vector->size, binq_round_up(vector->size, 32), seed);
    }
    for (int64_t i = 0; i < LINEARS; i++)
      check_direction(p, p->layer->linears[i].name, p->weights[i], p->gradients[i],
                      p->layer->linears[i].rows, p->layer->linears[i].columns, weight_stride(p, i),
                      seed);
  }
  free(dx);
  free(vectors);
}

// --- coded activations

/// Every column INT8, or 32 of them and the others in planes, in an order that is not the model's.
typedef struct {
  uint16_t orders[INPUTS][160];
  binq_level_table levels;
  binq_quantized_input inputs[INPUTS];
} coding;

static void code(problem *p, bool all_int8, coding *out) {
  int32_t scales[] = {2, 3, 8, -12};
  CHECK_STATUS_OK(binq_level_table_of(scales, 4, &out->levels));
  for (int64_t i = 0; i < LINEARS; i++) {
    const binq_graph_linear *linear = &p->layer->linears[i];
    int64_t padded = weight_stride(p, i);
    uint16_t *order = out->orders[linear->input];
    for (int64_t j = 0; j < padded; j++)
      order[j] = (uint16_t)((j * 7 + 3) % padded);
    out->inputs[linear->input] = (binq_quantized_input){order, &out->levels};
    p->formats[i] = (binq_linear_format){.form = all_int8 ? BINQ_FORM_INT8 : BINQ_FORM_PLANES,
                                         .rows = linear->rows,
                                         .columns = linear->columns,
                                         .planes = all_int8 ? 0 : 2,
                                         .plane_weights = {!all_int8, all_int8 ? 0 : 2},
                                         .int8_columns = all_int8 ? padded : 32};
    for (int64_t row = 0; row < linear->rows; row++) {
      float *values = p->weights[i] + row * padded, saved[160];
      memcpy(saved, values, (size_t)padded * sizeof *values);
      for (int64_t j = 0; j < padded; j++)
        values[j] = saved[order[j]];
    }
  }
  p->inputs = out->inputs;
}

/// How far one gradient is from another, in parts of it.
static double distance(const float *a, const float *b, int64_t count) {
  double error = 0, size = 0;
  for (int64_t i = 0; i < count; i++) {
    error += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    size += (double)b[i] * (double)b[i];
  }
  return sqrt(error / size);
}

/// With 8 bits gradients are nearly those with floats (of which a hundredth of noise in x changes
/// 4 parts in a hundred); those by weights come in channel order.
static void check_fine_codes(tiny_graph *tiny) {
  problem plain, p;
  coding c;
  create(tiny, &plain);
  create(tiny, &p);
  code(&p, true, &c);
  int64_t vector_floats = p.layer->vector_floats;
  float *dx = floats(FLOATS), *vectors = floats(vector_floats);
  float *plain_dx = floats(FLOATS), *plain_vectors = floats(vector_floats);
  run(&p, dx, vectors);
  run(&plain, plain_dx, plain_vectors);
  CHECK(distance(dx, plain_dx, FLOATS) < 0.06);
  CHECK(distance(vectors, plain_vectors, vector_floats) < 0.06);
  for (int64_t i = 0; i < LINEARS; i++) {
    const uint16_t *order = c.orders[p.layer->linears[i].input];
    float *ordered = floats(weight_floats(&p, i));
    for (int64_t k = 0; k < weight_floats(&p, i); k++)
      ordered[k] =
          plain.gradients[i][k - k % weight_stride(&p, i) + order[k % weight_stride(&p, i)]];
    double far = distance(p.gradients[i], ordered, weight_floats(&p, i));
    if (!(far < 0.06 && far > 0))
      CHECK_FAIL("linear %lld: gradient %g away", (long long)i, far);
    free(ordered);
  }
  free(dx);
  free(vectors);
  free(plain_dx);
  free(plain_vectors);
  destroy(&p);
  destroy(&plain);
}

/// The last linear's output is linear in its weights, whatever its input is coded in.
static void check_coarse_codes(tiny_graph *tiny) {
  problem p;
  coding c;
  create(tiny, &p);
  code(&p, false, &c);
  float *dx = floats(FLOATS), *vectors = floats(p.layer->vector_floats);
  run(&p, dx, vectors);
  // Columns that are padding lie anywhere in channel order.
  for (uint64_t seed = 1; seed <= 3; seed++)
    check_direction(&p, "coded", p.weights[DOWN], p.gradients[DOWN], p.layer->linears[DOWN].rows,
                    weight_stride(&p, DOWN), weight_stride(&p, DOWN), seed);
  free(dx);
  free(vectors);
  destroy(&p);
}

// --- bits

/// FNV-1a
static uint64_t digest(uint64_t hash, const float *values, int64_t count) {
  const unsigned char *bytes = (const unsigned char *)values;
  for (size_t b = 0; b < (size_t)count * sizeof *values; b++)
    hash = (hash ^ bytes[b]) * UINT64_C(0x100000001b3);
  return hash;
}

/// Of all gradients.
static uint64_t digest_run(problem *p) {
  float *dx = floats(FLOATS), *vectors = floats(p->layer->vector_floats);
  run(p, dx, vectors);
  uint64_t hash = digest(UINT64_C(0xcbf29ce484222325), dx, FLOATS);
  hash = digest(hash, vectors, p->layer->vector_floats);
  for (int64_t i = 0; i < LINEARS; i++)
    hash = digest(hash, p->gradients[i], weight_floats(p, i));
  free(dx);
  free(vectors);
  return hash;
}

/// Gradients that are taken alone, or with weights changed as soon as theirs is known, are the
/// same.
static void check_requests(problem *p) {
  float *dx = floats(FLOATS), *alone = floats(FLOATS);
  float *vectors = floats(p->layer->vector_floats), *others = floats(p->layer->vector_floats);
  run(p, dx, vectors);
  binq_layer_gradient gradient = request_of(p);
  CHECK_STATUS_OK(
      binq_graph_layer_gradient(p->tiny->graph, LAYER, SEQUENCES, LENGTH, &gradient, p->x, alone));
  CHECK(tiny_same_bits(dx, alone, FLOATS));
  gradient.vector_gradient = others;
  CHECK_STATUS_OK(
      binq_graph_layer_gradient(p->tiny->graph, LAYER, SEQUENCES, LENGTH, &gradient, p->x, NULL));
  CHECK(tiny_same_bits(vectors, others, (size_t)p->layer->vector_floats));
  uint64_t expected = digest_run(p);
  p->forgets = true;
  CHECK(digest_run(p) == expected);
  for (int64_t i = 0; i < LINEARS; i++)
    for (int64_t k = 0; k < weight_floats(p, i); k++)
      CHECK(p->weights[i][k] == 0);
  free(dx);
  free(alone);
  free(vectors);
  free(others);
}

/// Without a reader and vectors of its own a layer has those of the model, with one that reads the
/// same as much.
static void check_defaults(tiny_graph *tiny, bool is_coded) {
  problem p;
  coding c;
  create(tiny, &p);
  if (is_coded)
    code(&p, false, &c);
  float *dx = floats(FLOATS), *again = floats(FLOATS);
  binq_layer_gradient gradient = request_of(&p);
  CHECK_STATUS_OK(
      binq_graph_layer_gradient(tiny->graph, LAYER, SEQUENCES, LENGTH, &gradient, p.x, dx));
  gradient.read = NULL;
  gradient.vectors = NULL;
  CHECK_STATUS_OK(
      binq_graph_layer_gradient(tiny->graph, LAYER, SEQUENCES, LENGTH, &gradient, p.x, again));
  CHECK(tiny_same_bits(dx, again, FLOATS));
  free(dx);
  free(again);
  destroy(&p);
}

/// The bits of gradients with floats and with codes.
static void check_threads(int threads, uint64_t digests[2]) {
  tiny_graph tiny;
  tiny_graph_create(threads, &tiny);
  for (int is_coded = 0; is_coded < 2; is_coded++) {
    problem p;
    coding c;
    create(&tiny, &p);
    if (is_coded)
      code(&p, false, &c);
    uint64_t found = digest_run(&p);
    if (threads == 1)
      digests[is_coded] = found;
    CHECK(found == digests[is_coded]);
    check_requests(&p);
    destroy(&p);
  }
  tiny_graph_destroy(&tiny);
}

static void check_refusals(tiny_graph *tiny) {
  problem p;
  create(tiny, &p);
  binq_layer_gradient gradient = request_of(&p);
  CHECK_STATUS_FAILS(binq_graph_layer_gradient(tiny->graph, LAYER, 0, 1, &gradient, p.x, NULL),
                     "at least one");
  CHECK_STATUS_FAILS(binq_graph_layer_gradient(tiny->graph, LAYER, 1, 0, &gradient, p.x, NULL),
                     "at least one");
  destroy(&p);
}

int main(void) {
  tiny_graph tiny;
  problem p;
  uint64_t digests[2];
  tiny_graph_create(2, &tiny);
  create(&tiny, &p);
  check_differences(&p);
  destroy(&p);
  check_fine_codes(&tiny);
  check_coarse_codes(&tiny);
  check_defaults(&tiny, false);
  check_defaults(&tiny, true);
  check_refusals(&tiny);
  tiny_graph_destroy(&tiny);
  for (int threads = 1; threads <= 3; threads++)
    check_threads(threads, digests);
  return check_result();
}

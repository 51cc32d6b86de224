// A layer's gradient against finite differences of the layer's own run; the same bits with any
// number of threads.
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
};

/// A loss sum(slopes * y) over a layer with weights of its own.
typedef struct {
  tiny_graph *tiny;
  const binq_graph_function *layer;
  float *x, *slopes, *vectors;
  float *weights[LINEARS];   ///< [rows][padded columns]
  float *gradients[LINEARS]; ///< likewise
  double losses[ROWS];
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
  memcpy(p->gradients[linear] + begin * stride, gradient,
         (size_t)((end - begin) * stride) * sizeof *gradient);
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

/// The loss, forward only.
static double loss(problem *p) {
  binq_layer_gradient gradient = {
      .vectors = p->vectors, .read = read_rows, .output_gradient = take_output, .user = p};
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
  binq_layer_gradient gradient = {.vectors = p->vectors,
                                  .read = read_rows,
                                  .weight_gradient = take_gradient,
                                  .output_gradient = take_output,
                                  .vector_gradient = vectors,
                                  .user = p};
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

int main(void) {
  tiny_graph tiny;
  problem p;
  tiny_graph_create(2, &tiny);
  create(&tiny, &p);
  check_differences(&p);
  destroy(&p);
  tiny_graph_destroy(&tiny);
  return check_result();
}

// Adjoints, as lowered and compiled, against finite differences of the operations written down in
// doubles; the same bits with any number of threads.
#include "Check.h"
#include "Lowered.h"
#include "Samples.h"
#include "binq/Calibrate/Jit.h"
#include "binq/Support/Memory.h"
#include "runtime/Rope.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { MAX_TENSORS = 5, MAX_RESULTS = 3 };

/// Rows of floats as kernels take them, and their values in doubles without the padding.
typedef struct {
  int64_t rows, columns, stride;
  float *padded;
  double *values;
} rows;

/// An operation y = f(tensors): its values in doubles, to differentiate; the rest is what sizes it
/// has.
typedef struct problem {
  const char *name;
  void (*forward)(const struct problem *p, double *y);
  int64_t tokens, sequences, heads, kv_heads, head_size;
  rows tensors[MAX_TENSORS];
  int tensor_count;
  rows slopes; ///< of the loss sum(slopes * y)
} problem;

static void *allocate(int64_t count, size_t size) {
  void *memory;
  CHECK_STATUS_OK(binq_allocate((size_t)count + 1, size, "a test", &memory));
  return memory;
}

static rows make_rows(samples *s, int64_t count, int64_t columns) {
  rows made = {count, columns, binq_round_up(columns, 32), NULL, NULL};
  made.padded = allocate(count * made.stride, sizeof(float));
  made.values = allocate(count * columns, sizeof(double));
  for (int64_t i = 0; i < count; i++)
    for (int64_t j = 0; j < columns; j++) {
      float value = samples_float(s);
      made.padded[i * made.stride + j] = value;
      made.values[i * columns + j] = (double)value;
    }
  return made;
}

static void free_rows(rows *r) {
  free(r->padded);
  free(r->values);
}

static void add_tensor(problem *p, samples *s, int64_t count, int64_t columns) {
  p->tensors[p->tensor_count++] = make_rows(s, count, columns);
}

static void free_problem(problem *p) {
  for (int i = 0; i < p->tensor_count; i++)
    free_rows(&p->tensors[i]);
  free_rows(&p->slopes);
}

// --- operations in doubles

static const double epsilon = 1e-5;

static void rms_norm(const problem *p, double *y) {
  const rows *x = &p->tensors[0], *weight = &p->tensors[1];
  for (int64_t t = 0; t < x->rows; t++) {
    const double *row = x->values + t * x->columns;
    double sum = 0;
    for (int64_t j = 0; j < x->columns; j++)
      sum += row[j] * row[j];
    for (int64_t j = 0; j < x->columns; j++)
      y[t * x->columns + j] = row[j] / sqrt(sum / (double)x->columns + epsilon) * weight->values[j];
  }
}

static void swiglu(const problem *p, double *y) {
  const rows *gate = &p->tensors[0], *up = &p->tensors[1];
  for (int64_t i = 0; i < gate->rows * gate->columns; i++)
    y[i] = gate->values[i] / (1 + exp(-gate->values[i])) * up->values[i];
}

static void rope(const problem *p, double *y) {
  const rows *x = &p->tensors[0];
  for (int64_t i = 0; i < x->rows * x->columns; i += 2) {
    int64_t position = i / x->columns % (p->tokens / p->sequences);
    double exponent = -(double)(i % x->columns % p->head_size) / (double)p->head_size;
    double angle = (double)position * pow(1e4, exponent);
    y[i] = x->values[i] * cos(angle) - x->values[i + 1] * sin(angle);
    y[i + 1] = x->values[i] * sin(angle) + x->values[i + 1] * cos(angle);
  }
}

static void attend(const problem *p, int64_t row, int64_t head, double *y) {
  const rows *q = &p->tensors[0], *k = &p->tensors[1], *v = &p->tensors[2];
  int64_t size = p->head_size, length = p->tokens / p->sequences;
  int64_t kv = head / (p->heads / p->kv_heads) * size;
  double total = 0;
  for (int64_t d = 0; d < size; d++)
    y[d] = 0;
  for (int64_t other = row - row % length; other <= row; other++) {
    double score = 0;
    for (int64_t d = 0; d < size; d++)
      score +=
          q->values[row * q->columns + head * size + d] * k->values[other * k->columns + kv + d];
    double weight = exp(score / sqrt((double)size));
    total += weight;
    for (int64_t d = 0; d < size; d++)
      y[d] += weight * v->values[other * v->columns + kv + d];
  }
  for (int64_t d = 0; d < size; d++)
    y[d] /= total;
}

static void attention(const problem *p, double *y) {
  for (int64_t row = 0; row < p->tokens; row++)
    for (int64_t head = 0; head < p->heads; head++)
      attend(p, row, head, y + (row * p->heads + head) * p->head_size);
}

// --- differences

static double loss(const problem *p, double *y) {
  double sum = 0;
  p->forward(p, y);
  for (int64_t i = 0; i < p->slopes.rows * p->slopes.columns; i++)
    sum += p->slopes.values[i] * y[i];
  return sum;
}

/// Some elements of the gradient by a tensor, and all of its padding.
static void check_gradient(const problem *p, int tensor, const float *gradient, samples *s) {
  const rows *by = &p->tensors[tensor];
  double *y = allocate(p->slopes.rows * p->slopes.columns, sizeof *y);
  double largest = 0;
  for (int64_t i = 0; i < by->rows * by->stride; i++) {
    largest = fmax(largest, fabs((double)gradient[i]));
    if (i % by->stride >= by->columns)
      CHECK(gradient[i] == 0);
  }
  for (int sample = 0; sample < 60; sample++) {
    int64_t i = samples_below(s, by->rows * by->columns);
    static const double step = 1e-5;
    double saved = by->values[i];
    by->values[i] = saved + step;
    double above = loss(p, y);
    by->values[i] = saved - step;
    double below = loss(p, y);
    by->values[i] = saved;
    double expected = (above - below) / (2 * step);
    double got = (double)gradient[i / by->columns * by->stride + i % by->columns];
    if (!(fabs(got - expected) <= 2e-5 * largest + 1e-6))
      CHECK_FAIL("%s: gradient %d is %.9g at %" PRId64 ", by differences %.9g", p->name, tensor,
                 got, i, expected);
  }
  free(y);
}

// --- runs

/// Calls the adjoint with these tensors; result i is the gradient by tensor i.
static void run(const lowered *module, const problem *p, int64_t threads, int count,
                const lowered_memref *tensors, int result_count, float *const *results) {
  lowered_memref arguments[MAX_TENSORS + MAX_RESULTS];
  float *angles = NULL;
  for (int i = 0; i < count; i++)
    arguments[i] = tensors[i];
  for (int i = 0; i < result_count; i++) {
    int64_t floats = p->tensors[i].rows * p->tensors[i].stride;
    memset(results[i], 0xA5, (size_t)floats * sizeof(float));
    arguments[count + i] = lowered_memref_of(results[i], floats);
  }
  if (p->head_size) {
    angles = allocate(p->tokens * p->head_size, sizeof *angles);
    binq_rope_table(angles, p->tokens, p->head_size, 1e4);
  }
  lowered_environment environment = {.weights = p->tensors[1].padded,
                                     .rope = angles,
                                     .count = p->tokens,
                                     .sequences = p->sequences,
                                     .threads = threads};
  free(lowered_call(module, p->name, &environment, count + result_count, arguments));
  free(angles);
}

static lowered_memref memref_of(const rows *r) {
  return lowered_memref_of(r->padded, r->rows * r->stride);
}

static void check(const char *text, const problem *p, int count, const lowered_memref *tensors,
                  int result_count, samples *s) {
  lowered *module = lowered_create(text, BINQ_JIT_ISA, BINQ_LOWERING_AUTO);
  float *results[MAX_RESULTS], *again[MAX_RESULTS];
  for (int i = 0; i < result_count; i++) {
    int64_t floats = p->tensors[i].rows * p->tensors[i].stride;
    results[i] = allocate(floats, sizeof(float));
    again[i] = allocate(floats, sizeof(float));
  }
  run(module, p, 1, count, tensors, result_count, results);
  for (int i = 0; i < result_count; i++)
    check_gradient(p, i, results[i], s);
  for (int64_t threads = 2; threads <= 3; threads++) {
    run(module, p, threads, count, tensors, result_count, again);
    for (int i = 0; i < result_count; i++)
      samples_equal(p->name, results[i], again[i], p->tensors[i].rows * p->tensors[i].stride);
  }
  for (int i = 0; i < result_count; i++) {
    free(results[i]);
    free(again[i]);
  }
  lowered_destroy(module);
}

static void check_rms_norm(samples *s, int64_t tokens, int64_t width) {
  char text[1024];
  long long w = width;
  problem p = {.name = "norm", .forward = rms_norm, .tokens = tokens, .sequences = 1};
  add_tensor(&p, s, tokens, width);
  add_tensor(&p, s, 1, width);
  p.slopes = make_rows(s, tokens, width);
  snprintf(text, sizeof text,
           "func.func @norm(%%x: tensor<?x%lldxf32>, %%dy: tensor<?x%lldxf32>) -> "
           "(tensor<?x%lldxf32>, tensor<%lldxf32>) {\n"
           "  %%w = \"binq.param\"() {name = \"w\"} : () -> tensor<%lldxf32>\n"
           "  %%dx, %%dw = \"binq.rms_norm_gradient\"(%%x, %%w, %%dy) {epsilon = 1.0e-5 : f32} : "
           "(tensor<?x%lldxf32>, tensor<%lldxf32>, tensor<?x%lldxf32>) -> (tensor<?x%lldxf32>, "
           "tensor<%lldxf32>)\n"
           "  return %%dx, %%dw : tensor<?x%lldxf32>, tensor<%lldxf32>\n}\n",
           w, w, w, w, w, w, w, w, w, w, w, w);
  lowered_memref tensors[] = {memref_of(&p.tensors[0]), memref_of(&p.slopes)};
  check(text, &p, 2, tensors, 2, s);
  free_problem(&p);
}

static void check_swiglu(samples *s, int64_t tokens, int64_t width) {
  char text[1024], type[32];
  snprintf(type, sizeof type, "tensor<?x%lldxf32>", (long long)width);
  problem p = {.name = "gated", .forward = swiglu, .tokens = tokens, .sequences = 1};
  add_tensor(&p, s, tokens, width);
  add_tensor(&p, s, tokens, width);
  p.slopes = make_rows(s, tokens, width);
  snprintf(text, sizeof text,
           "func.func @gated(%%g: %s, %%u: %s, %%dy: %s) -> (%s, %s) {\n"
           "  %%dg, %%du = \"binq.swiglu_gradient\"(%%g, %%u, %%dy) : (%s, %s, %s) -> (%s, %s)\n"
           "  return %%dg, %%du : %s, %s\n}\n",
           type, type, type, type, type, type, type, type, type, type, type, type);
  lowered_memref tensors[] = {memref_of(&p.tensors[0]), memref_of(&p.tensors[1]),
                              memref_of(&p.slopes)};
  check(text, &p, 3, tensors, 2, s);
  free_problem(&p);
}

static void check_rope(samples *s, int64_t heads, int64_t head_size) {
  enum { TOKENS = 14 };
  char text[1024], type[32];
  snprintf(type, sizeof type, "tensor<?x%" PRId64 "xf32>", heads * head_size);
  int32_t positions[TOKENS];
  problem p = {
      .name = "rotated", .forward = rope, .tokens = TOKENS, .sequences = 2, .head_size = head_size};
  for (int i = 0; i < TOKENS; i++)
    positions[i] = i % (TOKENS / 2);
  add_tensor(&p, s, TOKENS, heads * head_size);
  p.slopes = make_rows(s, TOKENS, heads * head_size);
  snprintf(text, sizeof text,
           "func.func @rotated(%%dy: %s, %%p: tensor<?xi32>) -> %s {\n"
           "  %%dx = \"binq.rope_gradient\"(%%dy, %%p) {head_size = %lld : i64, base = 1.0e4 : "
           "f64} : (%s, tensor<?xi32>) -> %s\n"
           "  return %%dx : %s\n}\n",
           type, type, (long long)head_size, type, type, type);
  lowered_memref tensors[] = {memref_of(&p.slopes), lowered_memref_of(positions, TOKENS)};
  check(text, &p, 2, tensors, 1, s);
  free_problem(&p);
}

static void print_attention(char *text, size_t size, const problem *p) {
  char q[32], k[32];
  snprintf(q, sizeof q, "tensor<?x%" PRId64 "xf32>", p->heads * p->head_size);
  snprintf(k, sizeof k, "tensor<?x%" PRId64 "xf32>", p->kv_heads * p->head_size);
  snprintf(text, size,
           "func.func @attended(%%q: %s, %%k: %s, %%v: %s, %%y: %s, %%dy: %s) -> (%s, %s, %s) {\n"
           "  %%dq, %%dk, %%dv = \"binq.attention_gradient\"(%%q, %%k, %%v, %%y, %%dy) "
           "{head_count = %lld : i64, kv_head_count = %lld : i64} : (%s, %s, %s, %s, %s) -> "
           "(%s, %s, %s)\n"
           "  return %%dq, %%dk, %%dv : %s, %s, %s\n}\n",
           q, k, k, q, q, q, k, k, (long long)p->heads, (long long)p->kv_heads, q, k, k, q, q, q, k,
           k, q, k, k);
}

static void check_attention(samples *s, int64_t sequences, int64_t length, int64_t heads,
                            int64_t kv_heads, int64_t head_size) {
  char text[2048];
  problem p = {.name = "attended",
               .forward = attention,
               .tokens = sequences * length,
               .sequences = sequences,
               .heads = heads,
               .kv_heads = kv_heads,
               .head_size = head_size};
  add_tensor(&p, s, p.tokens, heads * head_size);
  add_tensor(&p, s, p.tokens, kv_heads * head_size);
  add_tensor(&p, s, p.tokens, kv_heads * head_size);
  p.slopes = make_rows(s, p.tokens, heads * head_size);
  rows y = make_rows(s, p.tokens, heads * head_size);
  attention(&p, y.values);
  for (int64_t i = 0; i < y.rows * y.columns; i++)
    y.padded[i / y.columns * y.stride + i % y.columns] = (float)y.values[i];
  print_attention(text, sizeof text, &p);
  lowered_memref tensors[] = {memref_of(&p.tensors[0]), memref_of(&p.tensors[1]),
                              memref_of(&p.tensors[2]), memref_of(&y), memref_of(&p.slopes)};
  check(text, &p, 5, tensors, 3, s);
  free_rows(&y);
  free_problem(&p);
}

int main(void) {
  samples s = {3};
  check_rms_norm(&s, 1, 32);
  check_rms_norm(&s, 7, 40);
  check_rms_norm(&s, 130, 172); // partial sums of 64 tokens, and a part of one
  check_swiglu(&s, 1, 32);
  check_swiglu(&s, 33, 172);
  check_rope(&s, 5, 8);
  check_rope(&s, 3, 24);
  check_attention(&s, 1, 1, 1, 1, 8);
  check_attention(&s, 3, 5, 4, 2, 8);
  check_attention(&s, 2, 32, 2, 1, 16);
  check_attention(&s, 2, 37, 6, 2, 24);
  check_attention(&s, 1, 75, 9, 3, 64); // three blocks: the middle one is its own pair
  return check_result();
}

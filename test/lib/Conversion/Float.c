// Norms, rotary embedding, attention, the gated activation and sums, as lowered and compiled,
// against the plain reference: the same bits for odd shapes, threads, pieces of a prompt and
// sequences side by side.
#include "Check.h"
#include "Lowered.h"
#include "Reference.h"
#include "Samples.h"
#include "binq/Support/Memory.h"
#include "runtime/Rope.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static void *allocate(int64_t count, size_t size) {
  void *memory;
  CHECK_STATUS_OK(binq_allocate((size_t)count + 1, size, "a test", &memory));
  return memory;
}

static float *random_rows(samples *s, int64_t tokens, int64_t columns) {
  int64_t stride = binq_round_up(columns, 32);
  float *rows = allocate(tokens * stride, sizeof *rows);
  for (int64_t t = 0; t < tokens; t++)
    for (int64_t j = 0; j < columns; j++)
      rows[t * stride + j] = samples_float(s);
  return rows;
}

static const int64_t token_counts[] = {1, 2, 5, 33};
enum { TOKEN_COUNTS = 4 };

// --- a value at a time, row by row

static const int64_t widths[] = {32, 40, 96, 172, 576};
enum { WIDTHS = 5 };

static void print_rows(FILE *out, int64_t width) {
  long long w = width;
  fprintf(out,
          "func.func @norm_%lld(%%x: tensor<?x%lldxf32>) -> tensor<?x%lldxf32> {\n"
          "  %%w = \"binq.param\"() {name = \"w%lld\"} : () -> tensor<%lldxf32>\n"
          "  %%y = \"binq.rms_norm\"(%%x, %%w) {epsilon = 1.0e-5 : f32} : (tensor<?x%lldxf32>, "
          "tensor<%lldxf32>) -> tensor<?x%lldxf32>\n"
          "  return %%y : tensor<?x%lldxf32>\n}\n",
          w, w, w, w, w, w, w, w, w);
  fprintf(out,
          "func.func @swiglu_of_%lld(%%a: tensor<?x%lldxf32>, %%b: tensor<?x%lldxf32>) -> "
          "(tensor<?x%lldxf32>, tensor<?x%lldxf32>) {\n"
          "  %%y = \"binq.swiglu\"(%%a, %%b) : (tensor<?x%lldxf32>, tensor<?x%lldxf32>) -> "
          "tensor<?x%lldxf32>\n"
          "  %%z = arith.addf %%a, %%b : tensor<?x%lldxf32>\n"
          "  return %%y, %%z : tensor<?x%lldxf32>, tensor<?x%lldxf32>\n}\n",
          w, w, w, w, w, w, w, w, w, w, w);
}

static void check_norm(const lowered *module, samples *s, int64_t width, int64_t tokens,
                       int64_t threads) {
  int64_t stride = binq_round_up(width, 32), values = tokens * stride;
  float *x = random_rows(s, tokens, width), *w = random_rows(s, 1, width);
  float *y = allocate(values, sizeof *y), *expected = allocate(values, sizeof *y);
  lowered_environment environment = {
      .weights = w, .count = tokens, .sequences = 1, .threads = threads};
  lowered_memref arguments[] = {lowered_memref_of(x, values), lowered_memref_of(y, values)};
  char name[32];
  snprintf(name, sizeof name, "norm_%lld", (long long)width);
  free(lowered_call(module, name, &environment, 2, arguments));
  for (int64_t t = 0; t < tokens; t++)
    reference_rms_norm(x + t * stride, w, width, 1.0e-5f, expected + t * stride);
  samples_equal(name, expected, y, values);
  free(expected);
  free(y);
  free(w);
  free(x);
}

static void check_swiglu(const lowered *module, samples *s, int64_t width, int64_t tokens,
                         int64_t threads) {
  int64_t stride = binq_round_up(width, 32), values = tokens * stride;
  float *a = random_rows(s, tokens, width), *b = random_rows(s, tokens, width);
  float *y = allocate(values, sizeof *y), *z = allocate(values, sizeof *y),
        *expected = allocate(values, sizeof *y);
  for (int64_t i = 0; i < values; i += 3)
    a[i] *= 50; // up to where exp is clamped
  lowered_environment environment = {.count = tokens, .sequences = 1, .threads = threads};
  lowered_memref arguments[] = {lowered_memref_of(a, values), lowered_memref_of(b, values),
                                lowered_memref_of(y, values), lowered_memref_of(z, values)};
  char name[32];
  snprintf(name, sizeof name, "swiglu_of_%lld", (long long)width);
  free(lowered_call(module, name, &environment, 4, arguments));
  for (int64_t t = 0; t < tokens; t++)
    reference_swiglu(a + t * stride, b + t * stride, width, expected + t * stride);
  samples_equal(name, expected, y, values);
  for (int64_t i = 0; i < values; i++)
    expected[i] = a[i] + b[i];
  samples_equal("sum", expected, z, values);
  free(expected);
  free(z);
  free(y);
  free(b);
  free(a);
}

// --- attention

typedef struct {
  int64_t heads, kv_heads, head_size;
} attention_case;

static const attention_case attention_cases[] = {
    {1, 1, 8}, {4, 2, 8}, {6, 2, 16}, {9, 3, 64}, {2, 1, 24},
};
enum { ATTENTION_CASES = 5, CAPACITY = 96 };

/// Rotates queries and keys, then attends.
static void print_attention(FILE *out, int index) {
  const attention_case *c = &attention_cases[index];
  char q[32], k[32];
  snprintf(q, sizeof q, "tensor<?x%" PRId64 "xf32>", c->heads * c->head_size);
  snprintf(k, sizeof k, "tensor<?x%" PRId64 "xf32>", c->kv_heads * c->head_size);
  fprintf(out,
          "func.func @attention_%d(%%q: %s, %%k: %s, %%v: %s, %%p: tensor<?xi32>, %%c: "
          "!binq.cache) -> %s {\n",
          index, q, k, k, q);
  const char *rope = "  %%%sr = \"binq.rope\"(%%%s, %%p) {head_size = %lld : i64, base = 1.0e4 : "
                     "f64} : (%s, tensor<?xi32>) -> %s\n";
  fprintf(out, rope, "q", "q", (long long)c->head_size, q, q);
  fprintf(out, rope, "k", "k", (long long)c->head_size, k, k);
  fprintf(out,
          "  %%y = \"binq.attention\"(%%qr, %%kr, %%v, %%p, %%c) {head_count = %lld : i64, "
          "kv_head_count = %lld : i64} : (%s, %s, %s, tensor<?xi32>, !binq.cache) -> %s\n"
          "  return %%y : %s\n}\n",
          (long long)c->heads, (long long)c->kv_heads, q, k, k, q, q);
}

/// Sequences side by side, all tokens so far: keys and values as [sequence][kv
/// head][position][head_size].
typedef struct {
  const attention_case *of;
  int64_t sequences, q_stride, k_stride;
  float *angles, *keys, *values;
  void *cache;
} conversation;

static conversation begin(const attention_case *of, int64_t sequences) {
  int64_t floats = sequences * of->kv_heads * CAPACITY * of->head_size;
  conversation c = {of,
                    sequences,
                    binq_round_up(of->heads * of->head_size, 32),
                    binq_round_up(of->kv_heads * of->head_size, 32),
                    allocate(CAPACITY * of->head_size, 4),
                    allocate(floats, 4),
                    allocate(floats, 4),
                    allocate(2 * floats, 4)};
  binq_rope_table(c.angles, CAPACITY, of->head_size, 1.0e4);
  memset(c.cache, 0xFF, (size_t)(2 * floats) * 4); // NaN
  return c;
}

static void end(const conversation *c) {
  free(c->angles);
  free(c->keys);
  free(c->values);
  free(c->cache);
}

static float *history(const conversation *c, float *base, int64_t sequence, int64_t head,
                      int64_t position) {
  return base + ((sequence * c->of->kv_heads + head) * CAPACITY + position) * c->of->head_size;
}

/// Rows of a piece of `length` tokens of each sequence.
typedef struct {
  int64_t first, length;
  float *q, *k, *v;
  int32_t *positions;
} piece;

static void remember(const conversation *c, const piece *p, int64_t row) {
  int64_t sequence = row / p->length, size = c->of->head_size, position = p->positions[row];
  float *rotated = allocate(c->k_stride, sizeof *rotated);
  reference_rope(p->k + row * c->k_stride, c->angles + position * size, c->of->kv_heads * size,
                 size, rotated);
  for (int64_t head = 0; head < c->of->kv_heads; head++) {
    memcpy(history(c, c->keys, sequence, head, position), rotated + head * size,
           (size_t)size * sizeof *rotated);
    memcpy(history(c, c->values, sequence, head, position), p->v + row * c->k_stride + head * size,
           (size_t)size * sizeof *rotated);
  }
  free(rotated);
}

static void attend(const conversation *c, const piece *p, int64_t row, float *y) {
  int64_t sequence = row / p->length, size = c->of->head_size, position = p->positions[row];
  float *rotated = allocate(c->q_stride, sizeof *rotated);
  reference_rope(p->q + row * c->q_stride, c->angles + position * size, c->of->heads * size, size,
                 rotated);
  for (int64_t head = 0; head < c->of->heads; head++) {
    int64_t kv_head = head / (c->of->heads / c->of->kv_heads);
    reference_attention(rotated + head * size, history(c, c->keys, sequence, kv_head, 0),
                        history(c, c->values, sequence, kv_head, 0), position, size,
                        y + head * size);
  }
  free(rotated);
}

/// Runs the next `length` tokens of every sequence.
static void check_piece(const lowered *module, int index, const conversation *c, samples *s,
                        int64_t first, int64_t length, int64_t threads) {
  int64_t rows = c->sequences * length, values = rows * c->q_stride;
  const attention_case *of = c->of;
  piece p = {first,
             length,
             random_rows(s, rows, of->heads * of->head_size),
             random_rows(s, rows, of->kv_heads * of->head_size),
             random_rows(s, rows, of->kv_heads * of->head_size),
             allocate(rows, sizeof(int32_t))};
  float *y = allocate(values, sizeof *y), *expected = allocate(values, sizeof *y);
  for (int64_t row = 0; row < rows; row++)
    p.positions[row] = (int32_t)(first + row % length);
  memset(y, 0xA5, (size_t)values * sizeof *y);
  lowered_environment environment = {.cache = c->cache,
                                     .rope = c->angles,
                                     .count = rows,
                                     .sequences = c->sequences,
                                     .capacity = CAPACITY,
                                     .threads = threads};
  lowered_memref arguments[] = {lowered_memref_of(p.q, values),
                                lowered_memref_of(p.k, rows * c->k_stride),
                                lowered_memref_of(p.v, rows * c->k_stride),
                                lowered_memref_of(p.positions, rows), lowered_memref_of(y, values)};
  char name[32];
  snprintf(name, sizeof name, "attention_%d", index);
  free(lowered_call(module, name, &environment, 5, arguments));
  for (int64_t row = 0; row < rows; row++)
    remember(c, &p, row);
  for (int64_t row = 0; row < rows; row++)
    attend(c, &p, row, expected + row * c->q_stride);
  samples_equal(name, expected, y, values);
  free(expected);
  free(y);
  free(p.positions);
  free(p.v);
  free(p.k);
  free(p.q);
}

static void check_attention(const lowered *module, int index, int64_t sequences, samples *s) {
  static const int64_t pieces[] = {5, 1, 33, 1, 25, 1, 30};
  conversation c = begin(&attention_cases[index], sequences);
  int64_t first = 0;
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; first += pieces[i++])
    check_piece(module, index, &c, s, first, pieces[i], 1 + (index + (int64_t)i) % 3);
  CHECK_EQ_INT(first, CAPACITY);
  end(&c);
}

/// The polynomial is close to e^x, and its ends are finite.
static void check_exp(void) {
  for (int i = -860; i < 870; i++) {
    float x = (float)i / 10;
    CHECK(fabs((double)reference_exp(x) / exp((double)x) - 1) < 3e-7);
  }
  CHECK(reference_exp(-INFINITY) > 0 && reference_exp(-INFINITY) < 1e-37f);
  CHECK(isfinite(reference_exp(INFINITY)));
}

/// A module of one function: a module has one rotary table.
static void check_attention_case(int index, samples *s) {
  char *text;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  REQUIRE(out);
  print_attention(out, index);
  REQUIRE(fclose(out) == 0);
  lowered *module = lowered_create(text);
  free(text);
  check_attention(module, index, 1, s);
  check_attention(module, index, 3, s);
  lowered_destroy(module);
}

static void check_rows(samples *s) {
  char *text;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  REQUIRE(out);
  for (int i = 0; i < WIDTHS; i++)
    print_rows(out, widths[i]);
  REQUIRE(fclose(out) == 0);
  lowered *module = lowered_create(text);
  free(text);
  for (int i = 0; i < WIDTHS; i++)
    for (int t = 0; t < TOKEN_COUNTS; t++) {
      check_norm(module, s, widths[i], token_counts[t], 1 + (i + t) % 3);
      check_swiglu(module, s, widths[i], token_counts[t], 1 + (i + t) % 3);
    }
  lowered_destroy(module);
}

int main(void) {
  samples s = {2};
  check_rows(&s);
  for (int i = 0; i < ATTENTION_CASES; i++)
    check_attention_case(i, &s);
  check_exp();
  return check_result();
}

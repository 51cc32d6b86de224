// Rotary embedding and attention, as lowered and compiled, against the plain reference: the same
// bits for odd shapes, every format of the cache, threads, pieces of a prompt and sequences side by
// side.
#include "Check.h"
#include "Lowered.h"
#include "Reference.h"
#include "Samples.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Support/Memory.h"
#include "runtime/Isa.h"
#include "runtime/Rope.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  int64_t heads, kv_heads, head_size;
  binq_cache_format format;
} attention_case;

static const attention_case cases[] = {
    {1, 1, 8, BINQ_CACHE_FLOAT},  {4, 2, 8, BINQ_CACHE_FLOAT},  {6, 2, 16, BINQ_CACHE_FLOAT},
    {9, 3, 64, BINQ_CACHE_FLOAT}, {2, 1, 24, BINQ_CACHE_FLOAT}, {6, 2, 80, BINQ_CACHE_FLOAT},
    {1, 1, 8, BINQ_CACHE_INT8},   {4, 2, 24, BINQ_CACHE_INT8},  {9, 3, 64, BINQ_CACHE_INT8},
    {6, 2, 80, BINQ_CACHE_INT8},  {1, 1, 256, BINQ_CACHE_INT8}, {1, 1, 8, BINQ_CACHE_INT4},
    {4, 2, 24, BINQ_CACHE_INT4},  {6, 2, 16, BINQ_CACHE_INT4},  {9, 3, 64, BINQ_CACHE_INT4},
    {6, 2, 40, BINQ_CACHE_INT4},  {1, 1, 256, BINQ_CACHE_INT4}, {7, 1, 8, BINQ_CACHE_INT8},
    {9, 1, 24, BINQ_CACHE_INT4},  {20, 2, 40, BINQ_CACHE_INT4}, {32, 1, 16, BINQ_CACHE_INT8},
};
enum { CASES = sizeof cases / sizeof *cases, CAPACITY = 96, GUARD = 256 };

/// Bits of a code; 0 for floats.
static int bits_of(const attention_case *of) {
  static const int bits[] = {[BINQ_CACHE_FLOAT] = 0, [BINQ_CACHE_INT8] = 8, [BINQ_CACHE_INT4] = 4};
  return bits[of->format];
}

/// What the cache of a sequence takes. With 4 bits, rows are whole units of 16 channels.
static int64_t cache_bytes(const attention_case *of) {
  int64_t row = 4 * of->head_size;
  if (of->format == BINQ_CACHE_INT8)
    row = of->head_size + 4;
  else if (of->format == BINQ_CACHE_INT4)
    row = (of->head_size + 15) / 16 * 8 + 4;
  return 2 * of->kv_heads * CAPACITY * row;
}

static void *allocate(int64_t count, size_t size) {
  void *memory;
  CHECK_STATUS_OK(binq_allocate((size_t)count + 1, size, "a test", &memory));
  return memory;
}

/// Rows of heads, some of which are all alike, zero, large, or so small that their scale is
/// subnormal; some have a channel that stands out.
static float *random_heads(samples *s, int64_t tokens, int64_t heads, int64_t head_size) {
  static const float sizes[] = {1, 1, 1, 1, 300, 1e-5f, 1e-8f, 0};
  int64_t stride = binq_round_up(heads * head_size, 32);
  float *rows = allocate(tokens * stride, sizeof *rows);
  for (int64_t i = 0; i < tokens * heads; i++) {
    float *head = rows + i / heads * stride + i % heads * head_size;
    float size = sizes[samples_below(s, 8)];
    bool is_flat = samples_below(s, 8) == 0;
    for (int64_t d = 0; d < head_size; d++)
      head[d] = is_flat && d ? head[0] : samples_float(s) * size;
    if (samples_below(s, 4) == 0)
      head[samples_below(s, head_size)] *= 30;
  }
  return rows;
}

/// Rotates queries and keys, then attends.
static void print_function(FILE *out, const attention_case *c) {
  static const char *const formats[] = {"", ", cache_format = \"int8\"",
                                        ", cache_format = \"int4\""};
  char q[32], k[32];
  snprintf(q, sizeof q, "tensor<?x%" PRId64 "xf32>", c->heads * c->head_size);
  snprintf(k, sizeof k, "tensor<?x%" PRId64 "xf32>", c->kv_heads * c->head_size);
  fprintf(out,
          "func.func @f(%%q: %s, %%k: %s, %%v: %s, %%p: tensor<?xi32>, %%c: !binq.cache) -> %s {\n",
          q, k, k, q);
  const char *rope = "  %%%sr = \"binq.rope\"(%%%s, %%p) {head_size = %lld : i64, base = 1.0e4 : "
                     "f64} : (%s, tensor<?xi32>) -> %s\n";
  fprintf(out, rope, "q", "q", (long long)c->head_size, q, q);
  fprintf(out, rope, "k", "k", (long long)c->head_size, k, k);
  fprintf(out,
          "  %%y = \"binq.attention\"(%%qr, %%kr, %%v, %%p, %%c) {head_count = %lld : i64, "
          "kv_head_count = %lld : i64%s} : (%s, %s, %s, tensor<?xi32>, !binq.cache) -> %s\n"
          "  return %%y : %s\n}\n",
          (long long)c->heads, (long long)c->kv_heads, formats[c->format], q, k, k, q, q);
}

/// Sequences side by side, all tokens so far: keys and values as [sequence][kv head][position],
/// heads of floats and of codes.
typedef struct {
  const attention_case *of;
  int64_t sequences, q_stride, k_stride;
  float *angles, *keys, *values;
  reference_head *coded_keys, *coded_values;
  uint8_t *cache;
} conversation;

static conversation begin(const attention_case *of, int64_t sequences) {
  int64_t heads = sequences * of->kv_heads * CAPACITY;
  conversation c = {of,
                    sequences,
                    binq_round_up(of->heads * of->head_size, 32),
                    binq_round_up(of->kv_heads * of->head_size, 32),
                    allocate(CAPACITY * of->head_size, 4),
                    allocate(heads * of->head_size, 4),
                    allocate(heads * of->head_size, 4),
                    allocate(heads, sizeof(reference_head)),
                    allocate(heads, sizeof(reference_head)),
                    allocate(sequences * cache_bytes(of) + GUARD, 1)};
  binq_rope_table(c.angles, CAPACITY, of->head_size, 1.0e4);
  memset(c.cache, 0xFF, (size_t)(sequences * cache_bytes(of) + GUARD)); // NaN
  return c;
}

static void end(const conversation *c) {
  for (int64_t i = 0; i < GUARD; i++)
    CHECK_EQ_INT(c->cache[c->sequences * cache_bytes(c->of) + i], 0xFF);
  free(c->angles);
  free(c->keys);
  free(c->values);
  free(c->coded_keys);
  free(c->coded_values);
  free(c->cache);
}

static int64_t history(const conversation *c, int64_t sequence, int64_t head, int64_t position) {
  return (sequence * c->of->kv_heads + head) * CAPACITY + position;
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
    int64_t at = history(c, sequence, head, position);
    const float *key = rotated + head * size, *value = p->v + row * c->k_stride + head * size;
    memcpy(c->keys + at * size, key, (size_t)size * sizeof *key);
    memcpy(c->values + at * size, value, (size_t)size * sizeof *value);
    if (bits_of(c->of)) {
      c->coded_keys[at] = reference_code_key(key, size, bits_of(c->of));
      c->coded_values[at] = reference_code_value(value, size, bits_of(c->of));
    }
  }
  free(rotated);
}

static void attend(const conversation *c, const piece *p, int64_t row, float *y) {
  int64_t sequence = row / p->length, size = c->of->head_size, position = p->positions[row];
  float *rotated = allocate(c->q_stride, sizeof *rotated);
  reference_rope(p->q + row * c->q_stride, c->angles + position * size, c->of->heads * size, size,
                 rotated);
  for (int64_t head = 0; head < c->of->heads; head++) {
    int64_t at = history(c, sequence, head / (c->of->heads / c->of->kv_heads), 0);
    if (bits_of(c->of))
      reference_coded_attention(rotated + head * size, c->coded_keys + at, c->coded_values + at,
                                position, size, y + head * size);
    else
      reference_attention(rotated + head * size, c->keys + at * size, c->values + at * size,
                          position, size, y + head * size);
  }
  free(rotated);
}

/// Runs the next `length` tokens of every sequence.
static void check_piece(const lowered *module, const conversation *c, samples *s, int64_t first,
                        int64_t length, int64_t threads) {
  int64_t rows = c->sequences * length, values = rows * c->q_stride;
  const attention_case *of = c->of;
  piece p = {first,
             length,
             random_heads(s, rows, of->heads, of->head_size),
             random_heads(s, rows, of->kv_heads, of->head_size),
             random_heads(s, rows, of->kv_heads, of->head_size),
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
  free(lowered_call(module, "f", &environment, 5, arguments));
  for (int64_t row = 0; row < rows; row++)
    remember(c, &p, row);
  for (int64_t row = 0; row < rows; row++)
    attend(c, &p, row, expected + row * c->q_stride);
  char name[64];
  snprintf(name, sizeof name, "%lld heads of %lld in %d bits", (long long)of->heads,
           (long long)of->head_size, bits_of(of));
  samples_equal(name, expected, y, values);
  free(expected);
  free(y);
  free(p.positions);
  free(p.v);
  free(p.k);
  free(p.q);
}

static void check_conversation(const lowered *module, int index, int64_t sequences, samples *s) {
  static const int64_t pieces[] = {5, 1, 33, 1, 25, 1, 30};
  conversation c = begin(&cases[index], sequences);
  int64_t first = 0;
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; first += pieces[i++])
    check_piece(module, &c, s, first, pieces[i], 1 + (index + (int64_t)i) % 3);
  CHECK_EQ_INT(first, CAPACITY);
  // After a rewind, what lies behind is written over.
  check_piece(module, &c, s, 40, 3, 2);
  check_piece(module, &c, s, 43, 20, 3);
  end(&c);
}

/// A module of one function: a module has one rotary table.
static void check_case(int index, const char *isa, samples *s) {
  char *text;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  REQUIRE(out);
  print_function(out, &cases[index]);
  REQUIRE(fclose(out) == 0);
  lowered *module = lowered_create(text, isa, BINQ_LOWERING_AUTO);
  free(text);
  check_conversation(module, index, 1, s);
  check_conversation(module, index, 3, s);
  lowered_destroy(module);
}

/// Codes are close to what they stand for.
static void check_accuracy(int bits, double largest_error) {
  enum { SIZE = 64 };
  samples s = {bits};
  double error = 0, power = 0;
  for (int i = 0; i < 100; i++) {
    float *x = random_heads(&s, 1, 1, SIZE);
    reference_head head = reference_code_value(x, SIZE, bits);
    for (int d = 0; d < SIZE; d++) {
      double decoded = (double)head.low + (double)head.scale * head.codes[d];
      error += (decoded - (double)x[d]) * (decoded - (double)x[d]);
      power += (double)x[d] * (double)x[d];
    }
    free(x);
  }
  CHECK(error < largest_error * largest_error * power);
}

int main(void) {
  samples s = {3};
  for (size_t k = 0; k < BINQ_ISA_COUNT; k++) {
    const binq_isa *isa = &binq_isas[k];
    if (!lowered_runs(isa))
      continue;
    for (int i = 0; i < CASES; i++)
      check_case(i, isa->name, &s);
  }
  check_accuracy(8, 0.02);
  check_accuracy(4, 0.3);
  return check_result();
}

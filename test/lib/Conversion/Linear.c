// Quantized linears and embeddings, as lowered and compiled, against the plain reference: the same
// bits by every lowering, on every instruction set that this CPU has, for odd shapes, every form, 4
// and 8 activation planes, tails, threads and numbers of tokens.
#include "Check.h"
#include "Lowered.h"
#include "Reference.h"
#include "Samples.h"
#include "binq/Calibrate/Jit.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Support/Memory.h"
#include "runtime/Isa.h"
#include <stdio.h>
#include <string.h>

typedef struct {
  binq_linear_format format;
  int planes;              ///< of activations
  int32_t plane_scales[8]; ///< of activations
} linear_case;

#define GROUPED BINQ_FORM_GROUPED_BINARY
#define PLANES BINQ_FORM_PLANES
#define INT8 BINQ_FORM_INT8
#define EIGHT {1, 2, 4, 8, 16, 32, 64, -128}

static const linear_case cases[] = {
    {{32, 32, 0, GROUPED, 2, {0}}, 4, {1, 2, 4, -8}},
    {{40, 96, 32, GROUPED, 2, {0}}, 4, {2, 3, 8, -12}},
    {{7, 172, 64, GROUPED, 2, {0}}, 4, {2, 3, 7, -11}},
    {{64, 160, 0, GROUPED, 2, {0}}, 8, EIGHT},
    {{96, 576, 32, GROUPED, 2, {0}}, 4, {1, 2, 4, -8}},
    {{33, 576, 64, GROUPED, 2, {0}}, 8, EIGHT},
    {{32, 32, 0, PLANES, 1, {1}}, 8, EIGHT},
    {{65, 96, 0, PLANES, 2, {1, 1}}, 4, {5, 6, 7, -13}},
    {{31, 172, 32, PLANES, 2, {1, 2}}, 8, EIGHT},
    {{40, 172, 0, PLANES, 3, {1, 2, 4}}, 4, {1, 2, 3, -6}},
    {{64, 160, 64, PLANES, 3, {1, 2, 4}}, 8, EIGHT},
    {{96, 576, 32, PLANES, 4, {1, 2, 4, 8}}, 8, EIGHT},
    {{32, 576, 64, PLANES, 4, {1, 62, 7, 57}}, 4, {5, 6, 7, -13}},
    {{40, 160, 0, PLANES, 4, {1, 62, 7, 57}}, 8, EIGHT},
    {{33, 256, 0, GROUPED, 2, {0}}, 4, {5, 6, 7, -13}},
    {{32, 160, 0, GROUPED, 2, {0}}, 4, {1, 1, 1, -28}},
    {{32, 160, 0, PLANES, 2, {1, 2}}, 4, {10, 10, 10, -1}},
    {{32, 288, 160, PLANES, 1, {3}}, 4, {1, 2, 4, -8}},
    // Wide ones, of which two streams of weights are read; blocks may be odd.
    {{150, 2300, 64, GROUPED, 2, {0}}, 4, {2, 3, 7, -11}},
    {{65, 1188, 32, PLANES, 3, {1, 2, 4}}, 8, EIGHT},
    {{40, 2080, 0, GROUPED, 2, {0}}, 4, {1, 2, 4, -8}}, // a thread may have no block
    {{32, 32, 32, INT8, 0, {0}}, 0, {0}},
    {{45, 172, 192, INT8, 0, {0}}, 0, {0}},
    {{96, 576, 576, INT8, 0, {0}}, 0, {0}},
};
enum { CASES = sizeof cases / sizeof *cases };

// --- the module

static void print_function(FILE *out, int index) {
  const binq_linear_format *f = &cases[index].format;
  binq_layout layout;
  CHECK_STATUS_OK(binq_layout_of(f, &layout));
  long long rows = f->rows, columns = f->columns, padded = layout.padded_columns,
            int8 = f->int8_columns;
  fprintf(out,
          "func.func @linear_%d(%%x: tensor<?x%lldxf32>) -> tensor<?x%lldxf32> {\n"
          "  %%o = \"binq.param\"() {name = \"%d.order\"} : () -> tensor<%lldxi16>\n"
          "  %%l = \"binq.param\"() {name = \"%d.levels\"} : () -> tensor<64xi32>\n"
          "  %%w = \"binq.param\"() {name = \"%d\"} : () -> tensor<%lldxi8>\n",
          index, columns, rows, index, padded, index, index, (long long)layout.bytes);
  fprintf(
      out,
      "  %%a = \"binq.quantize_activations\"(%%x, %%o, %%l) {planes = %d : i64, columns = %lld : "
      "i64, int8_columns = %lld : i64} : (tensor<?x%lldxf32>, tensor<%lldxi16>, "
      "tensor<64xi32>) -> !binq.activations\n",
      cases[index].planes, columns, int8, columns, padded);
  fprintf(out,
          "  %%y = \"binq.linear\"(%%a, %%w) {form = \"%s\", rows = %lld : i64, columns = %lld : "
          "i64, int8_columns = %lld : i64, planes = %d : i64, activation_planes = %d : i64, "
          "plane_weights = array<i32",
          binq_form_name(f->form), rows, columns, int8, f->planes, cases[index].planes);
  for (int k = 0; f->form == PLANES && k < f->planes; k++)
    fprintf(out, "%s%d", k ? ", " : ": ", f->plane_weights[k]);
  fprintf(out,
          ">} : (!binq.activations, tensor<%lldxi8>) -> tensor<?x%lldxf32>\n"
          "  return %%y : tensor<?x%lldxf32>\n}\n",
          (long long)layout.bytes, rows, rows);
}

static const binq_linear_format tables[] = {
    {77, 172, 192, INT8, 0, {0}},          {77, 172, 32, PLANES, 3, {1, 2, 4}},
    {64, 288, 0, PLANES, 4, {1, 2, 4, 8}}, {40, 40, 32, PLANES, 1, {3}},
    {35, 576, 160, PLANES, 2, {5, 64}},
};
enum { TABLES = sizeof tables / sizeof *tables };

static void print_embedding(FILE *out, int index) {
  const binq_linear_format *f = &tables[index];
  bool has_order = f->form == PLANES;
  binq_layout layout;
  CHECK_STATUS_OK(binq_layout_of(f, &layout));
  long long columns = f->columns, bytes = layout.bytes, padded = layout.padded_columns;
  fprintf(out, "func.func @embedding_%d(%%t: tensor<?xi32>) -> tensor<?x%lldxf32> {\n", index,
          columns);
  if (has_order)
    fprintf(out, "  %%o = \"binq.param\"() {name = \"table_%d.order\"} : () -> tensor<%lldxi16>\n",
            index, padded);
  fprintf(out,
          "  %%w = \"binq.param\"() {name = \"table_%d\"} : () -> tensor<%lldxi8>\n"
          "  %%y = \"binq.embedding\"(%%t, %%w%s) {format = {form = \"%s\", rows = %lld : i64, "
          "columns = %lld : i64, int8_columns = %lld : i64, planes = %d : i64, plane_weights = "
          "array<i32",
          index, bytes, has_order ? ", %o" : "", binq_form_name(f->form), (long long)f->rows,
          columns, (long long)f->int8_columns, f->planes);
  for (int k = 0; k < f->planes; k++)
    fprintf(out, "%s%d", k ? ", " : ": ", f->plane_weights[k]);
  fprintf(out, ">}} : (tensor<?xi32>, tensor<%lldxi8>", bytes);
  if (has_order)
    fprintf(out, ", tensor<%lldxi16>", padded);
  fprintf(out, ") -> tensor<?x%lldxf32>\n  return %%y : tensor<?x%lldxf32>\n}\n", columns, columns);
}

// --- a linear

/// Everything that one case needs.
typedef struct {
  const linear_case *of;
  unsigned parts; ///< of activations
  binq_layout layout;
  binq_activation_layout bytes;
  binq_quantized_linear weights;
  binq_level_table levels;
  uint16_t *order;
  uint8_t *parameters; ///< order, levels, packed weights
} prepared;

static void *allocate(int64_t count, size_t size) {
  void *memory;
  CHECK_STATUS_OK(binq_allocate((size_t)count + 1, size, "a test", &memory));
  if (!memory)
    abort();
  return memory;
}

static const unsigned parts_of[] = {
    [BINQ_LOWERING_AUTO] = BINQ_PART_LEVELS | BINQ_PART_TABLES,
    [BINQ_LOWERING_POPCOUNT] = BINQ_PART_PLANES,
    [BINQ_LOWERING_LUT] = BINQ_PART_LEVELS | BINQ_PART_TABLES,
    [BINQ_LOWERING_DOT] = BINQ_PART_LEVELS,
};

static prepared prepare(samples *s, const linear_case *of, binq_lowering lowering) {
  prepared p = {.of = of, .parts = parts_of[lowering]};
  CHECK_STATUS_OK(binq_layout_of(&of->format, &p.layout));
  binq_activation_layout_of(&p.layout, of->planes, parts_of[lowering], &p.bytes);
  CHECK_STATUS_OK(binq_quantized_linear_create(&of->format, &p.weights));
  samples_linear(s, &p.weights);
  if (of->planes)
    CHECK_STATUS_OK(binq_level_table_of(of->plane_scales, of->planes, &p.levels));
  int64_t order_bytes = binq_round_up(2 * p.layout.padded_columns, 64);
  p.parameters = allocate(order_bytes + 256 + p.layout.bytes, 1);
  p.order = (uint16_t *)p.parameters;
  samples_order(s, of->format.columns, p.order);
  memcpy(p.parameters + order_bytes, &p.levels, 256);
  binq_pack(&p.weights, p.parameters + order_bytes + 256);
  return p;
}

static reference_activations allocate_reference(int64_t columns) {
  return (reference_activations){allocate(columns, 4), allocate(columns, 4), allocate(columns, 4),
                                 allocate(columns, 1), allocate(columns, 4), allocate(columns, 1)};
}

static void free_reference(const reference_activations *r) {
  free(r->levels);
  free(r->scales);
  free(r->sums);
  free(r->int8_codes);
  free(r->int8_scales);
  free(r->codes);
}

/// Compares the activations of a token with what the kernels left in the workspace.
static void check_activations(const prepared *p, const reference_activations *expected,
                              const uint8_t *actual) {
  for (int64_t j = 0; j < p->layout.plane_columns && p->parts & BINQ_PART_LEVELS; j++)
    CHECK_EQ_INT(actual[p->bytes.levels_offset + j] + (int)p->levels.lowest, expected->levels[j]);
  for (int64_t j = 0; j < p->layout.plane_columns && p->parts & BINQ_PART_PLANES; j++) {
    int code = 0;
    for (int k = 0; k < p->of->planes; k++) {
      const uint8_t *plane = actual + (j / 128 * p->of->planes + k) * 16;
      code |= (plane[j % 128 / 8] >> j % 8 & 1) << k;
    }
    CHECK_EQ_INT(code, expected->codes[j]);
  }
  const float *scales = (const float *)(actual + p->bytes.scales_offset);
  samples_equal("scales", expected->scales, scales, p->layout.groups);
  CHECK(memcmp(expected->sums, actual + p->bytes.sums_offset, (size_t)p->layout.groups * 4) == 0);
  CHECK(memcmp(expected->int8_codes, actual + p->bytes.int8_codes_offset,
               (size_t)p->of->format.int8_columns) == 0);
  const float *int8_scales = (const float *)(actual + p->bytes.int8_scales_offset);
  samples_equal("INT8 scales", expected->int8_scales, int8_scales, p->layout.int8_groups);
}

static void check_linear(const lowered *module, const char *name, const prepared *p, samples *s,
                         int64_t tokens, int64_t threads) {
  int64_t columns = p->of->format.columns, stride = p->layout.padded_columns;
  float *x = allocate(tokens * stride, 4), *y = allocate(tokens * p->layout.padded_rows, 4);
  float *expected = allocate(p->layout.padded_rows, 4);
  samples_rows(s, tokens, columns, x);
  memset(y, 0xA5, (size_t)(tokens * p->layout.padded_rows) * 4);
  lowered_environment environment = {
      .weights = p->parameters, .count = tokens, .sequences = 1, .threads = threads};
  lowered_memref arguments[] = {lowered_memref_of(x, tokens * stride),
                                lowered_memref_of(y, tokens * p->layout.padded_rows)};
  uint8_t *workspace = lowered_call(module, name, &environment, 2, arguments);
  reference_activations reference = allocate_reference(stride);
  for (int64_t token = 0; token < tokens; token++) {
    reference_quantize(x + token * stride, columns, p->order, &p->levels, &p->layout, &reference);
    check_activations(p, &reference, workspace + token * p->bytes.token_bytes);
    reference_linear(&p->weights, &p->layout, &reference, expected);
    if (!samples_equal(name, expected, y + token * p->layout.padded_rows, p->layout.padded_rows))
      break;
  }
  free_reference(&reference);
  free(workspace);
  free(expected);
  free(y);
  free(x);
}

static void check_case(const lowered *module, int index, binq_lowering lowering, samples *s) {
  static const int64_t tokens[] = {1, 2, 5, 33, 131};
  char name[32];
  snprintf(name, sizeof name, "linear_%d", index);
  prepared p = prepare(s, &cases[index], lowering);
  for (int i = 0; i < 5; i++)
    check_linear(module, name, &p, s, tokens[i], 1 + (index + i) % 3);
  binq_quantized_linear_free(&p.weights);
  free(p.parameters);
}

// --- the embedding

static void check_embedding(const lowered *module, int index, samples *s) {
  enum { TOKENS = 5 };
  const binq_linear_format *format = &tables[index];
  binq_layout layout;
  binq_quantized_linear table;
  CHECK_STATUS_OK(binq_layout_of(format, &layout));
  CHECK_STATUS_OK(binq_quantized_linear_create(format, &table));
  samples_linear(s, &table);
  int64_t stride = layout.padded_columns;
  int64_t order_bytes = format->form == PLANES ? binq_round_up(2 * stride, 64) : 0;
  uint8_t *parameters = allocate(order_bytes + layout.bytes, 1);
  uint16_t *order = order_bytes ? (uint16_t *)parameters : NULL;
  if (order)
    samples_order(s, format->columns, order);
  binq_pack(&table, parameters + order_bytes);
  int32_t tokens[TOKENS] = {0, (int32_t)format->rows - 1, 31, 32, 33};
  float *y = allocate(TOKENS * stride, 4), *expected = allocate(stride, 4);
  memset(y, 0xA5, (size_t)(TOKENS * stride) * 4);
  lowered_environment environment = {
      .weights = parameters, .count = TOKENS, .sequences = 1, .threads = 2};
  lowered_memref arguments[] = {lowered_memref_of(tokens, TOKENS),
                                lowered_memref_of(y, TOKENS * stride)};
  char name[32];
  snprintf(name, sizeof name, "embedding_%d", index);
  free(lowered_call(module, name, &environment, 2, arguments));
  for (int token = 0; token < TOKENS; token++) {
    reference_embedding(&table, &layout, order, tokens[token], expected);
    samples_equal(name, expected, y + token * stride, stride);
  }
  free(expected);
  free(y);
  free(parameters);
  binq_quantized_linear_free(&table);
}

static void check_lowering(const char *text, const char *isa, binq_lowering lowering, samples *s) {
  lowered *module = lowered_create(text, isa, lowering);
  for (int i = 0; i < CASES; i++)
    check_case(module, i, lowering, s);
  for (int i = 0; i < TABLES; i++)
    check_embedding(module, i, s);
  lowered_destroy(module);
}

int main(void) {
  char *text;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  REQUIRE(out);
  for (int i = 0; i < CASES; i++)
    print_function(out, i);
  for (int i = 0; i < TABLES; i++)
    print_embedding(out, i);
  REQUIRE(fclose(out) == 0);
  samples s = {1};
  check_lowering(text, BINQ_JIT_ISA, BINQ_LOWERING_LUT, &s);
  check_lowering(text, BINQ_JIT_ISA, BINQ_LOWERING_DOT, &s);
  for (size_t i = 0; i < BINQ_ISA_COUNT; i++) {
    const binq_isa *isa = &binq_isas[i];
    if (!lowered_runs(isa))
      continue;
    check_lowering(text, isa->name, BINQ_LOWERING_AUTO, &s); // tables and products, by tokens
    check_lowering(text, isa->name, BINQ_LOWERING_POPCOUNT, &s);
  }
  free(text);
  return check_result();
}

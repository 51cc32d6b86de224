#include "Ours.h"
#include "Reference.h"
#include "binq/Calibrate/Jit.h"
#include "binq/Conversion/Conversion.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Driver/Pipeline.h"
#include "binq/Support/Memory.h"
#include "runtime/Isa.h"
#include "runtime/Model.h"
#include "runtime/Pool.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKSPACE, WEIGHTS, CACHE, ROPE, X, Y, MEMREFS };
enum { BASE, COUNT, SEQUENCES, CAPACITY, NUMBERS };
enum { MAX_ARGUMENTS = MEMREFS + NUMBERS + 3 };

typedef struct {
  const bench_weights *weights;
  binq_jit *jit;
  void (*function)(void **arguments);
  binq_pool *pool;
  int64_t token_workspace; ///< bytes
  int64_t tokens;
  binq_memref memrefs[MEMREFS];
} linear;

typedef struct {
  linear *l;
  int64_t first, calls, copies;
} run_of;

// --- compiling

/// A function with nothing but the linear in it.
static binq_status write_module(const bench_weights *w, char **out) {
  size_t size;
  FILE *text = open_memstream(out, &size);
  if (!text)
    return binq_errorf("out of memory");
  const binq_linear_format *f = &w->format;
  long long rows = f->rows, columns = f->columns, int8 = f->int8_columns;
  long long padded = w->layout.padded_columns, bytes = w->layout.bytes;
  (void)fprintf(text,
                "func.func @linear(%%x: tensor<?x%lldxf32>) -> tensor<?x%lldxf32> {\n"
                "  %%o = \"binq.param\"() {name = \"order\"} : () -> tensor<%lldxi16>\n"
                "  %%l = \"binq.param\"() {name = \"levels\"} : () -> tensor<64xi32>\n"
                "  %%w = \"binq.param\"() {name = \"weights\"} : () -> tensor<%lldxi8>\n",
                columns, rows, padded, bytes);
  (void)fprintf(
      text,
      "  %%a = \"binq.quantize_activations\"(%%x, %%o, %%l) {planes = %d : i64, columns = %lld : "
      "i64, "
      "int8_columns = %lld : i64} : (tensor<?x%lldxf32>, tensor<%lldxi16>, tensor<64xi32>) -> "
      "!binq.activations\n",
      w->activation_planes, columns, int8, columns, padded);
  (void)fprintf(
      text,
      "  %%y = \"binq.linear\"(%%a, %%w) {form = \"%s\", rows = %lld : i64, columns = %lld : i64, "
      "int8_columns = %lld : i64, planes = %d : i64, activation_planes = %d : i64, plane_weights = "
      "array<i32",
      binq_form_name(f->form), rows, columns, int8, f->planes, w->activation_planes);
  for (int k = 0; f->form == BINQ_FORM_PLANES && k < f->planes; k++)
    (void)fprintf(text, "%s%d", k ? ", " : ": ", f->plane_weights[k]);
  (void)fprintf(text,
                ">} : (!binq.activations, tensor<%lldxi8>) -> tensor<?x%lldxf32>\n"
                "  return %%y : tensor<?x%lldxf32>\n}\n",
                bytes, rows, rows);
  return fclose(text) == 0 ? BINQ_OK : binq_errorf("out of memory");
}

const char *bench_ours_isa(void) {
  const char *best = binq_isas[0].name;
  binq_cpu cpu = binq_cpu_read();
  for (size_t i = 0; i < BINQ_ISA_COUNT; i++)
    if (strcmp(binq_isas[i].target, "x86_64-linux-gnu") == 0 &&
        binq_cpu_has(&cpu, &binq_isas[i].needs))
      best = binq_isas[i].name;
  return best;
}

static binq_status add_lowering(binq_pipeline *pipeline, const char *options) {
  BINQ_TRY(binq_pipeline_add(pipeline, "binq-lower", *options ? options : NULL));
  return strstr(options, "isa=") ? BINQ_OK : binq_pipeline_set(pipeline, "isa", bench_ours_isa());
}

static binq_status lower(MlirContext context, const char *options, MlirModule module) {
  binq_pool *pool;
  if (binq_pool_create(1, &pool) != 0)
    return binq_errorf("out of memory");
  const binq_pass_environment environment = {.pool = pool};
  binq_pipeline *pipeline = NULL;
  binq_status status = binq_pipeline_create(context, &pipeline);
  if (!status)
    status = add_lowering(pipeline, options);
  if (!status)
    status = binq_pipeline_add(pipeline, "binq-to-llvm", NULL);
  if (!status)
    status = binq_pipeline_run(pipeline, module, &environment, false);
  binq_pipeline_destroy(pipeline);
  binq_pool_destroy(pool);
  return status;
}

static binq_status compile(linear *l, MlirContext context, const char *options, MlirModule module) {
  BINQ_TRY(lower(context, options, module));
  BINQ_TRY(binq_get_integer(mlirModuleGetOperation(module), BINQ_ATTR_WORKSPACE_PER_TOKEN,
                            &l->token_workspace));
  const binq_jit_symbol barrier = {"_mlir_ciface_binq_barrier", (void *)binq_pool_barrier};
  BINQ_TRY(binq_jit_create(module, &barrier, 1, &l->jit));
  return binq_jit_find(l->jit, "linear", &l->function);
}

static binq_status create(linear *l, MlirContext context, const char *options) {
  char *text = NULL;
  binq_status status = write_module(l->weights, &text);
  if (!status) {
    MlirModule module = mlirModuleCreateParse(context, binq_str(text));
    status = mlirModuleIsNull(module) ? binq_errorf("the linear does not parse")
                                      : compile(l, context, options, module);
    mlirModuleDestroy(module);
  }
  free(text);
  return status;
}

// --- running

static binq_memref memref_of(const void *data, int64_t size) {
  return (binq_memref){(void *)data, (void *)data, 0, size, 1};
}

static void free_memory(linear *l) {
  free(l->memrefs[WORKSPACE].aligned);
  free(l->memrefs[Y].aligned);
}

static void destroy(void *state) {
  linear *l = state;
  free_memory(l);
  binq_jit_destroy(l->jit);
  free(l);
}

static int64_t prepare(void *state, const bench_setting *setting) {
  linear *l = state;
  int64_t x = setting->tokens * l->weights->format.columns,
          workspace = setting->tokens * l->token_workspace;
  int64_t y = setting->tokens * l->weights->format.rows;
  void *workspace_memory = NULL, *outputs = NULL;
  free_memory(l);
  if (binq_allocate((size_t)workspace, 1, "the workspace", &workspace_memory) ||
      binq_allocate((size_t)y, sizeof(float), "outputs", &outputs))
    abort();
  l->memrefs[WORKSPACE] = memref_of(workspace_memory, workspace);
  l->memrefs[WEIGHTS] = memref_of(l->weights->memory, l->weights->copies * l->weights->stride);
  l->memrefs[X] = memref_of(setting->x, x);
  l->memrefs[Y] = memref_of(outputs, y);
  l->pool = setting->pool;
  l->tokens = setting->tokens;
  return 1;
}

/// Compiled code takes an array with the address of every argument; a memref is passed by the
/// address of its descriptor. Every call ends at a barrier, as it does in a model.
static void run_thread(void *argument, int64_t thread, int64_t threads) {
  const run_of *r = argument;
  int64_t numbers[NUMBERS] = {0, r->l->tokens, 1, 0};
  binq_memref *descriptors[MEMREFS];
  void *arguments[MAX_ARGUMENTS];
  int used = 0;
  for (int i = 0; i < MEMREFS; i++) {
    if (i == X) {
      for (int n = 0; n < NUMBERS; n++)
        arguments[used++] = &numbers[n];
      arguments[used++] = (void *)&r->l->pool;
      arguments[used++] = &thread;
      arguments[used++] = &threads;
    }
    descriptors[i] = &r->l->memrefs[i];
    arguments[used++] = (void *)&descriptors[i];
  }
  for (int64_t i = 0; i < r->calls; i++) {
    numbers[BASE] = (r->first + i) % r->copies * r->l->weights->stride;
    r->l->function(arguments);
  }
}

static void run(void *state, int64_t first, int64_t calls, int64_t copies) {
  linear *l = state;
  run_of r = {l, first, calls, copies};
  binq_pool_run(l->pool, run_thread, &r);
}

static const float *output(void *state) {
  const linear *l = state;
  return l->memrefs[Y].aligned;
}

binq_status bench_ours_create(MlirContext context, const char *format, const char *options,
                              const bench_weights *weights, bench_contestant *out) {
  linear *l;
  BINQ_TRY(binq_allocate(1, sizeof *l, "a linear", &l));
  l->weights = weights;
  binq_status status = create(l, context, options);
  if (status) {
    destroy(l);
    return binq_annotate(status, "%s %s", format, options);
  }
  *out = (bench_contestant){.bytes = weights->layout.bytes,
                            .copies = weights->copies,
                            .state = l,
                            .prepare = prepare,
                            .run = run,
                            .output = output,
                            .destroy = destroy};
  (void)snprintf(out->name, sizeof out->name, "%s%s%s", format, *options ? " " : "", options);
  return BINQ_OK;
}

// --- checking

/// What the reference gives for one token; both are freed by the caller.
static void compute_reference(const bench_weights *w, const float *x, char *memory, float *y) {
  int64_t columns = w->layout.padded_columns;
  reference_activations a = {.levels = (int32_t *)memory,
                             .scales = (float *)(memory + 4 * columns)};
  a.sums = (int32_t *)(memory + 8 * columns);
  a.int8_scales = (float *)(memory + 12 * columns);
  a.int8_codes = (int8_t *)(memory + 16 * columns);
  a.codes = (uint8_t *)(memory + 17 * columns);
  reference_quantize(x, w->format.columns, w->order, &w->levels, &w->layout, &a);
  reference_linear(&w->linear, &w->layout, &a, y);
}

static uint32_t bits_of(float v) {
  uint32_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits;
}

static binq_status compare(const char *name, const float *expected, const float *actual,
                           int64_t rows) {
  for (int64_t i = 0; i < rows; i++)
    if (bits_of(expected[i]) != bits_of(actual[i]))
      return binq_errorf("%s: output %lld is %a, not %a", name, (long long)i, (double)actual[i],
                         (double)expected[i]);
  return BINQ_OK;
}

binq_status bench_ours_check(const bench_contestant *contestant, const bench_setting *setting) {
  const bench_weights *w = ((linear *)contestant->state)->weights;
  int64_t rows = w->format.rows, last = setting->tokens - 1;
  char *memory = NULL;
  float *expected = NULL;
  (void)contestant->prepare(contestant->state, setting);
  contestant->run(contestant->state, w->copies - 1, 1, w->copies);
  binq_status status =
      binq_allocate((size_t)w->layout.padded_columns, 18, "the reference", &memory);
  if (!status)
    status =
        binq_allocate((size_t)w->layout.padded_rows, sizeof(float), "the reference", &expected);
  if (!status) {
    compute_reference(w, setting->x + last * w->format.columns, memory, expected);
    status = compare(contestant->name, expected, output(contestant->state) + last * rows, rows);
  }
  free(memory);
  free(expected);
  return status;
}

// Norms, the gated activation and sums, as lowered and compiled, against the plain reference: the
// same bits for odd shapes and threads.
#include "Check.h"
#include "Lowered.h"
#include "Reference.h"
#include "Samples.h"
#include "binq/Calibrate/Jit.h"
#include "binq/Support/Memory.h"
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

/// The polynomial is close to e^x, and its ends are finite.
static void check_exp(void) {
  for (int i = -860; i < 870; i++) {
    float x = (float)i / 10;
    CHECK(fabs((double)reference_exp(x) / exp((double)x) - 1) < 3e-7);
  }
  CHECK(reference_exp(-INFINITY) > 0 && reference_exp(-INFINITY) < 1e-37f);
  CHECK(isfinite(reference_exp(INFINITY)));
}

static void check_rows(samples *s) {
  char *text;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  REQUIRE(out);
  for (int i = 0; i < WIDTHS; i++)
    print_rows(out, widths[i]);
  REQUIRE(fclose(out) == 0);
  lowered *module = lowered_create(text, BINQ_JIT_ISA, BINQ_LOWERING_AUTO);
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
  check_exp();
  return check_result();
}

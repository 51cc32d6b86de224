#include "Peers.h"
#include "Memory.h"
#include "binq/Support/Memory.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static binq_status open_library(const char *path, void **out) {
  // What it refers to lies beside the file itself, not beside links to it.
  char *real = realpath(path, NULL);
  if (!real)
    return binq_errorf("%s cannot be found", path);
  *out = dlopen(real, RTLD_NOW | RTLD_LOCAL);
  free(real);
  return *out ? BINQ_OK
              : binq_errorf("%s", dlerror()); // NOLINT(concurrency-mt-unsafe): one thread runs
}

binq_status bench_peer_open(const char *path, const bench_peer_interface **out) {
  void *library;
  BINQ_TRY(open_library(path, &library));
  *out = dlsym(library, "bench_peer");
  return *out ? BINQ_OK : binq_errorf("%s is no peer", path);
}

// --- OpenBLAS

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };

/// As numpy has it: with 64-bit integers, and names that say so.
typedef struct {
  void (*set_threads)(int threads);
  void (*gemv)(int order, int transposed, int64_t rows, int64_t columns, float alpha,
               const float *a, int64_t a_stride, const float *x, int64_t x_step, float beta,
               float *y, int64_t y_step);
  void (*gemm)(int order, int a_transposed, int b_transposed, int64_t rows, int64_t columns,
               int64_t sums, float alpha, const float *a, int64_t a_stride, const float *b,
               int64_t b_stride, float beta, float *c, int64_t c_stride);
} functions;

typedef struct {
  functions blas;
  bench_shape shape;
  float *weights, *y;
  int64_t bytes; ///< of all copies
  int64_t tokens;
  const float *x;
} linear;

static binq_status find_functions(const char *path, functions *out) {
  void *library;
  BINQ_TRY(open_library(path, &library));
  *(void **)&out->set_threads = dlsym(library, "scipy_openblas_set_num_threads64_");
  *(void **)&out->gemv = dlsym(library, "scipy_cblas_sgemv64_");
  *(void **)&out->gemm = dlsym(library, "scipy_cblas_sgemm64_");
  if (!out->set_threads || !out->gemv || !out->gemm)
    return binq_errorf("%s is not numpy's OpenBLAS", path);
  return BINQ_OK;
}

static void destroy(void *state) {
  linear *l = state;
  bench_unmap(l->weights, l->bytes);
  free(l->y);
  free(l);
}

static int64_t prepare(void *state, const bench_setting *setting) {
  linear *l = state;
  free(l->y);
  if (binq_allocate((size_t)(setting->tokens * l->shape.rows), sizeof(float), "outputs", &l->y))
    abort();
  l->x = setting->x;
  l->tokens = setting->tokens;
  l->blas.set_threads(setting->threads);
  return 1;
}

static void run(void *state, int64_t first, int64_t calls, int64_t copies) {
  const linear *l = state;
  int64_t rows = l->shape.rows, columns = l->shape.columns;
  for (int64_t i = 0; i < calls; i++) {
    const float *weights = l->weights + (first + i) % copies * rows * columns;
    if (l->tokens == 1)
      l->blas.gemv(ROW_MAJOR, PLAIN, rows, columns, 1, weights, columns, l->x, 1, 0, l->y, 1);
    else
      l->blas.gemm(ROW_MAJOR, PLAIN, TRANSPOSED, l->tokens, rows, columns, 1, l->x, columns,
                   weights, columns, 0, l->y, rows);
  }
}

static const float *output(void *state) {
  return ((const linear *)state)->y;
}

static binq_status place_weights(linear *l, const bench_problem *problem) {
  int64_t part = BENCH_DISTINCT_ROWS * l->shape.columns;
  BINQ_TRY(bench_map(l->bytes, (void **)&l->weights));
  for (int64_t i = 0; i < l->bytes / (int64_t)sizeof(float); i += part)
    memcpy(l->weights + i, problem->values, (size_t)part * sizeof(float));
  return BINQ_OK;
}

binq_status bench_openblas_create(const char *path, const bench_problem *problem,
                                  bench_contestant *out) {
  linear *l;
  BINQ_TRY(binq_allocate(1, sizeof *l, "a linear", &l));
  l->shape = problem->shape;
  int64_t bytes = l->shape.rows * l->shape.columns * (int64_t)sizeof(float);
  int64_t copies = (problem->least_bytes + bytes - 1) / bytes;
  l->bytes = copies * bytes;
  binq_status status = find_functions(path, &l->blas);
  if (!status)
    status = place_weights(l, problem);
  if (status) {
    destroy(l);
    return status;
  }
  *out = (bench_contestant){.name = "f32 OpenBLAS",
                            .bytes = bytes,
                            .copies = copies,
                            .state = l,
                            .prepare = prepare,
                            .run = run,
                            .output = output,
                            .destroy = destroy};
  return BINQ_OK;
}

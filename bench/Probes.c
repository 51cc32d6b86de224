#include "Probes.h"
#include "Memory.h"
#include "binq/Support/Memory.h"
#include "runtime/Pool.h"
#include <immintrin.h>
#include <stdlib.h>
#include <string.h>

/// Streams of a thread: several keep more lines on their way than one.
enum { STREAMS = 8, LINE = 64 };
/// Products that do not wait for one another, and how often each is made in a call.
enum { CHAINS = 12, STEPS = 100000, BYTES_A_VECTOR = 32 };

typedef struct {
  uint8_t *memory;
  int64_t bytes, calls;
  binq_pool *pool;
  _Atomic int64_t sink; ///< so that nothing is left out
} probe;

static int64_t prepare(void *state, const bench_setting *setting) {
  ((probe *)state)->pool = setting->pool;
  return 1;
}

static void destroy(void *state) {
  probe *p = state;
  bench_unmap(p->memory, p->bytes);
  free(p);
}

static __m256i load(const uint8_t *at) {
  return _mm256_load_si256((const __m256i *)at);
}

static int64_t first_word(__m256i v) {
  return _mm256_extract_epi64(v, 0);
}

static void read_part(void *state, int64_t thread, int64_t threads) {
  probe *p = state;
  int64_t stream = p->bytes / threads / STREAMS / LINE * LINE;
  const uint8_t *part = p->memory + thread * STREAMS * stream;
  __m256i sums[STREAMS] = {0};
  for (int64_t call = 0; call < p->calls; call++)
    for (int64_t i = 0; i < stream; i += LINE)
      for (int k = 0; k < STREAMS; k++) {
        const uint8_t *at = part + k * stream + i;
        sums[k] = _mm256_add_epi64(sums[k], _mm256_xor_si256(load(at), load(at + LINE / 2)));
      }
  for (int k = 0; k < STREAMS; k++)
    p->sink += first_word(sums[k]);
}

static void multiply_part(void *state, int64_t thread, int64_t threads) {
  probe *p = state;
  __m256i values[CHAINS], factor = _mm256_set1_epi8((char)(3 + thread));
  for (int k = 0; k < CHAINS; k++)
    values[k] = _mm256_set1_epi8((char)k);
  for (int64_t i = 0; i < p->calls * STEPS; i++)
    for (int k = 0; k < CHAINS; k++)
      values[k] = _mm256_maddubs_epi16(values[k], factor);
  for (int k = 0; k < CHAINS; k++)
    p->sink += first_word(values[k]);
}

static void read_all(void *state, int64_t first, int64_t calls, int64_t copies) {
  probe *p = state;
  p->calls = calls;
  binq_pool_run(p->pool, read_part, p);
}

static void multiply_all(void *state, int64_t first, int64_t calls, int64_t copies) {
  probe *p = state;
  p->calls = calls;
  binq_pool_run(p->pool, multiply_part, p);
}

int64_t bench_multiplies(int threads) {
  return (int64_t)threads * STEPS * CHAINS * BYTES_A_VECTOR;
}

static binq_status create(const char *name, bench_contestant *out) {
  probe *p;
  BINQ_TRY(binq_allocate(1, sizeof *p, "a probe", &p));
  *out = (bench_contestant){.copies = 1, .state = p, .prepare = prepare, .destroy = destroy};
  strcpy(out->name, name); // NOLINT(clang-analyzer-security.insecureAPI.strcpy): one of two below
  return BINQ_OK;
}

binq_status bench_read_probe(int64_t bytes, bench_contestant *out) {
  BINQ_TRY(create("read", out));
  out->run = read_all;
  out->bytes = bytes;
  probe *p = out->state;
  p->bytes = bytes;
  binq_status status = bench_map(bytes, (void **)&p->memory);
  if (status)
    destroy(p);
  else
    memset(p->memory, 1, (size_t)bytes); // pages that were never written are one page of zeros
  return status;
}

binq_status bench_multiply_probe(bench_contestant *out) {
  BINQ_TRY(create("multiply", out));
  out->run = multiply_all;
  return BINQ_OK;
}

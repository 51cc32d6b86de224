#include "runtime/Pool.h"
#include "Check.h"
#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include <xmmintrin.h>

enum { MAX_THREADS = 5, PHASES = 2000, RUNS = 500 };

/// What the threads of a run write without atomics: only the barriers keep them apart.
typedef struct {
  binq_pool *pool;
  int64_t slots[MAX_THREADS];
  int64_t runs[MAX_THREADS];
  atomic_int wrong;
} board;

/// Every thread writes its slot, then reads all the others': a barrier before and after the
/// reading.
static void meet(void *argument, int64_t thread, int64_t threads) {
  board *b = argument;
  for (int64_t phase = 1; phase <= PHASES; phase++) {
    b->slots[thread] = phase * 10 + thread;
    binq_pool_barrier(b->pool);
    for (int64_t i = 0; i < threads; i++)
      if (b->slots[i] != phase * 10 + i)
        atomic_fetch_add(&b->wrong, 1);
    binq_pool_barrier(b->pool);
  }
}

static void count(void *argument, int64_t thread, int64_t threads) {
  board *b = argument;
  if (threads != binq_pool_threads(b->pool))
    atomic_fetch_add(&b->wrong, 1);
  b->runs[thread]++;
}

/// What a thread computes with whatever the caller's mode: 2^-126 / 2 is a subnormal, and 1 + 2^-24
/// a tie.
static void check_mode(void *argument, int64_t thread, int64_t threads) {
  (void)thread;
  (void)threads;
  board *b = argument;
  volatile float least = 0x1p-126f, one = 1, tie = 0x1.8p-24f;
  if (least / 2 != 0x1p-127f || one + tie != 1 + 0x1p-23f || fegetround() != FE_TONEAREST)
    atomic_fetch_add(&b->wrong, 1);
  _mm_setcsr(_mm_getcsr() | 0x8040); // flush to zero: must not outlive the run
}

static void check_pool(int threads) {
  board b = {0};
  REQUIRE(binq_pool_create(threads, &b.pool) == 0);
  CHECK_EQ_INT(binq_pool_threads(b.pool), threads);
  binq_pool_run(b.pool, meet, &b);
  for (int i = 0; i < RUNS; i++)
    binq_pool_run(b.pool, count, &b);
  // Long enough for the workers to be asleep.
  for (int i = 0; i < 3; i++) {
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    binq_pool_run(b.pool, count, &b);
  }
  for (int i = 0; i < threads; i++)
    CHECK_EQ_INT(b.runs[i], RUNS + 3);

  unsigned mode = _mm_getcsr(),
           odd = (mode & ~0x3fu) | 0x8040 | 0x6000; // to zero, without subnormals
  _mm_setcsr(odd);
  binq_pool_run(b.pool, check_mode, &b);
  binq_pool_run(b.pool, check_mode, &b);
  CHECK_EQ_INT(_mm_getcsr(), odd);
  _mm_setcsr(mode);

  CHECK_EQ_INT(atomic_load(&b.wrong), 0);
  binq_pool_destroy(b.pool);
}

typedef struct {
  cpu_set_t allowed;
  atomic_int wrong;
} affinity;

/// Threads that had to move may run where they might before.
static void compare_affinity(void *argument, int64_t thread, int64_t threads) {
  (void)thread;
  (void)threads;
  affinity *a = argument;
  cpu_set_t now;
  if (pthread_getaffinity_np(pthread_self(), sizeof now, &now) || !CPU_EQUAL(&now, &a->allowed))
    atomic_fetch_add(&a->wrong, 1);
}

static void check_affinity(affinity *a) {
  binq_pool *pool;
  REQUIRE(binq_pool_create(MAX_THREADS, &pool) == 0);
  for (int i = 0; i < 5; i++) {
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    binq_pool_run(pool, compare_affinity, a);
  }
  CHECK_EQ_INT(atomic_load(&a->wrong), 0);
  binq_pool_destroy(pool);
}

/// On all CPUs, then on a single one, which all threads must share.
static void check_affinities(void) {
  affinity all = {.wrong = 0}, one = {.wrong = 0};
  REQUIRE(pthread_getaffinity_np(pthread_self(), sizeof all.allowed, &all.allowed) == 0);
  check_affinity(&all);
  CPU_ZERO(&one.allowed);
  CPU_SET(sched_getcpu(), &one.allowed);
  REQUIRE(pthread_setaffinity_np(pthread_self(), sizeof one.allowed, &one.allowed) == 0);
  check_affinity(&one);
  REQUIRE(pthread_setaffinity_np(pthread_self(), sizeof all.allowed, &all.allowed) == 0);
}

/// Threads that differ in how long they take, so that some sleep at the barrier.
static void straggle(void *argument, int64_t thread, int64_t threads) {
  board *b = argument;
  for (int64_t phase = 0; phase < 3 * threads; phase++) {
    if (phase % threads == thread)
      nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    b->slots[thread]++;
    binq_pool_barrier(b->pool);
    for (int64_t i = 0; i < threads; i++)
      if (b->slots[i] != phase + 1)
        atomic_fetch_add(&b->wrong, 1);
    binq_pool_barrier(b->pool);
  }
}

int main(void) {
  static const int counts[] = {1, 2, 3, 5};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
    check_pool(counts[i]);
    board b = {0};
    REQUIRE(binq_pool_create(counts[i], &b.pool) == 0);
    binq_pool_run(b.pool, straggle, &b);
    CHECK_EQ_INT(atomic_load(&b.wrong), 0);
    binq_pool_destroy(b.pool);
  }
  check_affinities();
  binq_pool *none;
  CHECK_EQ_INT(binq_pool_create(0, &none), EINVAL);
  CHECK_EQ_INT(binq_pool_create(-1, &none), EINVAL);
  CHECK(none == NULL);
  binq_pool_destroy(NULL);
  return check_result();
}

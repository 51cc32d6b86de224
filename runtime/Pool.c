#include "runtime/Pool.h"
#include "runtime/FloatMode.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

// How long a thread waits awake. Kernels take microseconds, so most waits end while spinning;
// yielding lets the others on when there are more threads than cores; what takes longer is slept
// through.
enum { SPINS = 100, YIELDS = 200 };

enum { CACHE_LINE = 64 };

typedef struct {
  binq_pool *pool;
  pthread_t handle;
  int64_t thread;
  atomic_int cpu; ///< that the last run began on
} worker;

struct binq_pool {
  int threads;
  bool stop; ///< published by `run`
  void (*work)(void *argument, int64_t thread, int64_t threads);
  void *argument;
  int cpu; ///< that the caller begins the run on

  alignas(CACHE_LINE) atomic_uint run;     ///< counts runs; workers wait for it to change
  alignas(CACHE_LINE) atomic_uint arrived; ///< threads at the barrier
  alignas(CACHE_LINE) atomic_uint phase; ///< counts barriers passed; those at it wait for a change

  alignas(CACHE_LINE) atomic_int sleepers;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  worker workers[];
};

static void pause_briefly(void) {
#ifdef __x86_64__
  __builtin_ia32_pause();
#else
  __asm__ volatile("yield");
#endif
}

static void wait_for_change(binq_pool *pool, atomic_uint *word, unsigned old) {
  for (int i = 0; i < SPINS; i++) {
    if (atomic_load_explicit(word, memory_order_acquire) != old)
      return;
    pause_briefly();
  }
  for (int i = 0; i < YIELDS; i++) {
    if (atomic_load_explicit(word, memory_order_acquire) != old)
      return;
    sched_yield();
  }
  pthread_mutex_lock(&pool->mutex);
  atomic_fetch_add(&pool->sleepers, 1);
  while (atomic_load(word) == old)
    pthread_cond_wait(&pool->changed, &pool->mutex);
  atomic_fetch_sub(&pool->sleepers, 1);
  pthread_mutex_unlock(&pool->mutex);
}

// Either this sees the sleeper's count or the sleeper, counting itself first, sees the new word:
// both sides use sequentially consistent accesses.
static void change(binq_pool *pool, atomic_uint *word) {
  atomic_fetch_add(word, 1);
  if (atomic_load(&pool->sleepers) == 0)
    return;
  pthread_mutex_lock(&pool->mutex);
  pthread_cond_broadcast(&pool->changed);
  pthread_mutex_unlock(&pool->mutex);
}

static void run_work(binq_pool *pool, int64_t thread) {
  uint64_t mode = binq_float_mode_enter(); // the same bits whatever the caller has set
  pool->work(pool->argument, thread, pool->threads);
  binq_float_mode_leave(mode);
}

// The CPUs of the caller and of the workers before this one.
static void find_taken(const worker *self, cpu_set_t *taken) {
  const binq_pool *pool = self->pool;
  CPU_ZERO(taken);
  CPU_SET(pool->cpu, taken);
  for (int64_t i = 0; i + 1 < self->thread; i++)
    CPU_SET(atomic_load_explicit(&pool->workers[i].cpu, memory_order_relaxed), taken);
}

// A thread that wakes up may be put on the CPU of the one that woke it, and then both take turns at
// every barrier for many milliseconds, though other CPUs are idle. The worker goes to another one;
// after that it may run anywhere again.
static void leave_taken_cpu(worker *self) {
  cpu_set_t taken, allowed, others;
  int cpu = sched_getcpu();
  atomic_store_explicit(&self->cpu, cpu, memory_order_relaxed);
  find_taken(self, &taken);
  if (!CPU_ISSET(cpu, &taken) || sched_getaffinity(0, sizeof allowed, &allowed))
    return;
  CPU_OR(&others, &allowed, &taken);
  CPU_XOR(&others, &others, &taken);
  if (sched_setaffinity(0, sizeof others, &others)) // refused if that is none
    return;
  sched_setaffinity(0, sizeof allowed, &allowed);
  atomic_store_explicit(&self->cpu, sched_getcpu(), memory_order_relaxed);
}

static void *worker_main(void *argument) {
  worker *self = argument;
  binq_pool *pool = self->pool;
  for (unsigned run = 0;; run++) {
    wait_for_change(pool, &pool->run, run);
    if (pool->stop)
      return NULL;
    leave_taken_cpu(self);
    run_work(pool, self->thread);
    binq_pool_barrier(pool);
  }
}

// Joins the first `count` workers and frees the pool.
static void stop_workers(binq_pool *pool, int count) {
  pool->stop = true;
  change(pool, &pool->run);
  for (int i = 0; i < count; i++)
    pthread_join(pool->workers[i].handle, NULL);
  pthread_cond_destroy(&pool->changed);
  pthread_mutex_destroy(&pool->mutex);
  free(pool);
}

// Workers take no signals: they are for the program's own threads.
static int start_worker(worker *self) {
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int error = pthread_create(&self->handle, NULL, worker_main, self);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return error;
}

int binq_pool_create(int threads, binq_pool **out) {
  *out = NULL;
  if (threads < 1)
    return EINVAL;
  size_t size = sizeof(binq_pool) + ((size_t)threads - 1) * sizeof(worker);
  binq_pool *pool = aligned_alloc(CACHE_LINE, (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);
  if (!pool)
    return ENOMEM;
  pool->threads = threads;
  pool->stop = false;
  pool->work = NULL;
  pool->argument = NULL;
  pool->cpu = -1;
  atomic_init(&pool->run, 0);
  atomic_init(&pool->arrived, 0);
  atomic_init(&pool->phase, 0);
  atomic_init(&pool->sleepers, 0);
  pthread_mutex_init(&pool->mutex, NULL); // cannot fail with default attributes on Linux
  pthread_cond_init(&pool->changed, NULL);
  for (int i = 0; i < threads - 1; i++) {
    pool->workers[i].pool = pool;
    pool->workers[i].thread = i + 1;
    atomic_init(&pool->workers[i].cpu, -1);
    int error = start_worker(&pool->workers[i]);
    if (error) {
      stop_workers(pool, i);
      return error;
    }
  }
  *out = pool;
  return 0;
}

void binq_pool_destroy(binq_pool *pool) {
  if (pool)
    stop_workers(pool, pool->threads - 1);
}

int binq_pool_threads(const binq_pool *pool) {
  return pool->threads;
}

void binq_pool_run(binq_pool *pool, void (*work)(void *, int64_t, int64_t), void *argument) {
  pool->work = work;
  pool->argument = argument;
  pool->cpu = sched_getcpu();
  if (pool->threads > 1)
    change(pool, &pool->run);
  run_work(pool, 0);
  binq_pool_barrier(pool);
}

void binq_pool_barrier(binq_pool *pool) {
  unsigned threads = (unsigned)pool->threads;
  if (threads == 1)
    return;
  unsigned phase = atomic_load_explicit(&pool->phase, memory_order_relaxed);
  if (atomic_fetch_add_explicit(&pool->arrived, 1, memory_order_acq_rel) + 1 < threads) {
    wait_for_change(pool, &pool->phase, phase);
    return;
  }
  atomic_store_explicit(&pool->arrived, 0, memory_order_relaxed);
  change(pool, &pool->phase);
}

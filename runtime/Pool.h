/// A pool of threads that run one function side by side (SPMD) and meet at barriers.
/// Part of every compiled model; the compiler uses it too.
#ifndef BINQ_RUNTIME_POOL_H
#define BINQ_RUNTIME_POOL_H

#include <stdint.h>

typedef struct binq_pool binq_pool;

/// Starts threads - 1 workers (threads >= 1). 0 on success, else an errno value.
int binq_pool_create(int threads, binq_pool **out);
/// Ends the threads. NULL is ignored.
void binq_pool_destroy(binq_pool *pool);
/// Threads of the pool, the calling one included.
int binq_pool_threads(const binq_pool *pool);

/// Runs work(argument, thread, threads) on every thread, the caller being thread 0; returns when
/// all have. Workers spin briefly between runs, then sleep; one that wakes up on the CPU of another
/// thread moves to a CPU of its own, if it may use one, and keeps its affinity. Every thread runs
/// it with the default rounding mode and with subnormals kept, and has its own mode back
/// afterwards.
void binq_pool_run(binq_pool *pool, void (*work)(void *argument, int64_t thread, int64_t threads),
                   void *argument);

/// Inside a run: waits until every thread of the pool has arrived.
void binq_pool_barrier(binq_pool *pool);

#endif

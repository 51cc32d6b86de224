/// Work cut into numbered tasks. Which thread runs a task changes from run to run, what it computes
/// does not.
#ifndef BINQ_LIB_QUANTIZE_TASKS_H
#define BINQ_LIB_QUANTIZE_TASKS_H

#include "runtime/Pool.h"

typedef void (*binq_task)(const void *argument, int64_t task);

/// Runs tasks 0 .. count - 1, each once, on the threads of the pool.
void binq_run_tasks(binq_pool *pool, int64_t count, binq_task task, const void *argument);

#endif

#include "Tasks.h"

#include <stdatomic.h>

typedef struct {
  _Atomic int64_t next;
  int64_t count;
  binq_task task;
  const void *argument;
} task_queue;

static void take_tasks(void *argument, int64_t thread, int64_t threads) {
  (void)thread, (void)threads; // a thread takes what is next, whichever it is
  task_queue *queue = argument;
  for (int64_t i = 0; (i = atomic_fetch_add(&queue->next, 1)) < queue->count;)
    queue->task(queue->argument, i);
}

void binq_run_tasks(binq_pool *pool, int64_t count, binq_task task, const void *argument) {
  task_queue queue = {.count = count, .task = task, .argument = argument};
  binq_pool_run(pool, take_tasks, &queue);
}

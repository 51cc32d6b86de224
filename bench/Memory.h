/// Large memory in huge pages, where the system offers them.
#ifndef BINQ_BENCH_MEMORY_H
#define BINQ_BENCH_MEMORY_H

#include "binq/Support/Status.h"
#include <stdint.h>

/// Zeroed memory, released by bench_unmap.
binq_status bench_map(int64_t bytes, void **out);
/// NULL is ignored.
void bench_unmap(void *memory, int64_t bytes);

#endif

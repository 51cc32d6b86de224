#include "Memory.h"
#include "Contestant.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20 };

/// A wish: without huge pages it all works as well, more slowly.
void bench_use_huge_pages(void *memory, int64_t bytes) {
  int64_t skipped = (HUGE_PAGE - (int64_t)((uintptr_t)memory % HUGE_PAGE)) % HUGE_PAGE;
  if (bytes - skipped >= HUGE_PAGE)
    (void)madvise((char *)memory + skipped, (size_t)(bytes - skipped), MADV_HUGEPAGE);
}

binq_status bench_map(int64_t bytes, void **out) {
  void *memory =
      mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return binq_errorf("%lld bytes of memory: %s", (long long)bytes,
                       strerror(errno)); // NOLINT(concurrency-mt-unsafe): one thread runs
  bench_use_huge_pages(memory, bytes);
  *out = memory;
  return BINQ_OK;
}

void bench_unmap(void *memory, int64_t bytes) {
  if (memory)
    (void)munmap(memory, (size_t)bytes);
}

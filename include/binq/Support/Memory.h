/// Checked sizes and arenas. Sizes that come from a file go through here before they are multiplied
/// or allocated.
#ifndef BINQ_SUPPORT_MEMORY_H
#define BINQ_SUPPORT_MEMORY_H

#include "binq/Support/Status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// *out = a * b, or an error naming `what` when that does not fit.
binq_status binq_size_multiply(size_t a, size_t b, const char *what, size_t *out);

/// *out = a + b, likewise.
binq_status binq_size_add(size_t a, size_t b, const char *what, size_t *out);

/// Allocates count * size zeroed bytes aligned to 64; `what` names them in the error. *out (a T**)
/// is freed with free().
binq_status binq_allocate(size_t count, size_t size, const char *what, void *out);

/// value rounded up to a multiple of `multiple`; the caller has checked that it fits.
static inline int64_t binq_round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Memory that is released all at once.
typedef struct binq_arena binq_arena;

/// An empty arena; binq_arena_destroy releases it and ignores NULL.
binq_status binq_arena_create(binq_arena **out);
void binq_arena_destroy(binq_arena *arena);

/// count * size zeroed bytes, aligned to 64, that live as long as the arena. `out` is a T**.
binq_status binq_arena_allocate(binq_arena *arena, size_t count, size_t size, void *out);

/// A NUL-terminated copy of `length` bytes.
binq_status binq_arena_copy_string(binq_arena *arena, const char *bytes, size_t length, char **out);

/// A printf-style formatted string.
binq_status binq_arena_format(binq_arena *arena, char **out, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

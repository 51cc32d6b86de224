#include "binq/Support/Memory.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, BLOCK_SIZE = 1 << 16 };

/// The head of a block; what it hands out follows it. Its size is a multiple of ALIGNMENT.
typedef struct block {
  _Alignas(64) struct block *next;
  size_t used, capacity;
} block;

struct binq_arena {
  block *blocks; // the newest first: the one that may have room
};

binq_status binq_size_multiply(size_t a, size_t b, const char *what, size_t *out) {
  if (__builtin_mul_overflow(a, b, out))
    return binq_errorf("%s: a size of %zu times %zu is too large", what, a, b);
  return BINQ_OK;
}

binq_status binq_size_add(size_t a, size_t b, const char *what, size_t *out) {
  if (__builtin_add_overflow(a, b, out))
    return binq_errorf("%s: a size of %zu plus %zu is too large", what, a, b);
  return BINQ_OK;
}

/// `size` zeroed bytes aligned to 64, or NULL; sizes near the limit of the address space give NULL
/// too.
static void *allocate_zeroed(size_t size) {
  size_t padded = 0;
  if (__builtin_add_overflow(size, (size_t)ALIGNMENT - 1, &padded))
    return NULL;
  padded = size ? padded / ALIGNMENT * ALIGNMENT : ALIGNMENT;
  void *memory = aligned_alloc(ALIGNMENT, padded);
  if (memory)
    memset(memory, 0, padded);
  return memory;
}

binq_status binq_allocate(size_t count, size_t size, const char *what, void *out) {
  size_t total = 0;
  BINQ_TRY(binq_size_multiply(count, size, what, &total));
  void *memory = allocate_zeroed(total);
  if (!memory)
    return binq_errorf("%s: out of memory (%zu bytes wanted)", what, total);
  memcpy(out, &memory, sizeof memory);
  return BINQ_OK;
}

binq_status binq_arena_create(binq_arena **out) {
  return binq_allocate(1, sizeof(binq_arena), "arena", out);
}

void binq_arena_destroy(binq_arena *arena) {
  if (!arena)
    return;
  for (block *next = NULL, *each = arena->blocks; each; each = next) {
    next = each->next;
    free(each);
  }
  free(arena);
}

/// Puts a block with room for `size` bytes at the front.
static binq_status add_block(binq_arena *arena, size_t size) {
  size_t capacity = size > BLOCK_SIZE - sizeof(block) ? size : BLOCK_SIZE - sizeof(block);
  size_t total = 0;
  BINQ_TRY(binq_size_add(sizeof(block), capacity, "arena", &total));
  block *added = NULL;
  BINQ_TRY(binq_allocate(total, 1, "arena", &added));
  added->capacity = capacity;
  added->next = arena->blocks;
  arena->blocks = added;
  return BINQ_OK;
}

static binq_status allocate_aligned(binq_arena *arena, size_t size, size_t alignment, void **out) {
  block *current = arena->blocks;
  size_t start = current ? (current->used + alignment - 1) / alignment * alignment : 0;
  if (!current || start > current->capacity || size > current->capacity - start) {
    BINQ_TRY(add_block(arena, size));
    current = arena->blocks;
    start = 0;
  }
  current->used = start + size;
  *out = (char *)(current + 1) + start;
  return BINQ_OK;
}

binq_status binq_arena_allocate(binq_arena *arena, size_t count, size_t size, void *out) {
  size_t total = 0;
  BINQ_TRY(binq_size_multiply(count, size, "arena", &total));
  void *memory = NULL;
  BINQ_TRY(allocate_aligned(arena, total, ALIGNMENT, &memory));
  memcpy(out, &memory, sizeof memory);
  return BINQ_OK;
}

binq_status binq_arena_copy_string(binq_arena *arena, const char *bytes, size_t length,
                                   char **out) {
  size_t size = 0;
  BINQ_TRY(binq_size_add(length, 1, "string", &size));
  void *memory = NULL;
  BINQ_TRY(allocate_aligned(arena, size, 1, &memory));
  *out = memory;
  if (length)
    memcpy(*out, bytes, length); // the terminator is there: blocks are zeroed
  return BINQ_OK;
}

binq_status binq_arena_format(binq_arena *arena, char **out, const char *format, ...) {
  char *text = NULL;
  va_list arguments;
  va_start(arguments, format);
  int length = vasprintf(&text, format, arguments);
  va_end(arguments);
  if (length < 0)
    return binq_errorf("out of memory for a string");
  binq_status status = binq_arena_copy_string(arena, text, (size_t)length, out);
  free(text);
  return status;
}

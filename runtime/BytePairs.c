#include "runtime/BytePairs.h"
#include <errno.h>
#include <stdlib.h>

/// A pair that can be merged, or could be when it was found: entries are not removed when a
/// neighbour is merged away, but looked up again when their turn comes. Rank * 2^32 + position.
typedef uint64_t entry;

typedef struct {
  const binq_tokenizer *tokenizer;
  binq_symbol *symbols;
  entry *heap;
  size_t heap_count;
} merging;

enum {
  WAYS = 4, ///< children of an entry of the heap: fewer levels, fewer cache misses in long pieces
  FIRST_CAPACITY = 256,
  /// Every symbol but one begins a pair at first. A merge takes one entry from the heap, adds at
  /// most two, and there are fewer merges than symbols.
  ENTRIES_PER_SYMBOL = 2,
};

int binq_byte_pairs_begin(binq_byte_pairs *pairs, size_t most) {
  pairs->count = 0;
  if (most <= pairs->capacity)
    return 0;
  size_t capacity = pairs->capacity ? pairs->capacity : FIRST_CAPACITY;
  while (capacity < most)
    capacity *= 2;
  binq_byte_pairs_free(pairs);
  // The heap lies behind the symbols.
  pairs->symbols = calloc(capacity, sizeof(binq_symbol) + ENTRIES_PER_SYMBOL * sizeof(entry));
  if (!pairs->symbols)
    return ENOMEM;
  pairs->capacity = capacity;
  return 0;
}

void binq_byte_pairs_free(binq_byte_pairs *pairs) {
  free(pairs->symbols);
  *pairs = (binq_byte_pairs){0};
}

/// The merge of a pair, or NULL.
static const binq_tokenizer_merge *find_merge(const binq_tokenizer *t, int32_t left,
                                              int32_t right) {
  if (left < 0 || right < 0)
    return NULL;
  uint64_t mask = t->header->sections[BINQ_SECTION_MERGES].count - 1;
  for (uint64_t slot = binq_tokenizer_hash(left, right) & mask;; slot = (slot + 1) & mask) {
    const binq_tokenizer_merge *merge = &t->merges[slot];
    if (merge->left == left && merge->right == right)
      return merge;
    if (merge->left < 0)
      return NULL;
  }
}

/// The merge of the symbol at `position` with the one after it, or NULL.
static const binq_tokenizer_merge *merge_at(const merging *m, int32_t position) {
  const binq_symbol *left = &m->symbols[position];
  return left->next < 0 ? NULL
                        : find_merge(m->tokenizer, left->token, m->symbols[left->next].token);
}

/// Adds the pair at `position` to the heap if it can be merged.
static void push(merging *m, int32_t position) {
  const binq_tokenizer_merge *merge = merge_at(m, position);
  if (!merge)
    return;
  entry added = (uint64_t)merge->rank << 32 | (uint32_t)position;
  size_t i = m->heap_count++;
  for (; i > 0 && added < m->heap[(i - 1) / WAYS]; i = (i - 1) / WAYS)
    m->heap[i] = m->heap[(i - 1) / WAYS];
  m->heap[i] = added;
}

static entry pop(merging *m) {
  entry first = m->heap[0], moved = m->heap[--m->heap_count];
  size_t i = 0;
  for (size_t child; (child = WAYS * i + 1) < m->heap_count; i = child) {
    size_t end = child + WAYS < m->heap_count ? child + WAYS : m->heap_count;
    for (size_t other = child + 1; other < end; other++)
      if (m->heap[other] < m->heap[child])
        child = other;
    if (m->heap[child] >= moved)
      break;
    m->heap[i] = m->heap[child];
  }
  m->heap[i] = moved;
  return first;
}

static void apply(merging *m, int32_t position, int32_t result) {
  binq_symbol *left = &m->symbols[position], *right = &m->symbols[left->next];
  left->token = result;
  right->token = -1;
  left->next = right->next;
  if (left->next >= 0)
    m->symbols[left->next].previous = position;
  if (left->previous >= 0)
    push(m, left->previous);
  push(m, position);
}

/// Everything that can be merged, one after another.
static void merge_all(merging *m) {
  while (m->heap_count > 0) {
    entry e = pop(m);
    int32_t position = (int32_t)(e & UINT32_MAX);
    const binq_tokenizer_merge *merge = merge_at(m, position);
    if (merge && (uint64_t)merge->rank == e >> 32)
      apply(m, position, merge->result);
  }
}

void binq_byte_pairs_merge(const binq_tokenizer *tokenizer, binq_byte_pairs *pairs,
                           const int32_t **tokens, size_t *count) {
  binq_symbol *symbols = pairs->symbols;
  merging m = {tokenizer, symbols, (entry *)(symbols + pairs->capacity), 0};
  int32_t length = (int32_t)pairs->count;
  for (int32_t i = 0; i < length; i++) {
    symbols[i].previous = i - 1;
    symbols[i].next = i + 1 < length ? i + 1 : -1;
  }
  for (int32_t i = 0; i + 1 < length; i++)
    push(&m, i);
  merge_all(&m);
  // The list is written over by its tokens: the n-th of them is never before the n-th symbol.
  int32_t *out = (int32_t *)symbols;
  *count = 0;
  for (int32_t i = length > 0 ? 0 : -1, next; i >= 0; i = next) {
    next = symbols[i].next;
    out[(*count)++] = symbols[i].token;
  }
  *tokens = out;
}

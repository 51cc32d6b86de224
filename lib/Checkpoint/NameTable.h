/// From byte strings to indices: how duplicate names are found and names looked up.
#ifndef BINQ_CHECKPOINT_NAMETABLE_H
#define BINQ_CHECKPOINT_NAMETABLE_H

#include "binq/Support/Memory.h"

typedef struct {
  const void *bytes;
  size_t length;
} binq_bytes;

typedef struct {
  struct binq_name_slot *slots;
  size_t mask; ///< number of slots - 1
} binq_name_table;

/// A table for at most `count` names; the names' bytes are not copied.
binq_status binq_name_table_create(binq_arena *arena, size_t count, binq_name_table *out);

/// Enters a name; returns -1, or the index it is already there with.
int64_t binq_name_table_insert(binq_name_table *table, binq_bytes name, uint32_t index);

/// The index of a name, or -1.
int64_t binq_name_table_find(const binq_name_table *table, binq_bytes name);

/// Whether the bytes are UTF-8 text of one line that can be put into a message.
bool binq_is_text(binq_bytes bytes);

#endif

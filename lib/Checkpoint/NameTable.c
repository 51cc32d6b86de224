#include "NameTable.h"
#include <string.h>

struct binq_name_slot {
  binq_bytes name; // bytes are NULL in a free slot
  uint32_t hash, index;
};

binq_status binq_name_table_create(binq_arena *arena, size_t count, binq_name_table *out) {
  size_t wanted = 0;
  BINQ_TRY(binq_size_multiply(count, 2, "name table", &wanted));
  size_t slots = 16; // always more than the names, so that a search ends
  while (slots <= wanted)
    BINQ_TRY(binq_size_multiply(slots, 2, "name table", &slots));
  out->mask = slots - 1;
  return binq_arena_allocate(arena, slots, sizeof *out->slots, &out->slots);
}

/// FNV-1a.
static uint32_t hash_bytes(binq_bytes name) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < name.length; i++)
    hash = (hash ^ ((const uint8_t *)name.bytes)[i]) * 16777619u;
  return hash;
}

/// The slot that holds the name, or the free one where it belongs.
static struct binq_name_slot *find_slot(const binq_name_table *table, binq_bytes name,
                                        uint32_t hash) {
  for (size_t i = hash & table->mask;; i = (i + 1) & table->mask) {
    struct binq_name_slot *slot = &table->slots[i];
    if (!slot->name.bytes)
      return slot;
    if (slot->hash == hash && slot->name.length == name.length &&
        memcmp(slot->name.bytes, name.bytes, name.length) == 0)
      return slot;
  }
}

int64_t binq_name_table_insert(binq_name_table *table, binq_bytes name, uint32_t index) {
  uint32_t hash = hash_bytes(name);
  struct binq_name_slot *slot = find_slot(table, name, hash);
  if (slot->name.bytes)
    return slot->index;
  *slot = (struct binq_name_slot){name, hash, index};
  return -1;
}

int64_t binq_name_table_find(const binq_name_table *table, binq_bytes name) {
  const struct binq_name_slot *slot = find_slot(table, name, hash_bytes(name));
  return slot->name.bytes ? (int64_t)slot->index : -1;
}

/// The length of the UTF-8 sequence at `bytes`, 0 if it is none or a control character.
static size_t sequence_length(const uint8_t *bytes, size_t size) {
  uint8_t first = bytes[0];
  if (first < 0x80)
    return first >= 0x20 && first != 0x7f;
  size_t length = 2 + (size_t)(first >= 0xe0) + (size_t)(first >= 0xf0);
  if (first < 0xc2 || first > 0xf4 || length > size)
    return 0;
  uint32_t code = first & (0x7fu >> length);
  for (size_t i = 1; i < length; i++) {
    if ((bytes[i] & 0xc0) != 0x80)
      return 0;
    code = code << 6 | (bytes[i] & 0x3f);
  }
  static const uint32_t lowest[] = {[2] = 0xa0, [3] = 0x800, [4] = 0x10000};
  bool surrogate = code >= 0xd800 && code < 0xe000;
  return code >= lowest[length] && code <= 0x10ffff && !surrogate ? length : 0;
}

bool binq_is_text(binq_bytes bytes) {
  for (size_t i = 0, step = 0; i < bytes.length; i += step) {
    step = sequence_length((const uint8_t *)bytes.bytes + i, bytes.length - i);
    if (step == 0)
      return false;
  }
  return true;
}

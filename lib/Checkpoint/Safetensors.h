/// The safetensors layout (https://github.com/huggingface/safetensors): an 8-byte little-endian
/// header size, a JSON header, the data. What the tensors mean is up to the reader.
#ifndef BINQ_CHECKPOINT_SAFETENSORS_H
#define BINQ_CHECKPOINT_SAFETENSORS_H

#include "NameTable.h"

enum {
  BINQ_SAFETENSORS_MAX_RANK = 4,
  BINQ_SAFETENSORS_HEADER_LIMIT = 100 << 20, ///< bytes; other readers of the format have the same
};

/// An element type by its name in the header.
typedef struct {
  const char *name;
  size_t size;
} binq_safetensors_type;

/// What files of one use may hold.
typedef struct {
  const binq_safetensors_type *types;
  size_t type_count;
  size_t alignment; ///< of the data section and of every tensor's size
} binq_safetensors_rules;

typedef struct {
  const char *name;
  size_t type; ///< index of the rules' type
  int rank;
  int64_t shape[BINQ_SAFETENSORS_MAX_RANK];
  const uint8_t *data;
  size_t size;     ///< bytes
  uint64_t offset; ///< bytes from the start of the data section
} binq_safetensors_entry;

typedef struct {
  binq_safetensors_entry *entries; ///< by offset
  size_t count;
  const uint8_t *data;
  size_t size;
} binq_safetensors;

/// Checks a file in memory: header size, JSON, types, shapes, offsets, overlaps, holes, duplicate
/// names. Names are copied to the arena.
binq_status binq_safetensors_parse(binq_bytes file, const binq_safetensors_rules *rules,
                                   binq_arena *arena, binq_safetensors *out);

/// The bytes of a tensor: its dimensions are positive, and their product is aligned.
binq_status binq_safetensors_size(size_t element, size_t alignment, int rank, const int64_t *shape,
                                  size_t *out);

#endif

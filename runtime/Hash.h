/// The hash of a model's weights. Eight SHA-256 side by side in vector registers, so that checking
/// a mapped file costs about what reading it does: with the data padded by zeros to a multiple of
/// 512 bytes, stream l is made of its 64-byte blocks l, l + 8, l + 16, .., and the hash is
///   SHA-256( SHA-256(stream 0) .. SHA-256(stream 7), size of the data as 64-bit little-endian ).
/// SHA-256: FIPS 180-4.
#ifndef BINQ_RUNTIME_HASH_H
#define BINQ_RUNTIME_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BINQ_HASH_STEP = 512 }; ///< bytes that are hashed at a time

/// Word i of all eight streams' states.
typedef uint32_t binq_hash_lanes __attribute__((vector_size(32)));

typedef struct {
  binq_hash_lanes words[8];
  uint64_t size;
  bool wide; ///< this is an x86 CPU with registers that hold all lanes
} binq_hash;

/// Starts a hash; binq_hash_end writes it.
void binq_hash_begin(binq_hash *hash);

/// Adds bytes; `size` is a multiple of BINQ_HASH_STEP in every call but the last.
void binq_hash_add(binq_hash *hash, const void *bytes, size_t size);

/// The hash of all that was added.
void binq_hash_end(binq_hash *hash, uint8_t out[32]);

#endif

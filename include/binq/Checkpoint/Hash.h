/// SHA-256, as reports name files by.
#ifndef BINQ_CHECKPOINT_HASH_H
#define BINQ_CHECKPOINT_HASH_H

#include <stddef.h>

/// SHA-256 of `size` bytes: 64 hexadecimal digits and a NUL.
void binq_sha256(const void *bytes, size_t size, char hex[65]);

#endif

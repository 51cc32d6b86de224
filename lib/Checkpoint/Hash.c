#include "binq/Checkpoint/Hash.h"

#include <nettle/sha2.h>
#include <stdio.h>

void binq_sha256(const void *bytes, size_t size, char hex[65]) {
  struct sha256_ctx context;
  sha256_init(&context);
  sha256_update(&context, size, bytes);
  unsigned char digest[SHA256_DIGEST_SIZE];
  sha256_digest(&context, sizeof digest, digest);
  for (size_t i = 0; i < sizeof digest; i++)
    (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

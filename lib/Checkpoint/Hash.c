#include "binq/Checkpoint/Hash.h"
#include "Internal.h"

#include <nettle/sha2.h>
#include <stdio.h>
#include <string.h>

static void finish(struct sha256_ctx *context, char hex[65]) {
  unsigned char digest[SHA256_DIGEST_SIZE];
  sha256_digest(context, sizeof digest, digest);
  for (size_t i = 0; i < sizeof digest; i++)
    (void)snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

void binq_sha256(const void *bytes, size_t size, char hex[65]) {
  struct sha256_ctx context;
  sha256_init(&context);
  sha256_update(&context, size, bytes);
  finish(&context, hex);
}

static void add_text(struct sha256_ctx *context, const char *text) {
  sha256_update(context, strlen(text), (const uint8_t *)text);
}

void binq_sha256_listing(const binq_source_file *files, char hex[65]) {
  struct sha256_ctx context;
  sha256_init(&context);
  for (const binq_source_file *file = files; file; file = file->next) {
    binq_sha256(binq_mapping_data(file->mapping), binq_mapping_size(file->mapping), hex);
    add_text(&context, hex);
    add_text(&context, "  ");
    add_text(&context, file->name);
    add_text(&context, "\n");
  }
  finish(&context, hex);
}

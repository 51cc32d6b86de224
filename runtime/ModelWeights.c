// Weights: in the library, or in a mapped file whose size and hash are checked.
#include "runtime/Hash.h"
#include "runtime/ModelInternal.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_intact(const uint8_t *bytes) {
  binq_hash hash;
  uint8_t digest[32];
  binq_hash_begin(&hash);
  binq_hash_add(&hash, bytes, (size_t)binq_constants.weights_size);
  binq_hash_end(&hash, digest);
  return memcmp(digest, binq_constants.weights_hash, sizeof digest) == 0;
}

static binq_error map_file(int file, binq_model *model) {
  struct stat status;
  if (fstat(file, &status) || !S_ISREG(status.st_mode))
    return BINQ_ERROR_FILE;
  if (status.st_size != binq_constants.weights_size)
    return BINQ_ERROR_WEIGHTS;
  size_t size = (size_t)binq_constants.weights_size;
  void *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
  if (bytes == MAP_FAILED)
    return BINQ_ERROR_MEMORY;
  if (!is_intact(bytes)) {
    munmap(bytes, size);
    return BINQ_ERROR_WEIGHTS;
  }
  model->mapping = bytes;
  model->weights = bytes;
  return BINQ_OK;
}

static binq_error find_weights(const char *path, binq_model *model) {
  if (binq_constants.weights) {
    model->weights = binq_constants.weights;
    return path ? BINQ_ERROR_ARGUMENT : BINQ_OK;
  }
  if (!path)
    return BINQ_ERROR_ARGUMENT;
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    return BINQ_ERROR_FILE;
  binq_error error = map_file(file, model);
  close(file);
  return error;
}

binq_error binq_model_load(const char *path, const binq_level *level, binq_model **out) {
  binq_model *model = calloc(1, sizeof *model);
  if (!model)
    return BINQ_ERROR_MEMORY;
  model->level = level;
  binq_error error = find_weights(path, model);
  if (!error && binq_tokenizer_open(model->weights + binq_constants.tokenizer_offset,
                                    (size_t)binq_constants.tokenizer_size, &model->tokenizer))
    error = BINQ_ERROR_WEIGHTS;
  if (error) {
    binq_close(model);
    return error;
  }
  *out = model;
  return BINQ_OK;
}

void binq_close(binq_model *model) {
  if (!model)
    return;
  if (model->mapping)
    munmap(model->mapping, (size_t)binq_constants.weights_size);
  free(model);
}

#include "binq/Support/File.h"
#include "binq/Support/Memory.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct binq_mapping {
  uint8_t *data;
  size_t size;
};

struct binq_output {
  FILE *file;
  char *path;
  char *temporary; ///< NULL when a device or a pipe is written directly
};

static binq_status file_error(const char *path, const char *verb) {
  return binq_errorf("%s: cannot %s: %s", path, verb, strerror(errno));
}

static binq_status map_descriptor(int descriptor, const char *path, binq_mapping *mapping) {
  struct stat information;
  if (fstat(descriptor, &information) != 0)
    return file_error(path, "open");
  if (S_ISDIR(information.st_mode))
    return binq_errorf("%s: is a directory, a file is needed", path);
  if (!S_ISREG(information.st_mode))
    return binq_errorf("%s: is not a regular file", path);
  if (information.st_size == 0)
    return binq_errorf("%s: the file is empty", path);
  mapping->size = (size_t)information.st_size;
  void *data = mmap(NULL, mapping->size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (data == MAP_FAILED)
    return file_error(path, "map");
  mapping->data = data;
  return BINQ_OK;
}

binq_status binq_mapping_open(const char *path, binq_mapping **out) {
  // O_NONBLOCK: a pipe without a writer is refused, not waited for.
  int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return file_error(path, "open");
  binq_mapping *mapping = NULL;
  binq_status status = binq_allocate(1, sizeof *mapping, path, &mapping);
  if (!status)
    status = map_descriptor(descriptor, path, mapping);
  close(descriptor); // a mapping outlives its descriptor
  if (status) {
    free(mapping);
    return status;
  }
  *out = mapping;
  return BINQ_OK;
}

void binq_mapping_close(binq_mapping *mapping) {
  if (!mapping)
    return;
  munmap(mapping->data, mapping->size);
  free(mapping);
}

const uint8_t *binq_mapping_data(const binq_mapping *mapping) {
  return mapping->data;
}

size_t binq_mapping_size(const binq_mapping *mapping) {
  return mapping->size;
}

static void free_output(binq_output *output) {
  free(output->temporary);
  free(output->path);
  free(output);
}

/// Opens what the bytes go to: the temporary, or the path itself if that is a device or a pipe,
/// which must not be renamed over.
static binq_status open_output(binq_output *output, const char *path) {
  struct stat information;
  bool exists = stat(path, &information) == 0;
  if (exists && S_ISDIR(information.st_mode))
    return binq_errorf("%s: is a directory, cannot write a file there", path);
  output->path = strdup(path);
  if (!output->path)
    return binq_errorf("%s: out of memory", path);
  if (exists && !S_ISREG(information.st_mode)) {
    output->file = fopen(path, "we");
    return output->file ? BINQ_OK : file_error(path, "write");
  }
  if (asprintf(&output->temporary, "%s.tmp.%ld", path, (long)getpid()) < 0) {
    output->temporary = NULL;
    return binq_errorf("%s: out of memory", path);
  }
  output->file = fopen(output->temporary, "we");
  return output->file ? BINQ_OK : file_error(path, "create");
}

binq_status binq_output_create(const char *path, binq_output **out) {
  binq_output *output = NULL;
  BINQ_TRY(binq_allocate(1, sizeof *output, path, &output));
  binq_status status = open_output(output, path);
  if (status) {
    free_output(output);
    return status;
  }
  *out = output;
  return BINQ_OK;
}

binq_status binq_output_write(binq_output *output, const void *bytes, size_t size) {
  if (size && fwrite(bytes, 1, size, output->file) != size)
    return file_error(output->path, "write");
  return BINQ_OK;
}

binq_status binq_output_commit(binq_output *output) {
  binq_status status = BINQ_OK;
  bool failed_before = ferror(output->file) != 0;
  if (fclose(output->file) != 0)
    status = file_error(output->path, "write");
  else if (failed_before)
    status = binq_errorf("%s: an earlier write failed", output->path);
  else if (output->temporary && rename(output->temporary, output->path) != 0)
    status = file_error(output->path, "create");
  if (status && output->temporary)
    unlink(output->temporary);
  free_output(output);
  return status;
}

binq_status binq_write_file(const char *path, const void *bytes, size_t size) {
  binq_output *output = NULL;
  BINQ_TRY(binq_output_create(path, &output));
  binq_status status = binq_output_write(output, bytes, size);
  if (!status)
    return binq_output_commit(output);
  binq_output_discard(output);
  return status;
}

void binq_output_discard(binq_output *output) {
  if (!output)
    return;
  fclose(output->file);
  if (output->temporary)
    unlink(output->temporary);
  free_output(output);
}

/// Copies what is left of a file to a stream in memory.
static binq_status copy_all(FILE *from, const char *path, FILE *to) {
  char block[1 << 14];
  size_t count = 0;
  do {
    count = fread(block, 1, sizeof block, from);
    if (ferror(from))
      return file_error(path, "read");
    if (fwrite(block, 1, count, to) != count)
      return binq_errorf("%s: out of memory", path);
  } while (count == sizeof block); // a short read is the end
  return BINQ_OK;
}

binq_status binq_read_file(const char *path, char **bytes, size_t *size) {
  FILE *file = fopen(path, "re");
  if (!file)
    return file_error(path, "open");
  char *text = NULL;
  size_t length = 0;
  FILE *memory = open_memstream(&text, &length); // keeps a terminator behind the bytes
  binq_status status = memory ? copy_all(file, path, memory) : file_error(path, "read");
  if (memory && fclose(memory) != 0 && !status)
    status = binq_errorf("%s: out of memory", path);
  fclose(file);
  if (status) {
    free(text);
    return status;
  }
  *bytes = text;
  *size = length;
  return BINQ_OK;
}

#include "Dtype.h"
#include "NameTable.h"
#include "binq/Checkpoint/Parameters.h"
#include "binq/Support/File.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COPY_BLOCK = 1 << 20 };

/// The header comes first in the file and is known last, so the data waits in a file without a
/// name.
struct binq_parameter_writer {
  char *path;
  FILE *data;
  uint64_t size;
  json_t *header; // keeps its keys in the order they came
};

static binq_status write_error(const char *path) {
  return binq_errorf("%s: cannot write: %s", path, strerror(errno));
}

/// A file beside `path` that is gone as soon as it is closed, whatever ends the program.
static binq_status open_unnamed(const char *path, FILE **out) {
  char *name = NULL;
  if (asprintf(&name, "%s.data.%ld", path, (long)getpid()) < 0)
    return binq_errorf("%s: out of memory", path);
  *out = fopen(name, "w+e");
  if (*out)
    unlink(name);
  free(name);
  return *out ? BINQ_OK : write_error(path);
}

binq_status binq_parameter_writer_create(const char *path, binq_parameter_writer **out) {
  binq_parameter_writer *writer = NULL;
  BINQ_TRY(binq_allocate(1, sizeof *writer, path, &writer));
  writer->path = strdup(path);
  writer->header = json_object();
  binq_status status = writer->path && writer->header ? open_unnamed(path, &writer->data)
                                                      : binq_errorf("%s: out of memory", path);
  if (status) {
    binq_parameter_writer_discard(writer);
    return status;
  }
  *out = writer;
  return BINQ_OK;
}

static binq_status check_tensor(const binq_parameter_writer *writer, const char *name,
                                binq_dtype dtype, int rank, const int64_t *shape, size_t *size) {
  if (!*name || !binq_is_text((binq_bytes){name, strlen(name)}) ||
      strcmp(name, "__metadata__") == 0)
    return binq_errorf("this cannot be the name of a tensor");
  if (json_object_get(writer->header, name))
    return binq_errorf("this tensor is there already");
  if (rank < 1 || rank > BINQ_SAFETENSORS_MAX_RANK)
    return binq_errorf("shape: %d dimensions, must be 1 to %d", rank, BINQ_SAFETENSORS_MAX_RANK);
  return binq_parameter_size(dtype, rank, shape, size);
}

/// The tensor's part of the header; NULL when memory is out.
static json_t *describe(binq_dtype dtype, int rank, const int64_t *shape, uint64_t begin,
                        uint64_t end) {
  json_t *dimensions = json_array();
  for (int i = 0; i < rank; i++) {
    if (json_array_append_new(dimensions, json_integer(shape[i])) != 0) {
      json_decref(dimensions);
      return NULL;
    }
  }
  return json_pack("{s:s, s:o, s:[I, I]}", "dtype", binq_dtypes[dtype].name, "shape", dimensions,
                   "data_offsets", (json_int_t)begin, (json_int_t)end);
}

binq_status binq_parameter_writer_add(binq_parameter_writer *writer, const char *name,
                                      binq_dtype dtype, int rank, const int64_t *shape,
                                      const void *data) {
  size_t size = 0;
  BINQ_TRY(binq_annotate(check_tensor(writer, name, dtype, rank, shape, &size), "%s: %s",
                         writer->path, name));
  json_t *entry = describe(dtype, rank, shape, writer->size, writer->size + size);
  if (json_object_set_new(writer->header, name, entry) != 0) // also if there is no entry
    return binq_errorf("%s: out of memory", writer->path);
  if (fwrite(data, 1, size, writer->data) != size)
    return write_error(writer->path);
  writer->size += size;
  return BINQ_OK;
}

/// The header's size and text, filled with spaces so that the data starts at a multiple of 64.
static binq_status write_header(const binq_parameter_writer *writer, binq_output *output) {
  char *text = json_dumps(writer->header, JSON_COMPACT);
  if (!text)
    return binq_errorf("%s: out of memory", writer->path);
  uint64_t length = strlen(text);
  uint64_t padded =
      (uint64_t)binq_round_up((int64_t)(sizeof length + length), BINQ_PARAMETER_ALIGNMENT) -
      sizeof length;
  char padding[BINQ_PARAMETER_ALIGNMENT];
  memset(padding, ' ', sizeof padding);
  binq_status status = binq_output_write(output, &padded, sizeof padded);
  if (!status)
    status = binq_output_write(output, text, length);
  if (!status)
    status = binq_output_write(output, padding, padded - length);
  free(text);
  return status;
}

static binq_status copy_data(const binq_parameter_writer *writer, binq_output *output) {
  if (fflush(writer->data) != 0 || fseek(writer->data, 0, SEEK_SET) != 0)
    return write_error(writer->path);
  char *block = NULL;
  BINQ_TRY(binq_allocate(COPY_BLOCK, 1, writer->path, &block));
  binq_status status = BINQ_OK;
  for (uint64_t done = 0; done < writer->size && !status;) {
    size_t count = fread(block, 1, COPY_BLOCK, writer->data);
    if (count == 0)
      status = binq_errorf("%s: cannot read the data back", writer->path);
    else
      status = binq_output_write(output, block, count);
    done += count;
  }
  free(block);
  return status;
}

static binq_status write_file(const binq_parameter_writer *writer) {
  binq_output *output = NULL;
  BINQ_TRY(binq_output_create(writer->path, &output));
  binq_status status = write_header(writer, output);
  if (!status)
    status = copy_data(writer, output);
  if (!status)
    return binq_output_commit(output);
  binq_output_discard(output);
  return status;
}

binq_status binq_parameter_writer_commit(binq_parameter_writer *writer) {
  binq_status status = write_file(writer);
  binq_parameter_writer_discard(writer);
  return status;
}

void binq_parameter_writer_discard(binq_parameter_writer *writer) {
  if (!writer)
    return;
  if (writer->data)
    fclose(writer->data);
  json_decref(writer->header);
  free(writer->path);
  free(writer);
}

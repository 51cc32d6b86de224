/// The parameter file: tensors that passes wrote, in safetensors layout
/// (https://github.com/huggingface/safetensors: an 8-byte little-endian header size, a JSON header,
/// the data). Every tensor starts at a multiple of 64 bytes from the start of the file, which holds
/// because the header is padded and every tensor's size is a multiple of 64.
#ifndef BINQ_CHECKPOINT_PARAMETERS_H
#define BINQ_CHECKPOINT_PARAMETERS_H

#include "binq/Support/Status.h"
#include <stddef.h>
#include <stdint.h>

/// Every tensor begins at a multiple of this many bytes, and has a size that is one.
enum { BINQ_PARAMETER_ALIGNMENT = 64 };

typedef enum {
  BINQ_DTYPE_U8,
  BINQ_DTYPE_I8,
  BINQ_DTYPE_U16,
  BINQ_DTYPE_I32,
  BINQ_DTYPE_F32
} binq_dtype;

typedef struct {
  const char *name;
  binq_dtype dtype;
  int rank;
  int64_t shape[4];
  const uint8_t *data; ///< in the mapping
  size_t size;         ///< bytes
  uint64_t offset;     ///< bytes from the start of the data section
} binq_parameter;

typedef struct binq_parameters binq_parameters;

/// Maps and checks a parameter file: header size, JSON, types, shapes, offsets, overlaps, holes,
/// duplicate names.
binq_status binq_parameters_open(const char *path, binq_parameters **out);
/// Unmaps the file. NULL is ignored.
void binq_parameters_close(binq_parameters *parameters);

/// The parameter of that name, or NULL.
const binq_parameter *binq_parameters_find(const binq_parameters *parameters, const char *name);

/// All parameters in file order.
size_t binq_parameters_count(const binq_parameters *parameters);
const binq_parameter *binq_parameters_at(const binq_parameters *parameters, size_t index);

/// The data section: all parameters behind one another.
const uint8_t *binq_parameters_data(const binq_parameters *parameters, size_t *size);

typedef struct binq_parameter_writer binq_parameter_writer;

/// Starts a parameter file; nothing appears at `path` before it is committed.
binq_status binq_parameter_writer_create(const char *path, binq_parameter_writer **out);

/// Appends a tensor. Its size must be a multiple of BINQ_PARAMETER_ALIGNMENT bytes, its name new.
/// Data is written at once, not kept.
binq_status binq_parameter_writer_add(binq_parameter_writer *writer, const char *name,
                                      binq_dtype dtype, int rank, const int64_t *shape,
                                      const void *data);

/// Writes the header, moves the file to its place and frees the writer, also on an error.
binq_status binq_parameter_writer_commit(binq_parameter_writer *writer);
/// Removes the unfinished file and frees the writer.
void binq_parameter_writer_discard(binq_parameter_writer *writer);

#endif

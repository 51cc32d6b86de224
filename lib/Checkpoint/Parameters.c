#include "binq/Checkpoint/Parameters.h"
#include "Dtype.h"
#include "NameTable.h"
#include "binq/Support/File.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct binq_parameters {
  binq_mapping *mapping;
  binq_arena *arena;
  binq_parameter *entries; // by offset
  size_t count;
  binq_name_table names;
  const uint8_t *data;
  size_t size;
};

binq_status binq_parameter_size(binq_dtype dtype, int rank, const int64_t *shape, size_t *out) {
  size_t size = binq_dtypes[dtype].size;
  for (int i = 0; i < rank; i++) {
    if (shape[i] < 1)
      return binq_errorf("shape: dimension %d is %lld", i, (long long)shape[i]);
    BINQ_TRY(binq_size_multiply(size, (size_t)shape[i], "shape", &size));
  }
  if (size % BINQ_PARAMETER_ALIGNMENT != 0)
    return binq_errorf("shape: %zu bytes are not a multiple of %d", size, BINQ_PARAMETER_ALIGNMENT);
  *out = size;
  return BINQ_OK;
}

static binq_status read_dtype(const json_t *entry, binq_dtype *out) {
  const char *name = json_string_value(json_object_get(entry, "dtype"));
  if (!name)
    return binq_errorf("dtype: is missing or no string");
  for (size_t i = 0; i < sizeof binq_dtypes / sizeof *binq_dtypes; i++) {
    if (strcmp(name, binq_dtypes[i].name) == 0) {
      *out = (binq_dtype)i;
      return BINQ_OK;
    }
  }
  return binq_errorf("dtype: \"%.16s\" is not one of U8, I8, U16, I32, F32", name);
}

static binq_status read_shape(const json_t *entry, binq_parameter *out) {
  const json_t *shape = json_object_get(entry, "shape");
  size_t rank = json_array_size(shape); // 0 for what is no array
  if (rank < 1 || rank > BINQ_PARAMETER_MAX_RANK)
    return binq_errorf("shape: is no array of 1 to %d dimensions", BINQ_PARAMETER_MAX_RANK);
  for (size_t i = 0; i < rank; i++) {
    const json_t *size = json_array_get(shape, i);
    if (!json_is_integer(size))
      return binq_errorf("shape: dimension %zu is no integer", i);
    out->shape[i] = json_integer_value(size);
  }
  out->rank = (int)rank;
  return binq_parameter_size(out->dtype, out->rank, out->shape, &out->size);
}

/// The place in the data section, which must be as large as the shape says.
static binq_status read_offsets(const binq_parameters *parameters, const json_t *entry,
                                binq_parameter *out) {
  const json_t *offsets = json_object_get(entry, "data_offsets");
  const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
  if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
    return binq_errorf("data_offsets: is no array of two integers");
  int64_t first = json_integer_value(begin), last = json_integer_value(end);
  if (first < 0 || last < first || (uint64_t)last > parameters->size)
    return binq_errorf("data_offsets: [%lld, %lld] is not inside the %zu bytes of data",
                       (long long)first, (long long)last, parameters->size);
  if ((size_t)(last - first) != out->size)
    return binq_errorf("data_offsets: %lld bytes, the shape needs %zu", (long long)(last - first),
                       out->size);
  out->offset = (uint64_t)first;
  out->data = parameters->data + first;
  return BINQ_OK;
}

static binq_status read_entry(const binq_parameters *parameters, const char *name,
                              const json_t *entry, binq_parameter *out) {
  if (!json_is_object(entry) || json_object_size(entry) != 3)
    return binq_errorf("must be an object of dtype, shape and data_offsets");
  BINQ_TRY(read_dtype(entry, &out->dtype));
  BINQ_TRY(read_shape(entry, out));
  BINQ_TRY(read_offsets(parameters, entry, out));
  char *copy = NULL;
  BINQ_TRY(binq_arena_copy_string(parameters->arena, name, strlen(name), &copy));
  out->name = copy;
  return BINQ_OK;
}

static int compare_offsets(const void *left, const void *right) {
  const binq_parameter *a = left, *b = right;
  return (a->offset > b->offset) - (a->offset < b->offset);
}

/// Every byte of the data section belongs to one tensor; tensors are sorted.
static binq_status check_places(const binq_parameters *parameters) {
  uint64_t end = 0;
  for (size_t i = 0; i < parameters->count; i++) {
    const binq_parameter *entry = &parameters->entries[i];
    if (entry->offset != end)
      return binq_errorf("%s: data_offsets: starts at %llu, the tensor before it ends at %llu",
                         entry->name, (unsigned long long)entry->offset, (unsigned long long)end);
    end += entry->size;
  }
  if (end != parameters->size)
    return binq_errorf("the tensors fill %llu bytes, but the file has %zu bytes of data",
                       (unsigned long long)end, parameters->size);
  return BINQ_OK;
}

static binq_status read_entries(binq_parameters *parameters, json_t *header) {
  BINQ_TRY(binq_arena_allocate(parameters->arena, json_object_size(header), sizeof(binq_parameter),
                               &parameters->entries));
  const char *name = NULL;
  json_t *entry = NULL;
  json_object_foreach(header, name, entry) {
    if (strcmp(name, "__metadata__") == 0)
      continue;
    if (!*name || !binq_is_text((binq_bytes){name, strlen(name)}))
      return binq_errorf("header: the name of a tensor is empty or no text");
    BINQ_TRY(
        binq_annotate(read_entry(parameters, name, entry, &parameters->entries[parameters->count]),
                      "%.1024s", name));
    parameters->count++;
  }
  qsort(parameters->entries, parameters->count, sizeof(binq_parameter), compare_offsets);
  BINQ_TRY(check_places(parameters));
  BINQ_TRY(binq_name_table_create(parameters->arena, parameters->count, &parameters->names));
  for (size_t i = 0; i < parameters->count; i++) {
    const char *key = parameters->entries[i].name;
    binq_name_table_insert(&parameters->names, (binq_bytes){key, strlen(key)}, (uint32_t)i);
  }
  return BINQ_OK;
}

/// Finds header and data section in the mapping.
static binq_status split_file(binq_parameters *parameters, binq_bytes *header) {
  const uint8_t *bytes = binq_mapping_data(parameters->mapping);
  size_t size = binq_mapping_size(parameters->mapping);
  uint64_t length = 0;
  if (size < sizeof length)
    return binq_errorf("header size: the file is too short to be a parameter file");
  memcpy(&length, bytes, sizeof length);
  if (length > size - sizeof length || length > BINQ_PARAMETER_HEADER_LIMIT)
    return binq_errorf("header size: a header of %llu bytes goes past the end of the file or is "
                       "larger than %d",
                       (unsigned long long)length, BINQ_PARAMETER_HEADER_LIMIT);
  if ((sizeof length + length) % BINQ_PARAMETER_ALIGNMENT != 0)
    return binq_errorf(
        "header size: the data after a header of %llu bytes is not at a multiple of %d",
        (unsigned long long)length, BINQ_PARAMETER_ALIGNMENT);
  *header = (binq_bytes){bytes + sizeof length, length};
  parameters->data = bytes + sizeof length + length;
  parameters->size = size - sizeof length - length;
  return BINQ_OK;
}

static binq_status read_parameters(binq_parameters *parameters) {
  BINQ_TRY(binq_arena_create(&parameters->arena));
  binq_bytes text;
  BINQ_TRY(split_file(parameters, &text));
  json_error_t error;
  json_t *header = json_loadb(text.bytes, text.length, JSON_REJECT_DUPLICATES, &error);
  if (!header)
    return binq_errorf("header: broken JSON at byte %d", error.position);
  binq_status status = json_is_object(header) ? read_entries(parameters, header)
                                              : binq_errorf("header: must be a JSON object");
  json_decref(header);
  return status;
}

binq_status binq_parameters_open(const char *path, binq_parameters **out) {
  binq_parameters *parameters = NULL;
  BINQ_TRY(binq_allocate(1, sizeof *parameters, path, &parameters));
  binq_status status = binq_mapping_open(path, &parameters->mapping);
  if (!status)
    status = binq_annotate(read_parameters(parameters), "%s", path);
  if (status) {
    binq_parameters_close(parameters);
    return status;
  }
  *out = parameters;
  return BINQ_OK;
}

void binq_parameters_close(binq_parameters *parameters) {
  if (!parameters)
    return;
  binq_arena_destroy(parameters->arena);
  binq_mapping_close(parameters->mapping);
  free(parameters);
}

const binq_parameter *binq_parameters_find(const binq_parameters *parameters, const char *name) {
  int64_t index = binq_name_table_find(&parameters->names, (binq_bytes){name, strlen(name)});
  return index < 0 ? NULL : &parameters->entries[index];
}

size_t binq_parameters_count(const binq_parameters *parameters) {
  return parameters->count;
}

const binq_parameter *binq_parameters_at(const binq_parameters *parameters, size_t index) {
  return &parameters->entries[index];
}

const uint8_t *binq_parameters_data(const binq_parameters *parameters, size_t *size) {
  *size = parameters->size;
  return parameters->data;
}

#include "binq/Checkpoint/Parameters.h"
#include "Dtype.h"
#include "binq/Support/File.h"
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
  return binq_safetensors_size(binq_dtypes[dtype].size, BINQ_PARAMETER_ALIGNMENT, rank, shape, out);
}

static void take_entry(const binq_safetensors_entry *entry, binq_parameter *out) {
  *out = (binq_parameter){.name = entry->name,
                          .dtype = (binq_dtype)entry->type,
                          .rank = entry->rank,
                          .data = entry->data,
                          .size = entry->size,
                          .offset = entry->offset};
  memcpy(out->shape, entry->shape, sizeof out->shape);
}

static binq_status read_parameters(binq_parameters *parameters) {
  static const binq_safetensors_rules rules = {
      binq_dtypes, sizeof binq_dtypes / sizeof *binq_dtypes, BINQ_PARAMETER_ALIGNMENT};
  BINQ_TRY(binq_arena_create(&parameters->arena));
  binq_safetensors file;
  binq_bytes bytes = {binq_mapping_data(parameters->mapping),
                      binq_mapping_size(parameters->mapping)};
  BINQ_TRY(binq_safetensors_parse(bytes, &rules, parameters->arena, &file));
  parameters->data = file.data;
  parameters->size = file.size;
  parameters->count = file.count;
  BINQ_TRY(binq_arena_allocate(parameters->arena, file.count, sizeof *parameters->entries,
                               &parameters->entries));
  BINQ_TRY(binq_name_table_create(parameters->arena, file.count, &parameters->names));
  for (size_t i = 0; i < file.count; i++) {
    take_entry(&file.entries[i], &parameters->entries[i]);
    const char *name = file.entries[i].name;
    binq_name_table_insert(&parameters->names, (binq_bytes){name, strlen(name)}, (uint32_t)i);
  }
  return BINQ_OK;
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

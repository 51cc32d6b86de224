#include "Safetensors.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const binq_safetensors_rules *rules;
  binq_arena *arena;
  binq_safetensors *out;
} header_reader;

binq_status binq_safetensors_size(size_t element, size_t alignment, int rank, const int64_t *shape,
                                  size_t *out) {
  size_t size = element;
  for (int i = 0; i < rank; i++) {
    if (shape[i] < 1)
      return binq_errorf("shape: dimension %d is %lld", i, (long long)shape[i]);
    BINQ_TRY(binq_size_multiply(size, (size_t)shape[i], "shape", &size));
  }
  if (size % alignment != 0)
    return binq_errorf("shape: %zu bytes are not a multiple of %zu", size, alignment);
  *out = size;
  return BINQ_OK;
}

static binq_status unknown_type(const binq_safetensors_rules *rules, const char *name) {
  char list[128] = "";
  for (size_t i = 0, end = 0; i < rules->type_count && end < sizeof list; i++)
    end += (size_t)snprintf(list + end, sizeof list - end, "%s%s", i ? ", " : "",
                            rules->types[i].name);
  size_t length = strlen(name);
  if (!binq_is_text((binq_bytes){name, length}))
    return binq_errorf("dtype: is not one of %s", list);
  return binq_errorf("dtype: \"%.*s\" is not one of %s", length < 16 ? (int)length : 16, name,
                     list);
}

static binq_status read_type(const header_reader *reader, const json_t *entry, size_t *out) {
  const char *name = json_string_value(json_object_get(entry, "dtype"));
  if (!name)
    return binq_errorf("dtype: is missing or no string");
  for (size_t i = 0; i < reader->rules->type_count; i++) {
    if (strcmp(name, reader->rules->types[i].name) == 0) {
      *out = i;
      return BINQ_OK;
    }
  }
  return unknown_type(reader->rules, name);
}

static binq_status read_shape(const header_reader *reader, const json_t *entry,
                              binq_safetensors_entry *out) {
  const json_t *shape = json_object_get(entry, "shape");
  size_t rank = json_array_size(shape); // 0 for what is no array
  if (rank < 1 || rank > BINQ_SAFETENSORS_MAX_RANK)
    return binq_errorf("shape: is no array of 1 to %d dimensions", BINQ_SAFETENSORS_MAX_RANK);
  for (size_t i = 0; i < rank; i++) {
    const json_t *size = json_array_get(shape, i);
    if (!json_is_integer(size))
      return binq_errorf("shape: dimension %zu is no integer", i);
    out->shape[i] = json_integer_value(size);
  }
  out->rank = (int)rank;
  return binq_safetensors_size(reader->rules->types[out->type].size, reader->rules->alignment,
                               out->rank, out->shape, &out->size);
}

/// The place in the data section, which must be as large as the shape says.
static binq_status read_offsets(const header_reader *reader, const json_t *entry,
                                binq_safetensors_entry *out) {
  const json_t *offsets = json_object_get(entry, "data_offsets");
  const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
  if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
    return binq_errorf("data_offsets: is no array of two integers");
  int64_t first = json_integer_value(begin), last = json_integer_value(end);
  if (first < 0 || last < first || (uint64_t)last > reader->out->size)
    return binq_errorf("data_offsets: [%lld, %lld] is not inside the %zu bytes of data",
                       (long long)first, (long long)last, reader->out->size);
  if ((size_t)(last - first) != out->size)
    return binq_errorf("data_offsets: %lld bytes, the shape needs %zu", (long long)(last - first),
                       out->size);
  out->offset = (uint64_t)first;
  out->data = reader->out->data + first;
  return BINQ_OK;
}

static binq_status read_entry(const header_reader *reader, const char *name, const json_t *entry,
                              binq_safetensors_entry *out) {
  if (!json_is_object(entry) || json_object_size(entry) != 3)
    return binq_errorf("must be an object of dtype, shape and data_offsets");
  BINQ_TRY(read_type(reader, entry, &out->type));
  BINQ_TRY(read_shape(reader, entry, out));
  BINQ_TRY(read_offsets(reader, entry, out));
  char *copy = NULL;
  BINQ_TRY(binq_arena_copy_string(reader->arena, name, strlen(name), &copy));
  out->name = copy;
  return BINQ_OK;
}

static int compare_offsets(const void *left, const void *right) {
  const binq_safetensors_entry *a = left, *b = right;
  return (a->offset > b->offset) - (a->offset < b->offset);
}

/// Every byte of the data section belongs to one tensor; tensors are sorted.
static binq_status check_places(const binq_safetensors *file) {
  uint64_t end = 0;
  for (size_t i = 0; i < file->count; i++) {
    const binq_safetensors_entry *entry = &file->entries[i];
    if (entry->offset != end)
      return binq_errorf("%.1024s: data_offsets: starts at %llu, the tensor before it ends at %llu",
                         entry->name, (unsigned long long)entry->offset, (unsigned long long)end);
    end += entry->size;
  }
  if (end != file->size)
    return binq_errorf("the tensors fill %llu bytes, but the file has %zu bytes of data",
                       (unsigned long long)end, file->size);
  return BINQ_OK;
}

static binq_status read_entries(const header_reader *reader, json_t *header) {
  binq_safetensors *out = reader->out;
  BINQ_TRY(binq_arena_allocate(reader->arena, json_object_size(header), sizeof *out->entries,
                               &out->entries));
  const char *name = NULL;
  json_t *entry = NULL;
  json_object_foreach(header, name, entry) {
    if (strcmp(name, "__metadata__") == 0)
      continue;
    if (!*name || !binq_is_text((binq_bytes){name, strlen(name)}))
      return binq_errorf("header: the name of a tensor is empty or no text");
    BINQ_TRY(
        binq_annotate(read_entry(reader, name, entry, &out->entries[out->count]), "%.1024s", name));
    out->count++;
  }
  if (out->count > 0)
    qsort(out->entries, out->count, sizeof *out->entries, compare_offsets);
  return check_places(out);
}

/// Finds header and data section in the file.
static binq_status split_file(binq_bytes file, const header_reader *reader, binq_bytes *header) {
  const uint8_t *bytes = file.bytes;
  uint64_t length = 0;
  if (file.length < sizeof length)
    return binq_errorf("header size: the file is too short to be a safetensors file");
  memcpy(&length, bytes, sizeof length);
  if (length > file.length - sizeof length || length > BINQ_SAFETENSORS_HEADER_LIMIT)
    return binq_errorf("header size: a header of %llu bytes goes past the end of the file or is "
                       "larger than %d",
                       (unsigned long long)length, BINQ_SAFETENSORS_HEADER_LIMIT);
  if ((sizeof length + length) % reader->rules->alignment != 0)
    return binq_errorf(
        "header size: the data after a header of %llu bytes is not at a multiple of %zu",
        (unsigned long long)length, reader->rules->alignment);
  *header = (binq_bytes){bytes + sizeof length, length};
  reader->out->data = bytes + sizeof length + length;
  reader->out->size = file.length - sizeof length - length;
  return BINQ_OK;
}

binq_status binq_safetensors_parse(binq_bytes file, const binq_safetensors_rules *rules,
                                   binq_arena *arena, binq_safetensors *out) {
  const header_reader reader = {rules, arena, out};
  *out = (binq_safetensors){0};
  binq_bytes text;
  BINQ_TRY(split_file(file, &reader, &text));
  json_error_t error;
  json_t *header = json_loadb(text.bytes, text.length, JSON_REJECT_DUPLICATES, &error);
  if (!header)
    return binq_errorf("header: broken JSON at byte %d", error.position);
  binq_status status = json_is_object(header) ? read_entries(&reader, header)
                                              : binq_errorf("header: must be a JSON object");
  json_decref(header);
  return status;
}

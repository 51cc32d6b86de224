#include "Gguf.h"
#include <string.h>

enum {
  MAGIC = 0x46554747, // "GGUF", little-endian
  NAME_LIMIT = 1024,
  ENTRY_LIMIT = 1 << 16, // of a table: far above real models, and small enough to allocate at once
  SMALLEST_FIELD = 8 + 4 + 1,          // an empty key, a type, a value of one byte
  SMALLEST_TENSOR = 8 + 4 + 8 + 4 + 8, // an empty name, a rank, one dimension, a type, an offset
};

static bool take(binq_gguf_reader *reader, size_t size, const uint8_t **out) {
  if (size > reader->size - reader->position)
    return false;
  *out = reader->data + reader->position;
  reader->position += size;
  return true;
}

bool binq_gguf_take_u32(binq_gguf_reader *reader, uint32_t *out) {
  const uint8_t *bytes = NULL;
  if (!take(reader, sizeof *out, &bytes))
    return false;
  memcpy(out, bytes, sizeof *out);
  return true;
}

bool binq_gguf_take_u64(binq_gguf_reader *reader, uint64_t *out) {
  const uint8_t *bytes = NULL;
  if (!take(reader, sizeof *out, &bytes))
    return false;
  memcpy(out, bytes, sizeof *out);
  return true;
}

/// A length and that many bytes.
static bool take_string(binq_gguf_reader *reader, binq_bytes *out) {
  uint64_t length = 0;
  const uint8_t *bytes = NULL;
  if (!binq_gguf_take_u64(reader, &length) || !take(reader, length, &bytes))
    return false;
  *out = (binq_bytes){bytes, length};
  return true;
}

binq_status binq_gguf_take_name(binq_gguf_reader *reader, const char *what, uint64_t index,
                                binq_arena *arena, char **out) {
  binq_bytes name;
  if (!take_string(reader, &name))
    return binq_errorf("name of %s %llu: the file ends inside it", what, (unsigned long long)index);
  if (name.length == 0 || name.length > NAME_LIMIT || !binq_is_text(name))
    return binq_errorf("name of %s %llu: %zu bytes that are no name", what,
                       (unsigned long long)index, name.length);
  return binq_arena_copy_string(arena, name.bytes, name.length, out);
}

/// Steps over the values of a field, checking that they are there.
static binq_status skip_values(binq_gguf_reader *reader, const binq_gguf_field *field) {
  const uint8_t *bytes = NULL;
  size_t remaining = reader->size - reader->position;
  size_t width = binq_gguf_type_size(field->type);
  // Compared by division: the count may be anything.
  if (field->count > remaining / (width ? width : sizeof(uint64_t)))
    return binq_errorf("%s: its %llu values go past the end of the file", field->key,
                       (unsigned long long)field->count);
  if (width) {
    take(reader, field->count * width, &bytes);
    return BINQ_OK;
  }
  for (uint64_t i = 0; i < field->count; i++) {
    binq_bytes string;
    if (!take_string(reader, &string))
      return binq_errorf("%s: string %llu goes past the end of the file", field->key,
                         (unsigned long long)i);
  }
  return BINQ_OK;
}

static binq_status check_bools(const binq_gguf_field *field) {
  for (uint64_t i = 0; field->type == BINQ_GGUF_BOOL && i < field->count; i++)
    if (field->data[i] > 1)
      return binq_errorf("%s: a boolean is %d, must be 0 or 1", field->key, field->data[i]);
  return BINQ_OK;
}

static binq_status parse_field(binq_gguf_reader *reader, uint64_t index, binq_arena *arena,
                               binq_gguf_field *field) {
  char *key = NULL;
  BINQ_TRY(binq_gguf_take_name(reader, "metadata field", index, arena, &key));
  field->key = key;
  field->count = 1;
  uint32_t type = 0;
  if (!binq_gguf_take_u32(reader, &type))
    return binq_errorf("%s: the file ends before its type", key);
  field->is_array = type == BINQ_GGUF_ARRAY;
  if (field->is_array &&
      (!binq_gguf_take_u32(reader, &type) || !binq_gguf_take_u64(reader, &field->count)))
    return binq_errorf("%s: the file ends inside its array header", key);
  if (type > BINQ_GGUF_F64)
    return binq_errorf("%s: unknown value type %u", key, type);
  if (type == BINQ_GGUF_ARRAY)
    return binq_errorf("%s: arrays of arrays are not supported", key);
  field->type = (binq_gguf_type)type;
  field->data = reader->data + reader->position;
  BINQ_TRY(skip_values(reader, field));
  return check_bools(field);
}

static binq_status parse_table(binq_gguf_reader *reader, uint64_t count, binq_arena *arena,
                               binq_gguf *gguf) {
  binq_gguf_field *fields = NULL;
  BINQ_TRY(binq_arena_allocate(arena, count, sizeof *fields, &fields));
  BINQ_TRY(binq_name_table_create(arena, count, &gguf->keys));
  for (uint64_t i = 0; i < count; i++) {
    BINQ_TRY(parse_field(reader, i, arena, &fields[i]));
    binq_bytes key = {fields[i].key, strlen(fields[i].key)};
    if (binq_name_table_insert(&gguf->keys, key, (uint32_t)i) >= 0)
      return binq_errorf("%s: this metadata field is there twice", fields[i].key);
  }
  gguf->fields = fields;
  gguf->field_count = count;
  return BINQ_OK;
}

static binq_status check_header(uint32_t magic, uint32_t version) {
  if (magic != MAGIC)
    return binq_errorf("magic: not a GGUF file");
  if (__builtin_bswap32(version) == 2 || __builtin_bswap32(version) == 3)
    return binq_errorf("version: big-endian GGUF files are not supported");
  if (version != 2 && version != 3)
    return binq_errorf("version: GGUF version %u is not supported, only 2 and 3 are", version);
  return BINQ_OK;
}

/// A table cannot have more entries than would fit into the file.
static binq_status check_count(const char *what, uint64_t count, size_t remaining,
                               size_t smallest) {
  if (count > remaining / smallest)
    return binq_errorf("%s: %llu do not fit into the file", what, (unsigned long long)count);
  if (count > ENTRY_LIMIT)
    return binq_errorf("%s: %llu are more than the %d supported", what, (unsigned long long)count,
                       ENTRY_LIMIT);
  return BINQ_OK;
}

binq_status binq_gguf_parse_fields(binq_bytes file, binq_arena *arena, binq_gguf *out) {
  binq_gguf_reader reader = {.data = file.bytes, .size = file.length};
  uint32_t magic = 0, version = 0;
  if (!binq_gguf_take_u32(&reader, &magic))
    return binq_errorf("magic: the file is too short to be a GGUF file");
  if (magic == MAGIC && !binq_gguf_take_u32(&reader, &version))
    return binq_errorf("version: the file ends before it");
  BINQ_TRY(check_header(magic, version));
  uint64_t tensors = 0, fields = 0;
  if (!binq_gguf_take_u64(&reader, &tensors))
    return binq_errorf("tensor count: the file ends before it");
  if (!binq_gguf_take_u64(&reader, &fields))
    return binq_errorf("metadata count: the file ends before it");
  size_t remaining = reader.size - reader.position;
  BINQ_TRY(check_count("tensor count", tensors, remaining, SMALLEST_TENSOR));
  BINQ_TRY(check_count("metadata count", fields, remaining, SMALLEST_FIELD));
  BINQ_TRY(parse_table(&reader, fields, arena, out));
  out->fields_end = reader.position;
  out->tensor_count = tensors;
  return BINQ_OK;
}

#include "Gguf.h"
#include <math.h>
#include <string.h>

static const struct {
  const char *name;
  size_t size;
} types[] = {
    [BINQ_GGUF_U8] = {"uint8", 1},      [BINQ_GGUF_I8] = {"int8", 1},
    [BINQ_GGUF_U16] = {"uint16", 2},    [BINQ_GGUF_I16] = {"int16", 2},
    [BINQ_GGUF_U32] = {"uint32", 4},    [BINQ_GGUF_I32] = {"int32", 4},
    [BINQ_GGUF_F32] = {"float32", 4},   [BINQ_GGUF_BOOL] = {"bool", 1},
    [BINQ_GGUF_STRING] = {"string", 0}, [BINQ_GGUF_ARRAY] = {"array", 0},
    [BINQ_GGUF_U64] = {"uint64", 8},    [BINQ_GGUF_I64] = {"int64", 8},
    [BINQ_GGUF_F64] = {"float64", 8},
};

size_t binq_gguf_type_size(binq_gguf_type type) {
  return types[type].size;
}

const binq_gguf_field *binq_gguf_find(const binq_gguf *gguf, const char *key) {
  int64_t index = binq_name_table_find(&gguf->keys, (binq_bytes){key, strlen(key)});
  return index < 0 ? NULL : &gguf->fields[index];
}

static binq_status find_field(const binq_gguf *gguf, const char *key, bool required,
                              const binq_gguf_field **out) {
  *out = binq_gguf_find(gguf, key);
  if (!*out && required)
    return binq_errorf("%s: this metadata field is missing", key);
  return BINQ_OK;
}

static binq_status wrong_type(const binq_gguf_field *field, const char *wanted) {
  return binq_errorf("%s: is of type %s%s, %s is needed", field->key,
                     field->is_array ? "array of " : "", types[field->type].name, wanted);
}

/// The bits of an integer, sign-extended where its type is signed; false if it is of another type.
static bool read_integer(const binq_gguf_field *field, uint64_t *out) {
  uint64_t bits = 0;
  memcpy(&bits, field->data, binq_gguf_type_size(field->type)); // both are little-endian
  switch (field->type) {
  case BINQ_GGUF_U8:
  case BINQ_GGUF_U16:
  case BINQ_GGUF_U32:
  case BINQ_GGUF_U64:
  case BINQ_GGUF_I64:
    *out = bits;
    return true;
  case BINQ_GGUF_I8:
    *out = (uint64_t)(int64_t)(int8_t)bits;
    return true;
  case BINQ_GGUF_I16:
    *out = (uint64_t)(int64_t)(int16_t)bits;
    return true;
  case BINQ_GGUF_I32:
    *out = (uint64_t)(int64_t)(int32_t)bits;
    return true;
  default:
    return false;
  }
}

binq_status binq_gguf_integer(const binq_gguf *gguf, const char *key, bool required, int64_t lowest,
                              int64_t highest, int64_t *out) {
  const binq_gguf_field *field = NULL;
  BINQ_TRY(find_field(gguf, key, required, &field));
  if (!field)
    return BINQ_OK;
  uint64_t bits = 0;
  if (field->is_array || !read_integer(field, &bits))
    return wrong_type(field, "an integer");
  if (field->type == BINQ_GGUF_U64 && bits > INT64_MAX)
    return binq_errorf("%s: %llu is more than %lld", key, (unsigned long long)bits,
                       (long long)highest);
  int64_t value = (int64_t)bits;
  if (value < lowest || value > highest)
    return binq_errorf("%s: %lld is not between %lld and %lld", key, (long long)value,
                       (long long)lowest, (long long)highest);
  *out = value;
  return BINQ_OK;
}

binq_status binq_gguf_float(const binq_gguf *gguf, const char *key, bool required, double *out) {
  const binq_gguf_field *field = NULL;
  BINQ_TRY(find_field(gguf, key, required, &field));
  if (!field)
    return BINQ_OK;
  if (field->is_array || (field->type != BINQ_GGUF_F32 && field->type != BINQ_GGUF_F64))
    return wrong_type(field, "a floating-point number");
  double value = 0;
  if (field->type == BINQ_GGUF_F32) {
    float narrow = 0;
    memcpy(&narrow, field->data, sizeof narrow);
    value = (double)narrow;
  } else {
    memcpy(&value, field->data, sizeof value);
  }
  if (!isfinite(value))
    return binq_errorf("%s: is not a finite number", key);
  *out = value;
  return BINQ_OK;
}

binq_status binq_gguf_bool(const binq_gguf *gguf, const char *key, bool *out) {
  const binq_gguf_field *field = binq_gguf_find(gguf, key);
  if (!field)
    return BINQ_OK;
  if (field->is_array || field->type != BINQ_GGUF_BOOL)
    return wrong_type(field, "a boolean");
  *out = field->data[0] != 0;
  return BINQ_OK;
}

binq_status binq_gguf_text(const binq_gguf *gguf, const char *key, bool required, binq_bytes *out) {
  const binq_gguf_field *field = NULL;
  BINQ_TRY(find_field(gguf, key, required, &field));
  if (!field)
    return BINQ_OK;
  if (field->is_array || field->type != BINQ_GGUF_STRING)
    return wrong_type(field, "a string");
  size_t position = 0;
  binq_bytes text = binq_gguf_next_string(field, &position);
  if (!binq_is_text(text))
    return binq_errorf("%s: is not one line of UTF-8 text", key);
  *out = text;
  return BINQ_OK;
}

binq_status binq_gguf_array(const binq_gguf *gguf, const char *key, bool required,
                            binq_gguf_type type, const binq_gguf_field **out) {
  BINQ_TRY(find_field(gguf, key, required, out));
  const binq_gguf_field *field = *out;
  if (!field || (field->is_array && field->type == type))
    return BINQ_OK;
  if (type == BINQ_GGUF_STRING)
    return wrong_type(field, "an array of strings");
  return wrong_type(field, type == BINQ_GGUF_F32 ? "an array of float32" : "an array of int32");
}

int32_t binq_gguf_element_i32(const binq_gguf_field *field, uint64_t index) {
  int32_t value = 0;
  memcpy(&value, field->data + index * sizeof value, sizeof value);
  return value;
}

binq_bytes binq_gguf_next_string(const binq_gguf_field *field, size_t *position) {
  const uint8_t *start = field->data + *position;
  uint64_t length = 0;
  memcpy(&length, start, sizeof length);
  *position += sizeof length + length;
  return (binq_bytes){start + sizeof length, length};
}

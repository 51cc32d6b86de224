#include "Json.h"
#include <string.h>

binq_status binq_json_parse(binq_bytes file, bool any_integer, json_t **out) {
  json_error_t error;
  size_t flags = JSON_REJECT_DUPLICATES | (any_integer ? JSON_DECODE_INT_AS_REAL : 0);
  json_t *root = json_loadb(file.bytes, file.length, flags, &error);
  if (!root)
    return binq_errorf("broken JSON in line %d, at byte %d", error.line, error.position);
  if (!json_is_object(root)) {
    json_decref(root);
    return binq_errorf("must be a JSON object");
  }
  *out = root;
  return BINQ_OK;
}

const json_t *binq_json_find(const json_t *object, const char *key) {
  const json_t *value = json_object_get(object, key);
  return json_is_null(value) ? NULL : value;
}

static binq_status find(const json_t *object, const char *key, bool required, const json_t **out) {
  *out = binq_json_find(object, key);
  return *out || !required ? BINQ_OK : binq_errorf("%s: is missing", key);
}

binq_status binq_json_integer(const json_t *object, const char *key, bool required, int64_t lowest,
                              int64_t highest, int64_t *out) {
  const json_t *value = NULL;
  BINQ_TRY(find(object, key, required, &value));
  if (!value)
    return BINQ_OK;
  if (!json_is_integer(value))
    return binq_errorf("%s: is no integer", key);
  int64_t number = json_integer_value(value);
  if (number < lowest || number > highest)
    return binq_errorf("%s: %lld is not between %lld and %lld", key, (long long)number,
                       (long long)lowest, (long long)highest);
  *out = number;
  return BINQ_OK;
}

binq_status binq_json_number(const json_t *object, const char *key, bool required, double *out) {
  const json_t *value = NULL;
  BINQ_TRY(find(object, key, required, &value));
  if (value && !json_is_number(value))
    return binq_errorf("%s: is no number", key);
  if (value)
    *out = json_number_value(value);
  return BINQ_OK;
}

binq_status binq_json_bool(const json_t *object, const char *key, bool *out) {
  const json_t *value = binq_json_find(object, key);
  if (value && !json_is_boolean(value))
    return binq_errorf("%s: is neither true nor false", key);
  if (value)
    *out = json_is_true(value);
  return BINQ_OK;
}

binq_status binq_json_text(const json_t *object, const char *key, bool required, const char **out) {
  const json_t *value = NULL;
  BINQ_TRY(find(object, key, required, &value));
  if (!value)
    return BINQ_OK;
  if (!json_is_string(value))
    return binq_errorf("%s: is no string", key);
  if (!binq_is_text((binq_bytes){json_string_value(value), json_string_length(value)}))
    return binq_errorf("%s: is not one line of text", key);
  *out = json_string_value(value);
  return BINQ_OK;
}

binq_status binq_json_object(const json_t *object, const char *key, bool required,
                             const json_t **out) {
  BINQ_TRY(find(object, key, required, out));
  return !*out || json_is_object(*out) ? BINQ_OK : binq_errorf("%s: is no object", key);
}

binq_status binq_json_array(const json_t *object, const char *key, bool required,
                            const json_t **out) {
  BINQ_TRY(find(object, key, required, out));
  return !*out || json_is_array(*out) ? BINQ_OK : binq_errorf("%s: is no array", key);
}

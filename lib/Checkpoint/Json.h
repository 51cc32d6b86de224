/// Fields of JSON files, checked. A field that is null counts as absent, as it does where the files
/// come from.
#ifndef BINQ_CHECKPOINT_JSON_H
#define BINQ_CHECKPOINT_JSON_H

#include "NameTable.h"
#include <jansson.h>

/// Parses a file that must be one object, with no key in it twice; released with json_decref.
/// Integers have 64 bits, or, if `any_integer`, are whatever they are and read as real numbers.
binq_status binq_json_parse(binq_bytes file, bool any_integer, json_t **out);

/// The field of that name, or NULL.
const json_t *binq_json_find(const json_t *object, const char *key);

/// An integer between the limits; an absent field leaves *out, or is an error if `required`.
binq_status binq_json_integer(const json_t *object, const char *key, bool required, int64_t lowest,
                              int64_t highest, int64_t *out);

/// A number, integer or not, likewise.
binq_status binq_json_number(const json_t *object, const char *key, bool required, double *out);
binq_status binq_json_bool(const json_t *object, const char *key, bool *out);

/// A string of one line, which lives as long as the object, likewise.
binq_status binq_json_text(const json_t *object, const char *key, bool required, const char **out);

/// An object or array, likewise.
binq_status binq_json_object(const json_t *object, const char *key, bool required,
                             const json_t **out);
binq_status binq_json_array(const json_t *object, const char *key, bool required,
                            const json_t **out);

#endif

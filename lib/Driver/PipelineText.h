/// The textual form of pass pipelines: element {',' element}, element = name ['{' options '}'] |
/// name '(' elements ')'.
#ifndef BINQ_LIB_DRIVER_PIPELINE_TEXT_H
#define BINQ_LIB_DRIVER_PIPELINE_TEXT_H

#include "binq/Support/Status.h"
#include <stdbool.h>
#include <stddef.h>

/// A part of a text; not NUL-terminated. `data` is NULL for a part that is not there.
typedef struct {
  const char *data;
  size_t length;
} text_slice;

typedef struct {
  text_slice whole, name;
  text_slice options; ///< between the braces
  text_slice nested;  ///< between the parentheses
} pipeline_element;

/// Reads the next element of `*rest` and moves on; *found is false at the end.
binq_status binq_next_element(text_slice *rest, pipeline_element *out, bool *found);

/// Reads the next NAME=VALUE or NAME of `*rest`, quotes ('', "" or {}) around the value removed;
/// *found is false at the end.
binq_status binq_next_option(text_slice *rest, text_slice *name, text_slice *value, bool *found);

#endif

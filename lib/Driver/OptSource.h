/// The text that binq-opt works on, and its parts.
#ifndef BINQ_LIB_DRIVER_OPT_SOURCE_H
#define BINQ_LIB_DRIVER_OPT_SOURCE_H

#include "binq/Support/Status.h"
#include <stdbool.h>
#include <stddef.h>

/// Between the parts of a file.
#define OPT_SEPARATOR "// -----\n"

/// Reads a file, or standard input if `path` is "-", into memory that is freed with free(),
/// NUL-terminated.
binq_status opt_read(const char *path, char **text);

/// The next part of `*rest`, up to a separator line, and the text behind it (NULL at the end).
/// `*part` is allocated; it begins with as many line ends as there are lines before it, so that
/// lines keep their numbers.
binq_status opt_next_part(const char *text, const char **rest, char **part);

#endif

/// Files: mapped for reading, written beside their final name and renamed when whole.
#ifndef BINQ_SUPPORT_FILE_H
#define BINQ_SUPPORT_FILE_H

#include "binq/Support/Status.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct binq_mapping binq_mapping;

/// Maps a regular file for reading; a directory, an empty or an unreadable file is an error naming
/// it.
binq_status binq_mapping_open(const char *path, binq_mapping **out);
/// Unmaps the file. NULL is ignored.
void binq_mapping_close(binq_mapping *mapping);
/// Its bytes, and how many.
const uint8_t *binq_mapping_data(const binq_mapping *mapping);
size_t binq_mapping_size(const binq_mapping *mapping);

/// A file in the making: its bytes go to PATH.tmp.PID, which becomes PATH when it is committed.
typedef struct binq_output binq_output;

/// Starts the file; nothing appears at `path` yet.
binq_status binq_output_create(const char *path, binq_output **out);

/// Appends bytes; an error (no space, say) names the file. The output must still be discarded then.
binq_status binq_output_write(binq_output *output, const void *bytes, size_t size);

/// Flushes, renames to the final name and frees `output`; on an error the unfinished file is
/// removed.
binq_status binq_output_commit(binq_output *output);

/// Removes the unfinished file and frees `output`. NULL is ignored.
void binq_output_discard(binq_output *output);

/// Writes a whole file so.
binq_status binq_write_file(const char *path, const void *bytes, size_t size);

/// Reads a whole text file into memory that is freed with free(); NUL-terminated behind its `size`
/// bytes.
binq_status binq_read_file(const char *path, char **bytes, size_t *size);

#endif

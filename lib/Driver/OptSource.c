#include "OptSource.h"

#include "binq/Support/File.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static binq_status read_stdin(char **text) {
  char chunk[4096];
  size_t size, all;
  FILE *memory = open_memstream(text, &all);
  if (!memory)
    return binq_errorf("out of memory for standard input");
  while ((size = fread(chunk, 1, sizeof(chunk), stdin)) > 0)
    fwrite(chunk, 1, size, memory);
  binq_status status = BINQ_OK;
  if (ferror(stdin))
    status = binq_errorf("standard input cannot be read: %s", strerror(errno));
  bool stored = !ferror(memory);
  if (fclose(memory) != 0 || !stored)
    status = binq_status_join(status, binq_errorf("out of memory for standard input"));
  if (status)
    free(*text);
  return status;
}

binq_status opt_read(const char *path, char **text) {
  size_t size;
  return strcmp(path, "-") == 0 ? read_stdin(text) : binq_read_file(path, text, &size);
}

static const char *find_separator(const char *text, const char *from) {
  for (const char *at = from; (at = strstr(at, OPT_SEPARATOR)); ++at)
    if (at == text || at[-1] == '\n')
      return at;
  return NULL;
}

binq_status opt_next_part(const char *text, const char **rest, char **part) {
  const char *start = *rest;
  const char *end = find_separator(text, start);
  size_t length = end ? (size_t)(end - start) : strlen(start);
  size_t lines = 0;
  for (const char *at = text; at < start; ++at)
    lines += *at == '\n';
  char *out = malloc(lines + length + 1);
  if (!out)
    return binq_errorf("out of memory for a part of the input");
  memset(out, '\n', lines);
  memcpy(out + lines, start, length);
  out[lines + length] = '\0';
  *part = out;
  *rest = end ? end + strlen(OPT_SEPARATOR) : NULL;
  return BINQ_OK;
}

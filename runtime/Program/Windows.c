#include "runtime/Program/Program.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 64 }; // tokens whose logits are in memory at a time

/// Appends what is left of a file. False with errno set if that fails; *bytes is to be freed in any
/// case.
static bool read_rest(FILE *file, char **bytes, size_t *size) {
  size_t room = 0;
  while (!feof(file)) {
    if (*size == room) {
      room = room ? 2 * room : 1 << 16;
      char *larger = realloc(*bytes, room);
      if (!larger)
        return false;
      *bytes = larger;
    }
    *size += fread(*bytes + *size, 1, room - *size, file);
    if (ferror(file))
      return false;
  }
  return true;
}

/// A regular file, or NULL after a line was printed. Devices and pipes might never end; O_NONBLOCK
/// keeps a pipe from being waited for.
static FILE *open_file(const char *path) {
  struct stat information;
  int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  bool is_known = descriptor >= 0 && fstat(descriptor, &information) == 0;
  bool is_odd = is_known && !S_ISREG(information.st_mode);
  FILE *file = is_known && !is_odd ? fdopen(descriptor, "rb") : NULL;
  if (is_odd)
    program_fail("%s: is not a regular file", path);
  else if (!file)
    program_fail("%s: %s", path, strerror(errno));
  if (!file && descriptor >= 0)
    close(descriptor);
  return file;
}

/// A whole file, to be freed; NULL after a line was printed.
static char *read_file(const char *path, size_t *size) {
  FILE *file = open_file(path);
  char *bytes = NULL;
  *size = 0;
  if (!file)
    return NULL;
  if (!read_rest(file, &bytes, size)) {
    program_fail("%s: %s", path, strerror(errno));
    free(bytes);
    bytes = NULL;
  }
  fclose(file);
  return bytes;
}

static binq_error visit_window(binq_context *context, program_piece *piece, float *logits,
                               program_visit *visit, void *user) {
  binq_error error = binq_rewind(context, 0);
  piece->logits = logits;
  for (piece->begin = 0; !error && piece->begin < piece->window; piece->begin += PIECE) {
    int64_t left = piece->window - piece->begin;
    piece->count = left < PIECE ? left : PIECE;
    error = binq_feed_logits(context, piece->tokens + piece->begin, (size_t)piece->count, logits);
    if (!error && !visit(user, piece))
      return BINQ_ERROR_STOPPED;
  }
  return error;
}

static int visit_windows(binq_context *context, program_piece *piece, program_visit *visit,
                         void *user) {
  float *logits = malloc(PIECE * (size_t)binq_constants.vocabulary_size * sizeof *logits);
  binq_error error = logits ? BINQ_OK : BINQ_ERROR_MEMORY;
  for (; !error && piece->number < piece->windows; ++piece->number) {
    error = visit_window(context, piece, logits, visit, user);
    piece->tokens += piece->window;
  }
  free(logits);
  if (error == BINQ_ERROR_STOPPED) // by the visitor
    return 1;
  return error ? program_fail_with(error, "reading the text") : 0;
}

/// What remains once the text is split into tokens.
static int read_windows(const program_options *options, const binq_model *model,
                        const int32_t *tokens, size_t count, program_visit *visit, void *user) {
  const int64_t most = binq_constants.context_length;
  int64_t window = options->window ? options->window : 1024;
  if (window > most)
    window = most;
  int64_t windows = (int64_t)count / window;
  if (windows < 1 || options->windows > windows)
    return program_fail("%s has %zu tokens: %lld windows of %lld", options->argument, count,
                        (long long)windows, (long long)window);
  binq_context *context;
  if (!program_context(options, model, window, &context))
    return 1;
  program_piece piece = {
      .tokens = tokens, .window = window, .windows = options->windows ? options->windows : windows};
  int code = visit_windows(context, &piece, visit, user);
  binq_context_destroy(context);
  return code;
}

int program_windows(const program_options *options, program_visit *visit, void *user) {
  size_t size, count;
  char *text = read_file(options->argument, &size);
  binq_model *model;
  if (!text)
    return 1;
  int code = 1;
  if (program_open(options, &model)) {
    int32_t *tokens = program_encode(model, text, size, 0, &count);
    if (tokens)
      code = read_windows(options, model, tokens, count, visit, user);
    free(tokens);
    binq_close(model);
  }
  free(text);
  return code;
}

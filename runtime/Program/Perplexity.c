#include "runtime/Program/Program.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
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

/// -log of the probability of `token`.
static double surprise(const float *logits, int32_t token) {
  float most = logits[0];
  double sum = 0;
  for (int64_t i = 1; i < binq_constants.vocabulary_size; ++i)
    most = logits[i] > most ? logits[i] : most;
  for (int64_t i = 0; i < binq_constants.vocabulary_size; ++i)
    sum += expf(logits[i] - most);
  return log(sum) - (logits[token] - most);
}

/// Adds the surprises of all tokens of a window but the first.
static binq_error measure_window(binq_context *context, const int32_t *tokens, int64_t window,
                                 float *logits, double *sum) {
  binq_error error = binq_rewind(context, 0);
  for (int64_t done = 0; !error && done < window; done += PIECE) {
    int64_t count = window - done < PIECE ? window - done : PIECE;
    error = binq_feed_logits(context, tokens + done, (size_t)count, logits);
    for (int64_t i = 0; !error && i < count && done + i + 1 < window; ++i)
      *sum += surprise(logits + i * binq_constants.vocabulary_size, tokens[done + i + 1]);
  }
  return error;
}

static int measure(binq_context *context, const int32_t *tokens, int64_t window, int64_t windows) {
  float *logits = malloc(PIECE * (size_t)binq_constants.vocabulary_size * sizeof *logits);
  bool shows_progress = isatty(STDERR_FILENO);
  binq_error error = logits ? BINQ_OK : BINQ_ERROR_MEMORY;
  double sum = 0, value = 0, start = program_seconds();
  for (int64_t i = 0; !error && i < windows; ++i) {
    error = measure_window(context, tokens + i * window, window, logits, &sum);
    value = exp(sum / (double)((i + 1) * (window - 1)));
    double left = (program_seconds() - start) / (double)(i + 1) * (double)(windows - i - 1);
    if (shows_progress)
      fprintf(stderr, "\rwindow %lld of %lld, perplexity so far %.4f, %.0f s left \033[K",
              (long long)i + 1, (long long)windows, value, left);
  }
  if (shows_progress)
    fputs("\r\033[K", stderr);
  free(logits);
  if (error)
    return program_fail_with(error, "measuring perplexity");
  printf("%lld windows of %lld tokens\nperplexity %.4f\n", (long long)windows, (long long)window,
         value);
  return 0;
}

/// What remains once the text is split into tokens.
static int perplexity(const program_options *options, const binq_model *model,
                      const int32_t *tokens, size_t count) {
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
  int code = measure(context, tokens, window, options->windows ? options->windows : windows);
  binq_context_destroy(context);
  return code;
}

int program_perplexity(const program_options *options) {
  size_t size, count;
  char *text = read_file(options->argument, &size);
  binq_model *model;
  if (!text)
    return 1;
  int code = 1;
  if (program_open(options, &model)) {
    int32_t *tokens = program_encode(model, text, size, 0, &count);
    if (tokens)
      code = perplexity(options, model, tokens, count);
    free(tokens);
    binq_close(model);
  }
  free(text);
  return code;
}

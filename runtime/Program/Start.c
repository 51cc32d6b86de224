#include "runtime/Program/Program.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// The path of NAME.weights beside the running program.
static bool default_weights(char *out, size_t size) {
  ssize_t length = readlink("/proc/self/exe", out, size - 1);
  if (length < 0)
    return false;
  out[length] = 0;
  char *slash = strrchr(out, '/');
  if (!slash)
    return false;
  size_t room = size - (size_t)(slash + 1 - out);
  return (size_t)snprintf(slash + 1, room, "%s.weights", binq_constants.name) < room;
}

bool program_open(const program_options *options, binq_model **model) {
  char beside[PATH_MAX];
  const char *weights = options->weights;
  if (!weights && !binq_constants.weights)
    weights = default_weights(beside, sizeof beside) ? beside : NULL;
  binq_error error = binq_open(weights, model);
  if (error)
    program_fail_with(error, weights ? weights : "cannot open the model");
  return !error;
}

bool program_context(const program_options *options, const binq_model *model, int64_t max_tokens,
                     binq_context **context) {
  binq_error error = binq_context_create(model, max_tokens, options->threads, context);
  if (error)
    program_fail_with(error, "cannot make a context");
  return !error;
}

int32_t *program_encode(const binq_model *model, const char *text, size_t length, unsigned options,
                        size_t *count) {
  int32_t *tokens = NULL;
  binq_error error = binq_encode(model, text, length, options, NULL, 0, count);
  if (!error) {
    tokens = malloc((*count + 1) * sizeof *tokens);
    error = tokens ? binq_encode(model, text, length, options, tokens, *count, count)
                   : BINQ_ERROR_MEMORY;
  }
  if (!error)
    return tokens;
  program_fail_with(error, "cannot split the text into tokens");
  free(tokens);
  return NULL;
}

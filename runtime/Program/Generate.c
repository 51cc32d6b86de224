#include "runtime/Program/Program.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Samples, writes and feeds tokens until one ends the text or `max_tokens` are written; *written
/// tells how many.
static binq_error go_on(const binq_model *model, binq_context *context, binq_sampling sampling,
                        int64_t max_tokens, int64_t *written) {
  char *text = malloc((size_t)binq_constants.text_size);
  binq_decoder decoder = {0};
  binq_error error = text ? BINQ_OK : BINQ_ERROR_MEMORY;
  int32_t token;
  for (*written = 0; !error && *written < max_tokens; ++*written) {
    error = binq_sample(context, &sampling, &token);
    if (error || binq_is_control(model, token))
      break;
    error = binq_decode(model, &decoder, token, text, NULL);
    if (error)
      break;
    fputs(text, stdout);
    fflush(stdout);
    if (*written + 1 < max_tokens)
      error = binq_feed(context, &token, 1);
  }
  if (!error)
    error = binq_decode_end(&decoder, text, NULL);
  if (!error)
    puts(text);
  free(text);
  return error;
}

/// What remains once the prompt is split into tokens.
static int generate(const program_options *options, const binq_model *model, const int32_t *prompt,
                    size_t count) {
  const int64_t most = binq_constants.context_length;
  int64_t wanted = options->max_tokens ? options->max_tokens : 256;
  if (count == 0 || count > (size_t)most)
    return program_fail("the prompt has %zu tokens; the model takes 1 to %lld", count,
                        (long long)most);
  int64_t room = most - (int64_t)count + 1; // the last token written is not fed
  if (wanted > room)
    wanted = room;
  binq_context *context;
  if (!program_context(options, model, (int64_t)count + wanted - 1, &context))
    return 1;
  double start = program_seconds(), middle = start;
  int64_t written = 0;
  binq_error error = binq_feed(context, prompt, count);
  if (!error) {
    middle = program_seconds();
    error = go_on(model, context, options->sampling, wanted, &written);
  }
  double end = program_seconds();
  binq_context_destroy(context);
  if (error)
    return program_fail_with(error, "generating");
  fprintf(stderr, "prompt: %zu tokens, %.1f tokens/s; text: %lld tokens, %.1f tokens/s\n", count,
          (double)count / (middle - start), (long long)written, (double)written / (end - middle));
  return 0;
}

int program_generate(const program_options *options) {
  binq_model *model;
  if (!program_open(options, &model))
    return 1;
  size_t count;
  int32_t *prompt = program_encode(model, options->argument, strlen(options->argument),
                                   BINQ_ENCODE_CONTROL | BINQ_ENCODE_START, &count);
  int code = prompt ? generate(options, model, prompt, count) : 1;
  free(prompt);
  binq_close(model);
  return code;
}

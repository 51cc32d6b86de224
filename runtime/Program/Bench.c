#include "runtime/Program/Program.h"
#include <stdio.h>

enum { PROMPT = 512, TEXT = 64 };

/// Any token: the speed does not depend on which.
static int32_t some_token(int64_t i) {
  return (int32_t)((uint64_t)(i + 1) * 2654435761u % (uint64_t)binq_constants.vocabulary_size);
}

static int bench(binq_context *context, int64_t prompt, int64_t text) {
  int32_t tokens[PROMPT];
  for (int64_t i = 0; i < prompt; ++i)
    tokens[i] = some_token(i);
  binq_error error = binq_feed(context, tokens, 1); // wakes threads and maps memory
  if (!error)
    error = binq_rewind(context, 0);
  double start = program_seconds();
  if (!error)
    error = binq_feed(context, tokens, (size_t)prompt);
  double middle = program_seconds();
  for (int64_t i = 0; !error && i < text; ++i) {
    int32_t token = some_token(prompt + i);
    error = binq_feed(context, &token, 1);
  }
  double end = program_seconds();
  if (error)
    return program_fail_with(error, "measuring speed");
  printf("prompt: %lld tokens, %.1f tokens/s\ntext: %lld tokens, %.1f tokens/s\n",
         (long long)prompt, (double)prompt / (middle - start), (long long)text,
         (double)text / (end - middle));
  return 0;
}

int program_bench(const program_options *options) {
  const int64_t most = binq_constants.context_length;
  int64_t text = options->max_tokens ? options->max_tokens : TEXT;
  if (text >= most)
    text = most - 1;
  int64_t prompt = most - text < PROMPT ? most - text : PROMPT;
  binq_model *model;
  binq_context *context;
  if (!program_open(options, &model))
    return 1;
  int code = 1;
  if (program_context(options, model, prompt + text, &context)) {
    code = bench(context, prompt, text);
    binq_context_destroy(context);
  }
  binq_close(model);
  return code;
}

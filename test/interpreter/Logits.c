/// logits OUT THREADS PIECE TOKEN...: feeds the tokens to the compiled model in pieces of PIECE and
/// writes the logits of every token as float32 to the file OUT.
#include "model.h"
#include <stdio.h>
#include <stdlib.h>

static void check(model_error error) {
  if (error) {
    (void)fprintf(stderr, "logits: %s\n", model_error_message(error));
    exit(1);
  }
}

int main(int argc, char **argv) {
  int count = argc - 4, piece = argc > 4 ? atoi(argv[3]) : 0;
  int32_t *tokens = calloc((size_t)argc, sizeof *tokens);
  float *logits = calloc((size_t)argc * MODEL_VOCABULARY_SIZE, sizeof *logits);
  if (piece < 1 || !tokens || !logits)
    return 1;
  for (int i = 0; i < count; i++)
    tokens[i] = atoi(argv[4 + i]);
  model_model *model;
  model_context *context;
  check(model_open(NULL, &model));
  check(model_context_create(model, MODEL_CONTEXT_LENGTH, atoi(argv[2]), &context));
  for (int at = 0; at < count; at += piece) {
    int size = count - at < piece ? count - at : piece;
    check(model_feed_logits(context, tokens + at, (size_t)size,
                            logits + (size_t)at * MODEL_VOCABULARY_SIZE));
  }
  FILE *out = fopen(argv[1], "wb");
  size_t values = (size_t)count * MODEL_VOCABULARY_SIZE;
  if (!out || fwrite(logits, sizeof *logits, values, out) != values || fclose(out) != 0)
    return 1;
  model_context_destroy(context);
  model_close(model);
  free(logits);
  free(tokens);
  return 0;
}

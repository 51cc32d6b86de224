// Writes how a model goes on from a text. Compile the model, then this:
//   binqc SmolLM2-135M-Instruct.Q4_1.gguf -o out --name smollm2
//   cc -Iout examples/generate.c out/libsmollm2.a -lm -lpthread -o generate
//   ./generate "The capital of France is"
#include "smollm2.h"
#include <stdio.h>
#include <string.h>

enum { MAX_TOKENS = 256, THREADS = 2 };

/// Feeds the prompt, then samples, prints and feeds tokens until the text ends or the context is
/// full.
static smollm2_error generate(const smollm2_model *model, smollm2_context *context,
                              const char *prompt) {
  int32_t tokens[MAX_TOKENS], token;
  size_t count;
  char text[SMOLLM2_TEXT_SIZE];
  smollm2_decoder decoder = {{0}, 0, 0};
  smollm2_sampling sampling = {0.7f, 0.9f, 40, 1}; // temperature, top-p, top-k, seed
  smollm2_error error = smollm2_encode(model, prompt, strlen(prompt), SMOLLM2_ENCODE_START, tokens,
                                       MAX_TOKENS, &count);
  if (!error)
    error = smollm2_feed(context, tokens, count); // refuses more than fit
  while (!error && smollm2_position(context) < MAX_TOKENS) {
    // smollm2_logits(context)[0 .. SMOLLM2_VOCABULARY_SIZE - 1] are there to be read, too.
    error = smollm2_sample(context, &sampling, &token);
    if (error || smollm2_is_control(model, token))
      break;
    error = smollm2_decode(model, &decoder, token, text, NULL);
    if (!error) {
      fputs(text, stdout);
      fflush(stdout);
      error = smollm2_feed(context, &token, 1);
    }
  }
  puts("");
  return error;
}

int main(int argc, char **argv) {
  smollm2_model *model;
  smollm2_context *context;
  smollm2_error error = smollm2_open(SMOLLM2_WEIGHTS_FILE, &model);
  if (!error)
    error = smollm2_context_create(model, MAX_TOKENS, THREADS, &context);
  if (!error) {
    error = generate(model, context, argc > 1 ? argv[1] : "Once upon a time");
    smollm2_context_destroy(context);
  }
  smollm2_close(model);
  if (error)
    fprintf(stderr, "generate: %s\n", smollm2_error_message(error));
  return error ? 1 : 0;
}

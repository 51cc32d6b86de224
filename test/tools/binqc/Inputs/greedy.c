// Writes 20 tokens that follow a text, the likeliest each time.
#include "tiny.h"
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
  tiny_model *model;
  tiny_context *context;
  tiny_sampling greedy = {0};
  tiny_decoder decoder = {0};
  int32_t tokens[64], token;
  size_t count;
  char text[TINY_TEXT_SIZE];
  if (argc != 2 || tiny_open(TINY_WEIGHTS_FILE, &model) ||
      tiny_context_create(model, 96, 2, &context) ||
      tiny_encode(model, argv[1], strlen(argv[1]), TINY_ENCODE_START, tokens, 64, &count) ||
      tiny_feed(context, tokens, count))
    return 1;
  for (int i = 0; i < 20; i++) {
    if (tiny_sample(context, &greedy, &token))
      return 1;
    if (tiny_is_control(model, token))
      break;
    if (tiny_decode(model, &decoder, token, text, NULL) || tiny_feed(context, &token, 1))
      return 1;
    fputs(text, stdout);
  }
  tiny_decode_end(&decoder, text, NULL);
  puts(text);
  tiny_context_destroy(context);
  tiny_close(model);
  return 0;
}

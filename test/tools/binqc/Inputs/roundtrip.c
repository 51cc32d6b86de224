// Prints the tokens of a text, and in brackets the text that they stand for.
#include "tiny.h"
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
  tiny_model *model;
  tiny_decoder decoder = {0};
  int32_t tokens[256];
  size_t count;
  char text[TINY_TEXT_SIZE];
  if (argc != 2 || tiny_open(TINY_WEIGHTS_FILE, &model) ||
      tiny_encode(model, argv[1], strlen(argv[1]), TINY_ENCODE_START, tokens, 256, &count) ||
      count > 256)
    return 1;
  for (size_t i = 0; i < count; i++)
    printf(i ? " %d" : "%d", tokens[i]);
  printf("\n[");
  for (size_t i = 0; i < count; i++) {
    if (tiny_decode(model, &decoder, tokens[i], text, NULL))
      return 1;
    fputs(text, stdout);
  }
  tiny_decode_end(&decoder, text, NULL);
  printf("%s]\n", text);
  tiny_close(model);
  return 0;
}

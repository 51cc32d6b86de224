// Prints the memory of a context, and checks that a text which was shortened and written again
// gives the logits it gave before.
#include "tiny.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS = 90, KEPT = 37 };

static float first[TINY_VOCABULARY_SIZE];

static void check(int is_good, const char *what) {
  if (!is_good) {
    (void)fprintf(stderr, "%s\n", what);
    exit(1);
  }
}

int main(void) {
  tiny_model *model;
  tiny_context *context;
  size_t bytes;
  int32_t tokens[TOKENS], others[TOKENS];
  for (int i = 0; i < TOKENS; i++) {
    tokens[i] = (i * 37 + 11) % TINY_VOCABULARY_SIZE;
    others[i] = (i * 53 + 5) % TINY_VOCABULARY_SIZE;
  }
  check(!tiny_open(TINY_WEIGHTS_FILE, &model), "open");
  check(!tiny_context_memory(TOKENS, &bytes), "memory");
  check(!tiny_context_create(model, TOKENS, 2, &context), "create");
  check(!tiny_feed(context, tokens, TOKENS), "feed");
  memcpy(first, tiny_logits(context), sizeof first);
  check(tiny_feed(context, tokens, 1) == TINY_ERROR_FULL, "full");
  check(!tiny_rewind(context, KEPT), "rewind");
  check(!tiny_feed(context, others, TOKENS - KEPT), "feed others");
  check(memcmp(first, tiny_logits(context), sizeof first) != 0, "other tokens give other logits");
  check(!tiny_rewind(context, KEPT), "rewind again");
  for (int i = KEPT; i < TOKENS; i++)
    check(!tiny_feed(context, tokens + i, 1), "feed again");
  check(memcmp(first, tiny_logits(context), sizeof first) == 0,
        "the same tokens give the same logits");
  printf("%zu\n", bytes);
  tiny_context_destroy(context);
  tiny_close(model);
  return 0;
}

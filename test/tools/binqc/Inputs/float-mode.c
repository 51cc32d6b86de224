/// Logits and samples on AArch64 are the same in any mode of float arithmetic, which the library
/// gives back as it was.
#include "tiny.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { COUNT = 20, ODD_MODE = 1 << 24 | 1 << 25 | 1 << 22 }; // no subnormals, default NaNs, upwards

static uint64_t mode(void) {
  uint64_t value;
  __asm__ volatile("mrs %0, fpcr" : "=r"(value));
  return value;
}

static int run(const tiny_model *model, float *logits, int32_t *token) {
  int32_t tokens[COUNT];
  tiny_context *context;
  tiny_sampling sampling = {.temperature = 1, .seed = 5};
  for (int i = 0; i < COUNT; ++i)
    tokens[i] = 7 * i + 1;
  int error = tiny_context_create(model, COUNT, 2, &context);
  if (!error)
    error = tiny_feed_logits(context, tokens, COUNT, logits);
  if (!error)
    error = tiny_sample(context, &sampling, token);
  tiny_context_destroy(context);
  return error;
}

int main(void) {
  static float usual[COUNT * TINY_VOCABULARY_SIZE], odd[COUNT * TINY_VOCABULARY_SIZE];
  int32_t usual_token = -1, odd_token = -2;
  tiny_model *model;
  if (tiny_open(NULL, &model) || run(model, usual, &usual_token))
    return 1;
  __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)ODD_MODE) : "memory");
  int error = run(model, odd, &odd_token);
  uint64_t after = mode();
  __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)0) : "memory");
  tiny_close(model);
  int same = memcmp(usual, odd, sizeof usual) == 0 && usual_token == odd_token;
  printf("%s logits, %s mode\n", same ? "the same" : "other",
         after == ODD_MODE ? "kept" : "changed");
  return error;
}

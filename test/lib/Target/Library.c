// Two compiled models in one program, used as a program uses them. What their logits must be:
// Tiny.mlir.
#include "Check.h"
#include "tiny_a.h"
#include "tiny_b.h"
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xmmintrin.h>

enum { BYTE_A = 5, BYTE_B = 8, V = TINY_A_VOCABULARY_SIZE, MANY = 300 };

/// The token of a byte in the made-up vocabulary (test/runtime/Vocabulary.h).
static int32_t token_of(char byte) {
  return 3 + (unsigned char)byte * 5 % 256;
}

/// Fills `tokens` with some, small so that sums of them are exact in float.
static void some_tokens(int32_t *tokens, int count, int seed) {
  for (int i = 0; i < count; ++i)
    tokens[i] = (i * 7 + seed) % 11;
}

/// Checks the logits that follow tokens[0 .. count - 1].
static bool logits_are_right(const float *logits, const int32_t *tokens, int count, int byte) {
  int64_t state = byte;
  for (int i = 0; i < count; ++i)
    state += (int64_t)tokens[i] * (i + 1);
  for (int64_t v = 0; v < V - 1; ++v)
    if (logits[v] != (float)((7 * state + 13 * v) % 97))
      return false;
  return fabs(logits[V - 1] - cos(count - 1)) < 1e-6;
}

static void test_open(void) {
  tiny_a_model *model = NULL;
  CHECK_EQ_INT(tiny_a_open("weights", &model), TINY_A_ERROR_ARGUMENT);
  CHECK(!model);
  CHECK_EQ_INT(tiny_a_open(NULL, NULL), TINY_A_ERROR_ARGUMENT);
  CHECK_EQ_INT(tiny_a_open(NULL, &model), TINY_A_OK);
  tiny_a_close(model);
  tiny_a_close(NULL);
  CHECK(!TINY_A_WEIGHTS_FILE);
}

static void test_messages(void) {
  for (int i = 0; i <= TINY_A_ERROR_EMPTY + 1; ++i) {
    const char *message = tiny_a_error_message((tiny_a_error)i);
    REQUIRE(message);
    CHECK(*message && !strchr(message, '\n'));
    for (int j = 0; j < i; ++j)
      CHECK(strcmp(message, tiny_a_error_message((tiny_a_error)j)) != 0);
  }
}

static void test_contexts(const tiny_a_model *model) {
  tiny_a_context *context;
  size_t small = 0, large = 0;
  CHECK_EQ_INT(tiny_a_context_memory(0, &small), TINY_A_ERROR_ARGUMENT);
  CHECK_EQ_INT(tiny_a_context_memory(TINY_A_CONTEXT_LENGTH + 1, &small), TINY_A_ERROR_ARGUMENT);
  CHECK_EQ_INT(tiny_a_context_memory(1, &small), TINY_A_OK);
  CHECK_EQ_INT(tiny_a_context_memory(TINY_A_CONTEXT_LENGTH, &large), TINY_A_OK);
  CHECK(small < large && large < 2000000);
  CHECK_EQ_INT(tiny_a_context_create(model, 0, 1, &context), TINY_A_ERROR_ARGUMENT);
  CHECK_EQ_INT(tiny_a_context_create(model, TINY_A_CONTEXT_LENGTH + 1, 1, &context),
               TINY_A_ERROR_ARGUMENT);
  CHECK_EQ_INT(tiny_a_context_create(model, 1, 0, &context), TINY_A_ERROR_ARGUMENT);
  CHECK_EQ_INT(tiny_a_context_create(model, 1, 100000, &context), TINY_A_ERROR_ARGUMENT);
  CHECK_EQ_INT(tiny_a_context_create(NULL, 1, 1, &context), TINY_A_ERROR_ARGUMENT);
  CHECK(!context);
  CHECK_EQ_INT(tiny_a_context_create(model, TINY_A_CONTEXT_LENGTH, 1, &context), TINY_A_OK);
  tiny_a_context_destroy(context);
  tiny_a_context_destroy(NULL);
}

/// A prompt in pieces of any size, by any number of threads, gives the same logits.
static void test_pieces(const tiny_a_model *model) {
  int32_t tokens[MANY];
  some_tokens(tokens, MANY, 3);
  for (int threads = 1; threads <= 3; ++threads) {
    tiny_a_context *context;
    REQUIRE(!tiny_a_context_create(model, MANY, threads, &context));
    CHECK(!tiny_a_logits(context));
    for (int piece = 1; piece <= MANY; piece += piece < 20 ? 1 : 93) {
      CHECK_EQ_INT(tiny_a_rewind(context, 0), TINY_A_OK);
      for (int done = 0; done < MANY; done += piece) {
        int count = MANY - done < piece ? MANY - done : piece;
        CHECK_EQ_INT(tiny_a_feed(context, tokens + done, (size_t)count), TINY_A_OK);
        CHECK_EQ_INT(tiny_a_position(context), done + count);
        CHECK(logits_are_right(tiny_a_logits(context), tokens, done + count, BYTE_A));
      }
    }
    tiny_a_context_destroy(context);
  }
}

static void test_all_logits(const tiny_a_model *model) {
  int32_t tokens[MANY];
  some_tokens(tokens, MANY, 1);
  float *logits = malloc((size_t)MANY * V * sizeof *logits);
  tiny_a_context *context;
  REQUIRE(logits && !tiny_a_context_create(model, MANY, 2, &context));
  CHECK_EQ_INT(tiny_a_feed_logits(context, tokens, MANY, NULL), TINY_A_ERROR_ARGUMENT);
  CHECK_EQ_INT(tiny_a_feed_logits(context, tokens, 0, NULL), TINY_A_OK);
  CHECK_EQ_INT(tiny_a_feed_logits(context, tokens, 7, logits), TINY_A_OK);
  CHECK_EQ_INT(tiny_a_feed_logits(context, tokens + 7, MANY - 7, logits + (ptrdiff_t)7 * V),
               TINY_A_OK);
  for (int i = 0; i < MANY; ++i)
    CHECK(logits_are_right(logits + (ptrdiff_t)i * V, tokens, i + 1, BYTE_A));
  CHECK(logits_are_right(tiny_a_logits(context), tokens, MANY, BYTE_A));
  tiny_a_context_destroy(context);
  free(logits);
}

static void test_refusals(const tiny_a_model *model) {
  int32_t tokens[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const int32_t wrong[] = {1, V}, negative[] = {-1};
  tiny_a_context *context;
  REQUIRE(!tiny_a_context_create(model, 10, 1, &context));
  CHECK_EQ_INT(tiny_a_feed(context, tokens, 11), TINY_A_ERROR_FULL);
  CHECK_EQ_INT(tiny_a_feed(context, tokens, SIZE_MAX), TINY_A_ERROR_FULL);
  CHECK_EQ_INT(tiny_a_feed(context, wrong, 2), TINY_A_ERROR_TOKEN);
  CHECK_EQ_INT(tiny_a_feed(context, negative, 1), TINY_A_ERROR_TOKEN);
  CHECK_EQ_INT(tiny_a_feed(context, NULL, 1), TINY_A_ERROR_ARGUMENT);
  CHECK_EQ_INT(tiny_a_feed(NULL, tokens, 1), TINY_A_ERROR_ARGUMENT);
  CHECK_EQ_INT(tiny_a_position(context), 0);
  CHECK_EQ_INT(tiny_a_feed(context, tokens, 10), TINY_A_OK);
  CHECK_EQ_INT(tiny_a_feed(context, tokens, 1), TINY_A_ERROR_FULL);
  CHECK(logits_are_right(tiny_a_logits(context), tokens, 10, BYTE_A));
  CHECK_EQ_INT(tiny_a_rewind(context, 11), TINY_A_ERROR_ARGUMENT);
  CHECK_EQ_INT(tiny_a_rewind(context, -1), TINY_A_ERROR_ARGUMENT);
  CHECK_EQ_INT(tiny_a_rewind(context, 4), TINY_A_OK);
  CHECK(!tiny_a_logits(context));
  tokens[4] = 0;
  CHECK_EQ_INT(tiny_a_feed(context, tokens + 4, 2), TINY_A_OK);
  CHECK(logits_are_right(tiny_a_logits(context), tokens, 6, BYTE_A));
  tiny_a_context_destroy(context);
}

/// What another thread does to a context.
static void *stop(void *context) {
  tiny_a_stop(context);
  return NULL;
}

static void test_stop(const tiny_a_model *model) {
  enum { ALL = TINY_A_CONTEXT_LENGTH };
  static int32_t tokens[ALL];
  tiny_a_context *context;
  pthread_t thread;
  REQUIRE(!tiny_a_context_create(model, ALL, 1, &context));
  tiny_a_stop(context);
  CHECK_EQ_INT(tiny_a_feed(context, tokens, 5), TINY_A_ERROR_STOPPED);
  CHECK_EQ_INT(tiny_a_position(context), 0);
  CHECK(!tiny_a_logits(context));
  CHECK_EQ_INT(tiny_a_feed(context, tokens, 5), TINY_A_OK); // only one feeding is stopped
  REQUIRE(!pthread_create(&thread, NULL, stop, context));
  tiny_a_error error = TINY_A_OK;
  while (!error) {
    CHECK_EQ_INT(tiny_a_rewind(context, 0), TINY_A_OK);
    error = tiny_a_feed(context, tokens, ALL);
  }
  pthread_join(thread, NULL);
  CHECK_EQ_INT(error, TINY_A_ERROR_STOPPED);
  CHECK(tiny_a_position(context) < ALL && tiny_a_position(context) % 128 == 0);
  CHECK(!tiny_a_logits(context));
  int64_t position = tiny_a_position(context); // and it goes on from there
  CHECK_EQ_INT(tiny_a_feed(context, tokens + position, (size_t)(ALL - position)), TINY_A_OK);
  CHECK(logits_are_right(tiny_a_logits(context), tokens, ALL, BYTE_A));
  tiny_a_context_destroy(context);
}

static void test_sampling(const tiny_a_model *model) {
  int32_t tokens[] = {1, 2, 3}, token = -1, first[8], second[8];
  tiny_a_sampling greedy = {0}, varied = {.temperature = 40, .seed = 7}, again = varied,
                  wrong = {.temperature = -1};
  tiny_a_context *context;
  REQUIRE(!tiny_a_context_create(model, 10, 1, &context));
  CHECK_EQ_INT(tiny_a_sample(context, &greedy, &token), TINY_A_ERROR_EMPTY);
  REQUIRE(!tiny_a_feed(context, tokens, 3));
  const float *logits = tiny_a_logits(context);
  CHECK_EQ_INT(tiny_a_sample(context, &greedy, &token), TINY_A_OK);
  for (int v = 0; v < V; ++v)
    CHECK(logits[v] < logits[token] || (logits[v] == logits[token] && v >= token));
  unsigned mode = _mm_getcsr();
  bool differs = false;
  for (int i = 0; i < 8; ++i) {
    CHECK_EQ_INT(tiny_a_sample(context, &varied, &first[i]), TINY_A_OK);
    differs = differs || first[i] != first[0];
  }
  _mm_setcsr(mode | 0xe040); // round towards zero, lose subnormals
  for (int i = 0; i < 8; ++i)
    CHECK_EQ_INT(tiny_a_sample(context, &again, &second[i]), TINY_A_OK);
  CHECK_EQ_INT(_mm_getcsr() & 0xe040, 0xe040);
  _mm_setcsr(mode);
  CHECK(differs && memcmp(first, second, sizeof first) == 0 && varied.seed == again.seed);
  tiny_a_sampling narrow = {.temperature = 100, .top_k = 1, .seed = 1};
  CHECK_EQ_INT(tiny_a_sample(context, &narrow, &first[0]), TINY_A_OK);
  CHECK_EQ_INT(first[0], token);
  CHECK_EQ_INT(tiny_a_sample(context, &wrong, &token), TINY_A_ERROR_ARGUMENT);
  wrong = (tiny_a_sampling){.temperature = NAN};
  CHECK_EQ_INT(tiny_a_sample(context, &wrong, &token), TINY_A_ERROR_ARGUMENT);
  wrong = (tiny_a_sampling){.top_p = 1.5f};
  CHECK_EQ_INT(tiny_a_sample(context, &wrong, &token), TINY_A_ERROR_ARGUMENT);
  wrong = (tiny_a_sampling){.top_k = -1};
  CHECK_EQ_INT(tiny_a_sample(context, &wrong, &token), TINY_A_ERROR_ARGUMENT);
  CHECK_EQ_INT(tiny_a_sample(context, NULL, &token), TINY_A_ERROR_ARGUMENT);
  tiny_a_context_destroy(context);
}

static void test_encoding(const tiny_a_model *model) {
  const char *text = "a<|end|>";
  int32_t tokens[16];
  size_t count;
  CHECK_EQ_INT(tiny_a_encode(model, "ab", 2, 0, NULL, 0, &count), TINY_A_OK);
  CHECK_EQ_INT(count, 2);
  CHECK_EQ_INT(tiny_a_encode(model, "ab", 2, TINY_A_ENCODE_START, tokens, 16, &count), TINY_A_OK);
  CHECK_EQ_INT(count, 3);
  CHECK(tokens[0] == TINY_A_BOS && tokens[1] == token_of('a') && tokens[2] == token_of('b'));
  CHECK_EQ_INT(tiny_a_encode(model, text, strlen(text), TINY_A_ENCODE_CONTROL, tokens, 16, &count),
               TINY_A_OK);
  CHECK(count == 2 && tokens[1] == TINY_A_EOS && tiny_a_is_control(model, tokens[1]));
  CHECK_EQ_INT(tiny_a_encode(model, text, strlen(text), 0, tokens, 16, &count), TINY_A_OK);
  CHECK(count == strlen(text) && !tiny_a_is_control(model, tokens[1]));
  CHECK_EQ_INT(tiny_a_encode(model, "", 0, 0, tokens, 16, &count), TINY_A_OK);
  CHECK_EQ_INT(count, 0);
  CHECK_EQ_INT(tiny_a_encode(model, NULL, 1, 0, tokens, 16, &count), TINY_A_ERROR_ARGUMENT);
  CHECK_EQ_INT(tiny_a_encode(model, "a", 1, 64, tokens, 16, &count), TINY_A_ERROR_ARGUMENT);
  CHECK_EQ_INT(tiny_a_encode(model, "a", 1, 0, NULL, 16, &count), TINY_A_ERROR_ARGUMENT);
}

static void test_decoding(const tiny_a_model *model) {
  const char euro[] = "\xe2\x82\xac";
  char text[TINY_A_TEXT_SIZE];
  size_t length;
  tiny_a_decoder decoder = {0};
  for (int i = 0; i < 3; ++i) {
    CHECK_EQ_INT(tiny_a_decode(model, &decoder, token_of(euro[i]), text, &length), TINY_A_OK);
    CHECK_EQ_STR(text, i == 2 ? euro : "");
    CHECK_EQ_INT(length, strlen(text));
  }
  CHECK_EQ_INT(tiny_a_decode(model, &decoder, TINY_A_EOS, text, NULL), TINY_A_OK);
  CHECK_EQ_STR(text, "");
  CHECK_EQ_INT(tiny_a_decode(model, &decoder, token_of(euro[0]), text, NULL), TINY_A_OK);
  CHECK_EQ_INT(tiny_a_decode_end(&decoder, text, &length), TINY_A_OK);
  CHECK_EQ_STR(text, "\xef\xbf\xbd");
  CHECK_EQ_INT(tiny_a_decode_end(&decoder, text, &length), TINY_A_OK);
  CHECK_EQ_STR(text, "");
  CHECK_EQ_INT(tiny_a_decode(model, &decoder, V, text, NULL), TINY_A_ERROR_TOKEN);
  CHECK_EQ_INT(tiny_a_decode(model, &decoder, -1, text, NULL), TINY_A_ERROR_TOKEN);
  CHECK_EQ_INT(tiny_a_decode(model, NULL, 1, text, NULL), TINY_A_ERROR_ARGUMENT);
  decoder.count = 99;
  CHECK_EQ_INT(tiny_a_decode(model, &decoder, 1, text, NULL), TINY_A_ERROR_ARGUMENT);
}

/// A thread's work: what it uses, and how many of its logits were wrong.
typedef struct {
  tiny_a_model *a;
  tiny_b_model *b;
  int wrong;
} job;

/// Feeds a context of model A again and again.
static void *run_a(void *argument) {
  job *j = argument;
  int32_t tokens[MANY];
  tiny_a_context *context;
  some_tokens(tokens, MANY, 2);
  REQUIRE(!tiny_a_context_create(j->a, MANY, 2, &context));
  for (int i = 0; i < 200; ++i)
    j->wrong += tiny_a_rewind(context, 0) || tiny_a_feed(context, tokens, MANY) ||
                !logits_are_right(tiny_a_logits(context), tokens, MANY, BYTE_A);
  tiny_a_context_destroy(context);
  return NULL;
}

/// The same with model B.
static void *run_b(void *argument) {
  job *j = argument;
  int32_t tokens[MANY];
  tiny_b_context *context;
  some_tokens(tokens, MANY, 9);
  REQUIRE(!tiny_b_context_create(j->b, MANY, 2, &context));
  for (int i = 0; i < 200; ++i)
    j->wrong += tiny_b_rewind(context, 0) || tiny_b_feed(context, tokens, MANY) ||
                !logits_are_right(tiny_b_logits(context), tokens, MANY, BYTE_B);
  tiny_b_context_destroy(context);
  return NULL;
}

/// Two contexts of one model and one of another, all at once.
static void test_together(tiny_a_model *a) {
  tiny_b_model *b;
  pthread_t threads[3];
  REQUIRE(!tiny_b_open(NULL, &b));
  job jobs[3] = {{a, b, 0}, {a, b, 0}, {a, b, 0}};
  for (int i = 0; i < 3; ++i)
    REQUIRE(!pthread_create(&threads[i], NULL, i < 2 ? run_a : run_b, &jobs[i]));
  for (int i = 0; i < 3; ++i) {
    pthread_join(threads[i], NULL);
    CHECK_EQ_INT(jobs[i].wrong, 0);
  }
  tiny_b_close(b);
}

int main(void) {
  tiny_a_model *model;
  test_open();
  test_messages();
  REQUIRE(!tiny_a_open(NULL, &model));
  test_contexts(model);
  test_pieces(model);
  test_all_logits(model);
  test_refusals(model);
  test_stop(model);
  test_sampling(model);
  test_encoding(model);
  test_decoding(model);
  test_together(model);
  tiny_a_close(model);
  return check_result();
}

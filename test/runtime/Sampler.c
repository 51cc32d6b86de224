#include "runtime/Sampler.h"
#include "Check.h"
#include <math.h>

enum { MAX_COUNT = 2048, DRAWS = 100000 };

static uint64_t workspace[MAX_COUNT];

static int32_t pick(binq_sampler *sampler, const float *logits, int64_t count) {
  return binq_sampler_pick(sampler, logits, count, workspace);
}

static void check_greedy(void) {
  binq_sampler greedy = {0};
  CHECK_EQ_INT(pick(&greedy, (float[]){1, 3, 2}, 3), 1);
  CHECK_EQ_INT(pick(&greedy, (float[]){1, 3, 3, 3}, 4), 1);
  CHECK_EQ_INT(pick(&greedy, (float[]){NAN, -5, NAN, -4}, 4), 3);
  CHECK_EQ_INT(pick(&greedy, (float[]){NAN, NAN}, 2), 0);
  CHECK_EQ_INT(pick(&greedy, (float[]){-INFINITY, -INFINITY}, 2), 0);
  CHECK_EQ_INT(greedy.state, 0);
  binq_sampler odd[] = {{.temperature = NAN}, {.temperature = -1}, {.temperature = 1e-30f}};
  for (int i = 0; i < 3; i++)
    CHECK_EQ_INT(pick(&odd[i], (float[]){1, 3, 2}, 3), 1);
  binq_sampler warm = {.temperature = 1, .top_k = 5, .top_p = 0.5f};
  CHECK_EQ_INT(pick(&warm, (float[]){1, INFINITY, INFINITY}, 3), 1);
  CHECK_EQ_INT(pick(&warm, (float[]){NAN, NAN}, 2), 0);
  CHECK_EQ_INT(pick(&warm, (float[]){7}, 1), 0);
}

/// The share of each token, softmax(logits / temperature) over the `kept` likeliest, must be that
/// of the draws: a chi-square test of 0.1 %.
static void check_shares(binq_sampler sampler, const float *logits, int count, const int *kept,
                         int kept_count) {
  static const double limits[] = {0, 10.83, 13.82, 16.27, 18.47, 20.52, 22.46, 24.32};
  int drawn[8] = {0};
  for (int i = 0; i < DRAWS; i++)
    drawn[pick(&sampler, logits, count)]++;
  double total = 0, chi = 0;
  int seen = 0;
  for (int i = 0; i < kept_count; i++)
    total += exp(logits[kept[i]] / (double)sampler.temperature);
  for (int i = 0; i < kept_count; i++) {
    double expected = DRAWS * exp(logits[kept[i]] / (double)sampler.temperature) / total;
    chi += pow(drawn[kept[i]] - expected, 2) / expected;
    seen += drawn[kept[i]];
  }
  CHECK_EQ_INT(seen, DRAWS);
  if (kept_count > 1 && chi > limits[kept_count - 1])
    CHECK_FAIL("chi-square %f with %d tokens", chi, kept_count);
}

static void check_distributions(void) {
  static const float logits[] = {0.5f, 2, -1, 1.5f, 0, 2, -3, 1};
  static const int order[] = {1, 5, 3, 7, 0, 4, 2, 6}; // likeliest first, equals by index
  check_shares((binq_sampler){1, 0, 0, 1}, logits, 8, order, 8);
  check_shares((binq_sampler){1, 0, 1, 2}, logits, 8, order, 8);
  check_shares((binq_sampler){0.6f, 8, 1, 3}, logits, 8, order, 8);
  check_shares((binq_sampler){2.5f, 100, 1, 4}, logits, 8, order, 8);
  for (int k = 1; k < 8; k++)
    check_shares((binq_sampler){0.8f, k, 1, 5}, logits, 8, order, k);
}

/// Probabilities of 1/2, 1/4, 1/8, .. in another order.
static void check_top_p(void) {
  static const float logits[] = {-2.0794415f, -0.6931472f, -2.7725887f,
                                 -1.3862944f, -3.4657359f, -3.4657359f};
  static const int order[] = {1, 3, 0, 2, 4, 5};
  static const struct {
    float top_p;
    int kept;
  } cases[] = {{1e-6f, 1}, {0.49f, 1}, {0.51f, 2}, {0.74f, 2}, {0.76f, 3},
               {0.9f, 4},  {0.96f, 5}, {0.99f, 6}, {2, 6}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    check_shares((binq_sampler){1, 0, cases[i].top_p, i}, logits, 6, order, cases[i].kept);
  // The share is that of the top k: 4/7, 2/7, 1/7.
  check_shares((binq_sampler){1, 3, 0.56f, 7}, logits, 6, order, 1);
  check_shares((binq_sampler){1, 3, 0.58f, 8}, logits, 6, order, 2);
  check_shares((binq_sampler){1, 3, 0.9f, 9}, logits, 6, order, 3);
}

/// Among many equal logits the lower ones make up the top k, whatever the heap did to them.
static void check_ties(void) {
  static float logits[MAX_COUNT];
  for (int i = 0; i < MAX_COUNT; i++)
    logits[i] = (i * 7919 % 16) < 8 ? 0.0f : 1.0f;
  int32_t seen[MAX_COUNT] = {0}, first[20], count = 0;
  for (int i = 0; count < 20; i++)
    if (logits[i] == 1)
      first[count++] = i;
  binq_sampler sampler = {1, 20, 1, 99};
  for (int i = 0; i < 2000; i++)
    seen[pick(&sampler, logits, MAX_COUNT)]++;
  int total = 0;
  for (int i = 0; i < 20; i++) {
    CHECK(seen[first[i]] > 0);
    total += seen[first[i]];
  }
  CHECK_EQ_INT(total, 2000);
}

/// What a seed gives is part of the interface.
static void check_sequence(void) {
  float logits[64];
  for (int i = 0; i < 64; i++)
    logits[i] = (float)(i * 37 % 64) / 16;
  static const int32_t expected[3][8] = {{48, 12, 19, 22, 3, 56, 15, 50},
                                         {36, 38, 12, 31, 19, 3, 57, 10},
                                         {50, 19, 10, 43, 50, 12, 5, 31}};
  static const binq_sampler samplers[] = {{1, 0, 1, 42}, {0.7f, 40, 0.9f, 42}, {1.5f, 0, 0.5f, 7}};
  for (int i = 0; i < 3; i++) {
    binq_sampler sampler = samplers[i];
    for (int j = 0; j < 8; j++)
      CHECK_EQ_INT(pick(&sampler, logits, 64), expected[i][j]);
  }
}

int main(void) {
  CHECK(binq_sampler_workspace(MAX_COUNT) <= sizeof workspace);
  check_greedy();
  check_distributions();
  check_top_p();
  check_ties();
  check_sequence();
  return check_result();
}

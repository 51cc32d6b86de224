// Budgets against every combination there is.
#include "binq/Quantize/Budget.h"
#include "Check.h"

#include <math.h>
#include <stdbool.h>

enum { ITEMS = 5, CHOICES = 4 };

typedef struct {
  binq_choice choices[ITEMS][CHOICES];
  binq_choice_item items[ITEMS];
} problem;

static uint32_t next(uint32_t *state) {
  *state = *state * 1664525 + 1013904223;
  return *state >> 8;
}

/// Losses mostly fall with the size, but not always.
static void make(problem *p, int64_t unit, uint32_t *state) {
  for (int i = 0; i < ITEMS; ++i) {
    size_t count = 1 + next(state) % CHOICES;
    for (size_t k = 0; k < count; ++k)
      p->choices[i][k] = (binq_choice){unit * (next(state) % 40),
                                       (double)(next(state) % 1000) / (double)(1 + 300 * k)};
    p->items[i] = (binq_choice_item){p->choices[i], count};
  }
}

static binq_choice sum_of(const problem *p, const size_t *chosen) {
  binq_choice sum = {0, 0};
  for (int i = 0; i < ITEMS; ++i) {
    REQUIRE(chosen[i] < p->items[i].count);
    sum.bytes += p->items[i].choices[chosen[i]].bytes;
    sum.loss += p->items[i].choices[chosen[i]].loss;
  }
  return sum;
}

/// Steps to the next combination; false after the last.
static bool step(const problem *p, size_t *chosen) {
  for (int i = 0; i < ITEMS; ++i) {
    if (++chosen[i] < p->items[i].count)
      return true;
    chosen[i] = 0;
  }
  return false;
}

static void check_least_loss(const problem *p, int64_t bytes) {
  size_t every[ITEMS] = {0}, chosen[ITEMS];
  double best = INFINITY;
  do {
    binq_choice sum = sum_of(p, every);
    if (sum.bytes <= bytes && sum.loss < best)
      best = sum.loss;
  } while (step(p, every));
  binq_status status = binq_budget_least_loss(p->items, ITEMS, bytes, chosen);
  CHECK((status == NULL) == (best < INFINITY));
  if (!status) {
    binq_choice sum = sum_of(p, chosen);
    CHECK(sum.bytes <= bytes);
    CHECK(fabs(sum.loss - best) < 1e-9);
  }
  binq_status_free(status);
}

static void check_fewest_bytes(const problem *p, double loss) {
  size_t every[ITEMS] = {0}, chosen[ITEMS];
  int64_t best = INT64_MAX;
  do {
    binq_choice sum = sum_of(p, every);
    if (sum.loss <= loss && sum.bytes < best)
      best = sum.bytes;
  } while (step(p, every));
  binq_status status = binq_budget_fewest_bytes(p->items, ITEMS, loss, chosen);
  CHECK((status == NULL) == (best < INT64_MAX));
  if (!status) {
    binq_choice sum = sum_of(p, chosen);
    CHECK(sum.loss <= loss + 1e-9);
    CHECK_EQ_INT(sum.bytes, best);
  }
  binq_status_free(status);
}

static void check_random(void) {
  uint32_t state = 1;
  for (int i = 0; i < 300; ++i) {
    problem p;
    make(&p, 64, &state);
    check_least_loss(&p, 64 * (int64_t)(next(&state) % 180));
    check_least_loss(&p, 64 * (int64_t)(next(&state) % 180) + 63);
    check_fewest_bytes(&p, (double)(next(&state) % 3000));
  }
}

/// Sizes too large to count in units of 64: never too much, and little is left over.
static void check_large(void) {
  enum { COUNT = 200 };
  static binq_choice choices[COUNT][5];
  binq_choice_item items[COUNT];
  size_t chosen[COUNT];
  uint32_t state = 2;
  for (int i = 0; i < COUNT; ++i) {
    double weight = 1 + next(&state) % 50;
    for (int k = 0; k < 5; ++k)
      choices[i][k] = (binq_choice){(100000 + next(&state) % 5000) * (k + 1), weight * pow(0.3, k)};
    items[i] = (binq_choice_item){choices[i], 5};
  }
  const int64_t budget = 60000000;
  CHECK_STATUS_OK(binq_budget_least_loss(items, COUNT, budget, chosen));
  int64_t bytes = 0;
  for (int i = 0; i < COUNT; ++i)
    bytes += items[i].choices[chosen[i]].bytes;
  CHECK(bytes <= budget && bytes > budget - budget / 100);
}

/// The least loss needs every unit there is, each item's size being rounded up to whole ones.
static void check_finest(void) {
  enum { COUNT = 100 };
  binq_choice choices[] = {{100000, 1}, {400033, 0.01}};
  binq_choice_item items[COUNT];
  size_t chosen[COUNT];
  for (int i = 0; i < COUNT; ++i)
    items[i] = (binq_choice_item){choices, 2};
  CHECK_STATUS_OK(binq_budget_fewest_bytes(items, COUNT, 1.0001, chosen));
  for (int i = 0; i < COUNT; ++i)
    CHECK_EQ_INT(chosen[i], 1);
  CHECK_STATUS_OK(binq_budget_least_loss(items, COUNT, INT64_C(1) << 40, chosen));
  for (int i = 0; i < COUNT; ++i)
    CHECK_EQ_INT(chosen[i], 1);
}

static void check_ends(void) {
  binq_choice choices[] = {{100, 5}, {200, 1}};
  binq_choice_item items[] = {{choices, 2}, {choices, 2}};
  size_t chosen[2];
  CHECK_STATUS_FAILS(binq_budget_least_loss(items, 2, 199, chosen),
                     "the smallest possible size is 200 bytes");
  CHECK_STATUS_FAILS(binq_budget_fewest_bytes(items, 2, 1.5, chosen), "the smallest possible is 2");
  CHECK_STATUS_OK(binq_budget_least_loss(items, 2, INT64_MAX / 2, chosen));
  CHECK(chosen[0] == 1 && chosen[1] == 1);
  CHECK_STATUS_OK(binq_budget_fewest_bytes(items, 2, 1e9, chosen));
  CHECK(chosen[0] == 0 && chosen[1] == 0);
  items[1] = (binq_choice_item){NULL, 0};
  CHECK_STATUS_FAILS(binq_budget_least_loss(items, 2, 1000, chosen), "none to choose from");
}

int main(void) {
  check_random();
  check_large();
  check_finest();
  check_ends();
  return check_result();
}

#include "binq/Quantize/Budget.h"
#include "binq/Support/Memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST_UNIT = 64, MOST_UNITS = 1 << 16 };

/// The least loss that the items so far can have with so many units, beyond the smallest sizes.
typedef struct {
  const binq_choice_item *items;
  size_t count;
  int64_t unit;
  int64_t units;    ///< to spend
  double *loss;     ///< [units + 1]
  double *next;     ///< [units + 1]
  uint16_t *chosen; ///< [count][units + 1]
} table;

static int64_t smallest(const binq_choice_item *item) {
  int64_t least = item->choices[0].bytes;
  for (size_t i = 1; i < item->count; ++i)
    least = item->choices[i].bytes < least ? item->choices[i].bytes : least;
  return least;
}

static int64_t largest(const binq_choice_item *item) {
  int64_t most = item->choices[0].bytes;
  for (size_t i = 1; i < item->count; ++i)
    most = item->choices[i].bytes > most ? item->choices[i].bytes : most;
  return most;
}

static double least_loss(const binq_choice_item *item) {
  double least = item->choices[0].loss;
  for (size_t i = 1; i < item->count; ++i)
    least = item->choices[i].loss < least ? item->choices[i].loss : least;
  return least;
}

/// Units that hold so many bytes.
static int64_t units_of(const table *t, int64_t bytes) {
  return (bytes + t->unit - 1) / t->unit;
}

/// Takes item `index` in: every sum with every of its choices.
static void add_item(table *t, size_t index) {
  const binq_choice_item *item = &t->items[index];
  uint16_t *chosen = t->chosen + index * (size_t)(t->units + 1);
  int64_t free = smallest(item);
  for (int64_t u = 0; u <= t->units; ++u)
    t->next[u] = INFINITY;
  for (size_t i = 0; i < item->count; ++i) {
    int64_t cost = units_of(t, item->choices[i].bytes - free);
    for (int64_t u = cost; u <= t->units; ++u) {
      double loss = t->loss[u - cost] + item->choices[i].loss;
      if (!(loss < t->next[u]))
        continue;
      t->next[u] = loss;
      chosen[u] = (uint16_t)i;
    }
  }
  double *sum = t->loss;
  t->loss = t->next;
  t->next = sum;
}

/// Reads the choices off that led to the sum at `units`.
static void trace(const table *t, int64_t units, size_t *chosen) {
  for (size_t index = t->count; index-- > 0;) {
    const binq_choice_item *item = &t->items[index];
    chosen[index] = t->chosen[index * (size_t)(t->units + 1) + (size_t)units];
    units -= units_of(t, item->choices[chosen[index]].bytes - smallest(item));
  }
}

static void release(const table *t) {
  free(t->loss);
  free(t->next);
  free(t->chosen);
}

static binq_status allocate(table *t) {
  size_t width = (size_t)t->units + 1, entries;
  BINQ_TRY(binq_size_multiply(t->count, width, "a budget", &entries));
  BINQ_TRY(binq_allocate(width, sizeof *t->loss, "a budget", &t->loss));
  BINQ_TRY(binq_allocate(width, sizeof *t->next, "a budget", &t->next));
  return binq_allocate(entries, sizeof *t->chosen, "a budget", &t->chosen);
}

static binq_status check(const binq_choice_item *items, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (items[i].count == 0 || items[i].count > UINT16_MAX)
      return binq_errorf("%zu choices are none to choose from", items[i].count);
  return BINQ_OK;
}

/// A table that counts up to `bytes` beyond the smallest sizes, or to what all items can take.
static table table_of(const binq_choice_item *items, size_t count, int64_t bytes) {
  table t = {.items = items, .count = count};
  int64_t range = 0, units = 0;
  for (size_t i = 0; i < count; ++i)
    range += largest(&items[i]) - smallest(&items[i]);
  range = bytes < range ? bytes : range;
  t.unit = (range / MOST_UNITS / SMALLEST_UNIT + 1) * SMALLEST_UNIT;
  for (size_t i = 0; i < count; ++i)
    units += units_of(&t, largest(&items[i]) - smallest(&items[i]));
  t.units = bytes / t.unit < units ? bytes / t.unit : units;
  return t;
}

static binq_status fill(table *t) {
  BINQ_TRY(allocate(t));
  for (size_t i = 0; i < t->count; ++i)
    add_item(t, i);
  return BINQ_OK;
}

binq_status binq_budget_least_loss(const binq_choice_item *items, size_t count, int64_t bytes,
                                   size_t *chosen) {
  BINQ_TRY(check(items, count));
  int64_t least = 0;
  for (size_t i = 0; i < count; ++i)
    least += smallest(&items[i]);
  if (bytes < least)
    return binq_errorf("the smallest possible size is %" PRId64 " bytes", least);
  table t = table_of(items, count, bytes - least);
  binq_status status = fill(&t);
  if (!status)
    trace(&t, t.units, chosen);
  release(&t);
  return status;
}

binq_status binq_budget_fewest_bytes(const binq_choice_item *items, size_t count, double loss,
                                     size_t *chosen) {
  BINQ_TRY(check(items, count));
  double least = 0;
  for (size_t i = 0; i < count; ++i)
    least += least_loss(&items[i]);
  if (!(loss >= least))
    return binq_errorf("the smallest possible is %.4g", least);
  table t = table_of(items, count, INT64_MAX);
  binq_status status = fill(&t);
  int64_t units = 0;
  while (!status && units < t.units && t.loss[units] > loss)
    ++units;
  if (!status)
    trace(&t, units, chosen);
  release(&t);
  return status;
}

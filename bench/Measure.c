#include "Measure.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS_MAX = 1000 };

static double seconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/// Threads of other libraries stay awake for a while after their work and would take the next one's
/// time: waits until all sleep, a second at most.
static void settle(const bench_match *match) {
  const struct timespec pause = {0, 5000000};
  if (match->setting.threads == 1 || match->effort.slice <= 0)
    return;
  for (int i = 0; i < 200; i++) {
    double before = seconds(CLOCK_PROCESS_CPUTIME_ID);
    nanosleep(&pause, NULL);
    if (seconds(CLOCK_PROCESS_CPUTIME_ID) - before < 0.0005)
      return;
  }
}

static double run(const bench_match *match, bench_entrant *e, int64_t calls) {
  int64_t copies = match->cold ? e->contestant.copies : 1;
  double start = seconds(CLOCK_MONOTONIC);
  e->contestant.run(e->contestant.state, e->next, calls, copies);
  e->next = (e->next + calls) % copies;
  return seconds(CLOCK_MONOTONIC) - start;
}

/// Chooses how many calls fill a slice.
static void warm(const bench_match *match, bench_entrant *e) {
  e->next = 0;
  e->batch = e->contestant.prepare(e->contestant.state, &match->setting);
  run(match, e, e->batch);
  double passed = run(match, e, e->batch), wanted = match->effort.slice;
  double batches = passed > 0 ? wanted / passed + 1 : 1;
  e->calls = e->batch * (batches < 1e6 ? (int64_t)batches : 1000000);
}

/// Threads that have slept wake up, and the system finds a core for each, unless a call takes so
/// long that this does not count.
static void wake(const bench_match *match, bench_entrant *e) {
  int64_t batches = e->calls / e->batch;
  if (batches > 1)
    run(match, e, match->setting.threads > 1 ? (batches + 1) / 2 * e->batch : e->batch);
}

void bench_measure(bench_match *match) {
  for (int i = 0; i < match->count; i++)
    warm(match, &match->entrants[i]);
  for (int round = 0; round < match->effort.rounds; round++)
    for (int i = 0; i < match->count; i++) {
      bench_entrant *e = &match->entrants[(i + round) % match->count];
      settle(match);
      wake(match, e);
      e->seconds[round] = run(match, e, e->calls) / (double)e->calls;
    }
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double bench_median(const double *values, int count) {
  double sorted[ROUNDS_MAX];
  if (count > ROUNDS_MAX)
    count = ROUNDS_MAX;
  memcpy(sorted, values, (size_t)count * sizeof *values);
  qsort(sorted, (size_t)count, sizeof *sorted, compare);
  return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

double bench_ratio(const bench_match *match, const bench_entrant *a, const bench_entrant *b) {
  double ratios[ROUNDS_MAX];
  int count = match->effort.rounds < ROUNDS_MAX ? match->effort.rounds : ROUNDS_MAX;
  for (int i = 0; i < count; i++)
    ratios[i] = a->seconds[i] / b->seconds[i];
  return bench_median(ratios, count);
}

const bench_entrant *bench_find(const bench_match *match, bench_kind kind) {
  for (int i = 0; i < match->count; i++)
    if (match->entrants[i].kind == kind)
      return &match->entrants[i];
  return NULL;
}

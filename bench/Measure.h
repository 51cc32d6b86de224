/// Contestants in turn, round after round, so that what else the machine does hits all alike.
#ifndef BINQ_BENCH_MEASURE_H
#define BINQ_BENCH_MEASURE_H

#include "Contestant.h"
#include "binq/Support/Status.h"
#include <stdbool.h>

typedef enum { BENCH_OURS, BENCH_PEER, BENCH_READ, BENCH_MULTIPLY } bench_kind;

typedef struct {
  bench_kind kind;
  bench_contestant contestant;
  int64_t batch, calls; ///< calls that run together, and in a round
  int64_t next;         ///< the copy that comes next
  double *seconds;      ///< of a call, a round each
} bench_entrant;

/// How long to measure.
typedef struct {
  int rounds;
  double slice; ///< seconds that an entrant runs in a round, at least
} bench_effort;

/// One shape and setting, and what came of it.
typedef struct {
  bench_shape shape;
  bench_setting setting;
  bool cold; ///< weights come from memory: every call takes another copy
  bench_effort effort;
  bench_entrant *entrants;
  int count;
} bench_match;

/// Fills the seconds of all entrants.
void bench_measure(bench_match *match);

/// Of `count` values, which stay as they are.
double bench_median(const double *values, int count);
/// The median over the rounds of a's seconds by b's.
double bench_ratio(const bench_match *match, const bench_entrant *a, const bench_entrant *b);
/// The entrant of that kind, or NULL.
const bench_entrant *bench_find(const bench_match *match, bench_kind kind);

#endif

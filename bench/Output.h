/// What was measured, as a table for people and as JSON.
#ifndef BINQ_BENCH_OUTPUT_H
#define BINQ_BENCH_OUTPUT_H

#include "Measure.h"
#include <stdio.h>

void bench_print_match(const bench_match *match, FILE *out);

/// The file is one object: what it was measured on, and "matches".
void bench_json_begin(int rounds, FILE *out);
/// `is_first`: there was none before.
void bench_json_match(const bench_match *match, bool is_first, FILE *out);
void bench_json_end(FILE *out);

/// Of the median round: multiplications with a weight in a nanosecond, and gigabytes of weights in
/// a second.
double bench_speed(const bench_match *match, const bench_entrant *entrant);
double bench_bandwidth(const bench_match *match, const bench_entrant *entrant);
/// The part of the read probe's bandwidth that is, in the median round; 0: nothing was probed.
double bench_share(const bench_match *match, const bench_entrant *entrant);
/// Of the multiply probe, in a nanosecond.
double bench_multiplies_per_ns(const bench_match *match);

#endif

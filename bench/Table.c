#include "Output.h"
#include "Probes.h"
#include <string.h>

double bench_speed(const bench_match *match, const bench_entrant *entrant) {
  double products = (double)match->shape.rows * (double)match->shape.columns;
  return products * (double)match->setting.tokens / 1e9 /
         bench_median(entrant->seconds, match->effort.rounds);
}

double bench_bandwidth(const bench_match *match, const bench_entrant *entrant) {
  return (double)entrant->contestant.bytes / 1e9 /
         bench_median(entrant->seconds, match->effort.rounds);
}

double bench_share(const bench_match *match, const bench_entrant *entrant) {
  const bench_entrant *read = bench_find(match, BENCH_READ);
  if (!read)
    return 0;
  return bench_ratio(match, read, entrant) * (double)entrant->contestant.bytes /
         (double)read->contestant.bytes;
}

double bench_multiplies_per_ns(const bench_match *match) {
  const bench_entrant *multiply = bench_find(match, BENCH_MULTIPLY);
  return (double)bench_multiplies(match->setting.threads) / 1e9 /
         bench_median(multiply->seconds, match->effort.rounds);
}

/// "x q4_0" for "q4_0 CPU_REPACK".
static void print_column(const char *name, FILE *out) {
  int length = (int)strcspn(name, " ");
  (void)fprintf(out, " %*s%.*s", length < 7 ? 9 - length : 2, "x ", length, name);
}

static void print_heading(const bench_match *match, FILE *out) {
  const bench_entrant *read = bench_find(match, BENCH_READ);
  (void)fprintf(out, "%lldx%lld, %lld token%s, %d thread%s, %s: the machine multiplies %.0f MAC/ns",
                (long long)match->shape.rows, (long long)match->shape.columns,
                (long long)match->setting.tokens, match->setting.tokens == 1 ? "" : "s",
                match->setting.threads, match->setting.threads == 1 ? "" : "s",
                match->cold ? "cold" : "hot", bench_multiplies_per_ns(match));
  if (read)
    (void)fprintf(out, ", reads %.1f GB/s", bench_bandwidth(match, read));
  (void)fprintf(out, "\n%-24s %6s %10s %8s %7s %8s", "", "bits", "us", "MAC/ns", "GB/s", "of read");
  for (int i = 0; i < match->count; i++)
    if (match->entrants[i].kind == BENCH_PEER)
      print_column(match->entrants[i].contestant.name, out);
  (void)fputc('\n', out);
}

static void print_entrant(const bench_match *match, const bench_entrant *e, FILE *out) {
  double weights = (double)match->shape.rows * (double)match->shape.columns;
  (void)fprintf(out, "%-24s %6.3f %10.1f %8.1f %7.1f ", e->contestant.name,
                8 * (double)e->contestant.bytes / weights,
                1e6 * bench_median(e->seconds, match->effort.rounds), bench_speed(match, e),
                bench_bandwidth(match, e));
  if (bench_find(match, BENCH_READ))
    (void)fprintf(out, "%8.2f", bench_share(match, e));
  else
    (void)fprintf(out, "%8s", "-");
  for (int i = 0; i < match->count; i++)
    if (match->entrants[i].kind == BENCH_PEER)
      (void)fprintf(out, " %9.2f", bench_ratio(match, &match->entrants[i], e));
  (void)fputc('\n', out);
}

void bench_print_match(const bench_match *match, FILE *out) {
  print_heading(match, out);
  for (int i = 0; i < match->count; i++)
    if (match->entrants[i].kind == BENCH_OURS || match->entrants[i].kind == BENCH_PEER)
      print_entrant(match, &match->entrants[i], out);
  (void)fputc('\n', out);
  (void)fflush(out);
}

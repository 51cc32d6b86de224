#include "Ours.h"
#include "Output.h"
#include <string.h>

static void write_string(const char *text, FILE *out) {
  (void)fputc('"', out);
  for (; *text; text++) {
    if (*text == '"' || *text == '\\')
      (void)fputc('\\', out);
    if ((unsigned char)*text >= ' ')
      (void)fputc(*text, out);
  }
  (void)fputc('"', out);
}

/// What the system calls the processor.
static void read_processor(char *out, size_t size) {
  char line[256];
  FILE *file = fopen("/proc/cpuinfo", "re");
  out[0] = 0;
  while (file && fgets(line, sizeof line, file)) {
    const char *value = strstr(line, ": ");
    if (strncmp(line, "model name", 10) != 0 || !value)
      continue;
    (void)snprintf(out, size, "%s", value + 2);
    break;
  }
  if (file)
    (void)fclose(file);
}

void bench_json_begin(int rounds, FILE *out) {
  char processor[256];
  read_processor(processor, sizeof processor);
  (void)fprintf(out, "{\"processor\": ");
  write_string(processor, out);
  (void)fprintf(
      out, ", \"isa\": \"%s\", \"binq\": \"" BINQ_VERSION "\", \"rounds\": %d,\n \"matches\": [",
      bench_ours_isa(), rounds);
}

void bench_json_end(FILE *out) {
  (void)fprintf(out, "\n ]}\n");
}

static void write_seconds(const bench_match *match, const bench_entrant *e, FILE *out) {
  (void)fprintf(out, "\"seconds\": [");
  for (int i = 0; i < match->effort.rounds; i++)
    (void)fprintf(out, "%s%.4g", i ? ", " : "", e->seconds[i]);
  (void)fputc(']', out);
}

static void write_entrant(const bench_match *match, const bench_entrant *e, FILE *out) {
  (void)fprintf(out, "\n     {\"name\": ");
  write_string(e->contestant.name, out);
  (void)fprintf(out,
                ", \"kind\": \"%s\", \"bytes\": %lld, \"mac_per_ns\": %.4g, \"gb_per_s\": %.4g",
                e->kind == BENCH_OURS ? "ours" : "peer", (long long)e->contestant.bytes,
                bench_speed(match, e), bench_bandwidth(match, e));
  if (bench_find(match, BENCH_READ))
    (void)fprintf(out, ", \"of_read\": %.4g", bench_share(match, e));
  (void)fprintf(out, ",\n      \"times\": {");
  const char *separator = "";
  for (int i = 0; i < match->count; i++) {
    if (match->entrants[i].kind != BENCH_PEER)
      continue;
    (void)fputs(separator, out);
    write_string(match->entrants[i].contestant.name, out);
    (void)fprintf(out, ": %.4g", bench_ratio(match, &match->entrants[i], e));
    separator = ", ";
  }
  (void)fprintf(out, "}, ");
  write_seconds(match, e, out);
  (void)fputc('}', out);
}

void bench_json_match(const bench_match *match, bool is_first, FILE *out) {
  const bench_entrant *read = bench_find(match, BENCH_READ);
  const char *separator = "";
  (void)fprintf(out,
                "%s\n  {\"rows\": %lld, \"columns\": %lld, \"tokens\": %lld, \"threads\": %d, ",
                is_first ? "" : ",", (long long)match->shape.rows, (long long)match->shape.columns,
                (long long)match->setting.tokens, match->setting.threads);
  (void)fprintf(out, "\"cache\": \"%s\", \"multiply_mac_per_ns\": %.4g, ",
                match->cold ? "cold" : "hot", bench_multiplies_per_ns(match));
  if (read)
    (void)fprintf(out, "\"read_gb_per_s\": %.4g, ", bench_bandwidth(match, read));
  (void)fprintf(out, "\"linears\": [");
  for (int i = 0; i < match->count; i++) {
    if (match->entrants[i].kind != BENCH_OURS && match->entrants[i].kind != BENCH_PEER)
      continue;
    (void)fputs(separator, out);
    write_entrant(match, &match->entrants[i], out);
    separator = ",";
  }
  (void)fprintf(out, "]}");
}

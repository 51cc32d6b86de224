#include "binq/Driver/Explain.h"

#include "binq/Conversion/Lowering.h"

#include <inttypes.h>
#include <string.h>

static void explain_planes(const binq_isa *isa, int64_t activation_planes, FILE *out) {
  int64_t few_tokens = binq_lowering_few_tokens(isa, activation_planes);
  (void)fprintf(out, "  %" PRId64 " planes of activations: lut", activation_planes);
  if (few_tokens < INT64_MAX)
    (void)fprintf(out, " up to %" PRId64 " token%s, dot beyond", few_tokens,
                  few_tokens == 1 ? "" : "s");
  (void)fputc('\n', out);
}

static void explain_isa(const binq_isa *isa, const char *lowering, FILE *out) {
  const binq_lowering_costs *cost = binq_lowering_costs_of(isa);
  (void)fprintf(out,
                "%s, cost of a weight for a token%s: popcount %" PRId64 ", lut %" PRId64
                " (twice with 8 planes), dot %" PRId64 " and once %" PRId64 "\n",
                isa->name, cost->is_guess ? " (a guess)" : "", cost->popcount, cost->lut, cost->dot,
                cost->expand);
  if (strcmp(lowering, "auto") != 0) {
    (void)fprintf(out, "  %s, as asked for\n", lowering);
    return;
  }
  explain_planes(isa, 4, out);
  explain_planes(isa, 8, out);
}

void binq_explain_lowering(const char *target, const char *lowering, FILE *out) {
  for (size_t i = 0; i < BINQ_ISA_COUNT; i++)
    if (strcmp(binq_isas[i].target, target) == 0)
      explain_isa(&binq_isas[i], lowering, out);
}

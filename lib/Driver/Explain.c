#include "binq/Driver/Explain.h"

#include "binq/Conversion/Lowering.h"

#include <inttypes.h>
#include <string.h>

static void explain_planes(const binq_isa *isa, int64_t activation_planes, FILE *out) {
  int64_t few_tokens;
  binq_lowering few = binq_lowering_for_few(isa, activation_planes, &few_tokens);
  (void)fprintf(out,
                "  %" PRId64 " planes of activations: %s up to %" PRId64 " tokens, dot beyond\n",
                activation_planes, binq_lowering_name(few), few_tokens);
}

static void explain_isa(const binq_isa *isa, const char *lowering, FILE *out) {
  const binq_lowering_costs *cost = binq_lowering_costs_of(isa);
  (void)fprintf(out,
                "%s: nanoseconds for 1000 weights and a token: popcount %" PRId64 ", lut %" PRId64
                " (twice with 8 planes); dot %" PRId64 ", and once %" PRId64 "\n",
                isa->name, cost->popcount, cost->lut, cost->dot, cost->expand);
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

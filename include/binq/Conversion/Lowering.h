/// The ways to compute a linear with bit planes (docs/architecture.md), and what they cost.
#ifndef BINQ_CONVERSION_LOWERING_H
#define BINQ_CONVERSION_LOWERING_H

#include "binq/Support/Status.h"
#include "runtime/Isa.h"
#include <stdbool.h>
#include <stdint.h>

typedef enum {
  BINQ_LOWERING_AUTO, ///< what costs least, by the count of tokens
  BINQ_LOWERING_POPCOUNT,
  BINQ_LOWERING_LUT,
  BINQ_LOWERING_DOT,
} binq_lowering;

/// "auto", "popcount", "lut" or "dot"; back, an error that says what there is.
const char *binq_lowering_name(binq_lowering lowering);
binq_status binq_lowering_of(const char *name, binq_lowering *out);

/// What 1000 weights cost, roughly in nanoseconds of one CPU; only the ratios count. Those of
/// popcount and lut are for four planes of activations, and double with eight.
typedef struct {
  const char *isa;
  int64_t popcount, lut; ///< for each token
  int64_t expand, dot;   ///< once, and for each token
  bool is_guess;         ///< nobody has measured
} binq_lowering_costs;

const binq_lowering_costs *binq_lowering_costs_of(const binq_isa *isa);

/// Up to how many tokens BINQ_LOWERING_AUTO is lut; beyond, it is dot. INT64_MAX: always lut.
int64_t binq_lowering_few_tokens(const binq_isa *isa, int64_t activation_planes);

#endif

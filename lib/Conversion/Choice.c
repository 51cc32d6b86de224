#include "Choice.h"

#include <string.h>

static const char *const names[] = {
    [BINQ_LOWERING_AUTO] = "auto",
    [BINQ_LOWERING_POPCOUNT] = "popcount",
    [BINQ_LOWERING_LUT] = "lut",
    [BINQ_LOWERING_DOT] = "dot",
};
enum { NAMES = sizeof names / sizeof *names };

// 4096 x 4096 weights in the cache, one thread of a Zen 4. Where four sums do not fit 16 bits
// (dot_pairs.mlir), dot costs more than this tells.
static const binq_lowering_costs costs[] = {
    {.isa = "x86-64-v2", .popcount = 77, .lut = 32, .expand = 81, .dot = 20},
    {.isa = "x86-64-v3", .popcount = 31, .lut = 10, .expand = 33, .dot = 8},
    {.isa = "x86-64-v4", .popcount = 14, .lut = 11, .expand = 29, .dot = 5},
    {.isa = "armv8-a", .popcount = 60, .lut = 31, .expand = 88, .dot = 32, .is_guess = true},
    {.isa = "armv8.2-a", .popcount = 60, .lut = 31, .expand = 88, .dot = 12, .is_guess = true},
};
_Static_assert(sizeof costs / sizeof *costs == BINQ_ISA_COUNT,
               "every instruction set has its costs");

const char *binq_lowering_name(binq_lowering lowering) {
  return names[lowering];
}

binq_status binq_lowering_of(const char *name, binq_lowering *out) {
  for (int i = 0; i < NAMES; i++)
    if (strcmp(name, names[i]) == 0) {
      *out = (binq_lowering)i;
      return BINQ_OK;
    }
  return binq_errorf("'%s' is no lowering; there are auto, popcount, lut and dot", name);
}

const binq_lowering_costs *binq_lowering_costs_of(const binq_isa *isa) {
  const binq_lowering_costs *found = costs;
  while (strcmp(found->isa, isa->name) != 0)
    found++;
  return found;
}

int64_t binq_lowering_few_tokens(const binq_isa *isa, int64_t activation_planes) {
  const binq_lowering_costs *cost = binq_lowering_costs_of(isa);
  int64_t lut = cost->lut * activation_planes / 4;
  return lut > cost->dot ? cost->expand / (lut - cost->dot) : INT64_MAX;
}

binq_way binq_way_of(const binq_isa *isa, binq_lowering lowering, int64_t activation_planes) {
  if (lowering != BINQ_LOWERING_AUTO)
    return (binq_way){lowering, lowering, INT64_MAX};
  int64_t few_tokens = binq_lowering_few_tokens(isa, activation_planes);
  binq_lowering many = few_tokens == INT64_MAX ? BINQ_LOWERING_LUT : BINQ_LOWERING_DOT;
  return (binq_way){BINQ_LOWERING_LUT, many, few_tokens};
}

unsigned binq_way_parts(const binq_way *choice) {
  static const unsigned parts[] = {
      [BINQ_LOWERING_POPCOUNT] = BINQ_PART_PLANES,
      [BINQ_LOWERING_LUT] = BINQ_PART_LEVELS | BINQ_PART_TABLES,
      [BINQ_LOWERING_DOT] = BINQ_PART_LEVELS,
  };
  return parts[choice->few] | parts[choice->many];
}

int64_t binq_way_table_tokens(const binq_way *choice) {
  return choice->few == BINQ_LOWERING_LUT ? choice->few_tokens : 0;
}

#include "Choice.h"

#include <string.h>

static const char *const names[] = {
    [BINQ_LOWERING_AUTO] = "auto",
    [BINQ_LOWERING_POPCOUNT] = "popcount",
    [BINQ_LOWERING_LUT] = "lut",
    [BINQ_LOWERING_DOT] = "dot",
};
enum { NAMES = sizeof names / sizeof *names };

// To expand weights to bytes costs about what it costs to look up in tables for three tokens.
enum { FEW_TOKENS = 3 };

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

binq_choice binq_choose(binq_lowering lowering) {
  if (lowering == BINQ_LOWERING_AUTO)
    return (binq_choice){BINQ_LOWERING_LUT, BINQ_LOWERING_DOT, FEW_TOKENS};
  return (binq_choice){lowering, lowering, INT64_MAX};
}

unsigned binq_choice_parts(const binq_choice *choice) {
  static const unsigned parts[] = {
      [BINQ_LOWERING_POPCOUNT] = BINQ_PART_PLANES,
      [BINQ_LOWERING_LUT] = BINQ_PART_LEVELS | BINQ_PART_TABLES,
      [BINQ_LOWERING_DOT] = BINQ_PART_LEVELS,
  };
  return parts[choice->few] | parts[choice->many];
}

int64_t binq_choice_table_tokens(const binq_choice *choice) {
  return choice->few == BINQ_LOWERING_LUT ? choice->few_tokens : 0;
}

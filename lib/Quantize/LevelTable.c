/// The levels that integer plane scales give activations.
#include "binq/Quantize/Layout.h"

#include <inttypes.h>

enum { SHORT_PLANES = 4, LONG_PLANES = 8, LEVELS = 16 };

static binq_status check_short(const int32_t *scales) {
  int64_t span = 0;
  for (int k = 0; k < SHORT_PLANES; ++k) {
    int last = k == SHORT_PLANES - 1;
    if (last ? scales[k] >= 0 : scales[k] <= 0)
      return binq_errorf("plane scale %" PRId32 " has the wrong sign: only the last is negative",
                         scales[k]);
    span += last ? -(int64_t)scales[k] : scales[k];
  }
  if (span > BINQ_MAX_SPAN)
    return binq_errorf("plane scales span %" PRId64 ", more than %d", span, BINQ_MAX_SPAN);
  return BINQ_OK;
}

static binq_status check_long(const int32_t *scales) {
  for (int k = 0; k < LONG_PLANES; ++k)
    if (scales[k] != (k == LONG_PLANES - 1 ? -(1 << k) : 1 << k))
      return binq_errorf("8 activation planes have scales 1, 2, 4, .., 64, -128; scale %d is"
                         " %" PRId32,
                         k, scales[k]);
  return BINQ_OK;
}

/// Sorts the 16 sums ascending, equal ones by code.
static void fill_levels(binq_level_table *table) {
  for (int32_t code = 0; code < LEVELS; ++code) {
    int32_t sum = 0;
    for (int k = 0; k < SHORT_PLANES; ++k)
      sum += (code >> k & 1) * table->plane_scale[k];
    int place = code;
    for (; place > 0 && table->level[place - 1] > sum; --place) {
      table->level[place] = table->level[place - 1];
      table->code[place] = table->code[place - 1];
    }
    table->level[place] = sum;
    table->code[place] = code;
  }
  for (int i = 0; i + 1 < LEVELS; ++i)
    table->threshold[i] = (float)(table->level[i] + table->level[i + 1]) * 0.5F;
}

binq_status binq_level_table_of(const int32_t *plane_scales, int planes, binq_level_table *out) {
  if (planes != SHORT_PLANES && planes != LONG_PLANES)
    return binq_errorf("activations have 4 or 8 planes, not %d", planes);
  BINQ_TRY(planes == SHORT_PLANES ? check_short(plane_scales) : check_long(plane_scales));
  binq_level_table table = {.planes = planes, .lowest = (float)plane_scales[planes - 1]};
  for (int k = 0; k < planes; ++k)
    table.plane_scale[k] = plane_scales[k];
  if (planes == SHORT_PLANES)
    fill_levels(&table);
  *out = table;
  return BINQ_OK;
}

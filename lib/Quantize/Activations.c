/// What quantized activations stand for.
#include "Tasks.h"
#include "binq/Quantize/Quantize.h"

#include <string.h>

enum { TOKENS_OF_A_TASK = 16, SHORT_PLANES = 4, LEVELS = 16 };

typedef struct {
  const float *x;
  int64_t tokens, columns;
  const uint16_t *order;
  binq_layout layout;
  const binq_level_table *levels;
  float *out;
} simulation;

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/// The value of the largest magnitude; the positive one of two equally large.
static float extreme_value(const float *x, int64_t count) {
  float low = x[0], high = x[0];
  for (int64_t j = 1; j < count; ++j) {
    low = x[j] < low ? x[j] : low;
    high = x[j] > high ? x[j] : high;
  }
  return high >= -low ? high : low;
}

static void round_short(const binq_level_table *table, float mu, float *x, int64_t count) {
  float step[LEVELS - 1];
  for (int i = 0; i + 1 < LEVELS; ++i)
    step[i] = (float)(table->level[i + 1] - table->level[i]);
  for (int64_t j = 0; j < count; ++j) {
    float v = x[j] / mu, level = table->lowest;
    for (int i = 0; i + 1 < LEVELS; ++i)
      level += v > table->threshold[i] ? step[i] : 0;
    x[j] = level * mu;
  }
}

static void round_long(float mu, float *x, int64_t count) {
  for (int64_t j = 0; j < count; ++j) {
    float level = __builtin_ceilf(x[j] / mu - 0.5F);
    level = level > -128 ? level : -128;
    level = level < 127 ? level : 127;
    x[j] = level * mu;
  }
}

static void simulate_group(const binq_level_table *table, float *x, int64_t count) {
  float mu = extreme_value(x, count) / table->lowest;
  if (mu == 0)
    memset(x, 0, (size_t)count * sizeof *x);
  else if (table->planes == SHORT_PLANES)
    round_short(table, mu, x, count);
  else
    round_long(mu, x, count);
}

static void simulate_int8(float *x, int64_t count) {
  float extreme = extreme_value(x, count), scale = __builtin_fabsf(extreme) / 127;
  for (int64_t j = 0; j < count; ++j) {
    float code = __builtin_ceilf(x[j] / scale - 0.5F);
    code = code > -127 ? code : -127;
    code = code < 127 ? code : 127;
    x[j] = scale > 0 ? code * scale : 0;
  }
}

/// A token's channels in channel order; padding channels are zero.
static void gather_token(const simulation *s, int64_t token, float *out) {
  const float *x = s->x + token * s->columns;
  for (int64_t j = 0; j < s->layout.padded_columns; ++j)
    out[j] = s->order[j] < s->columns ? x[s->order[j]] : 0;
}

static void simulate_token(const simulation *s, int64_t token) {
  const binq_layout *layout = &s->layout;
  float *out = s->out + token * layout->padded_columns;
  gather_token(s, token, out);
  for (int64_t j = 0; j < layout->plane_columns; j += BINQ_GROUP)
    simulate_group(s->levels, out + j, smaller(BINQ_GROUP, layout->plane_columns - j));
  for (int64_t j = layout->plane_columns; j < layout->padded_columns; j += BINQ_GROUP)
    simulate_int8(out + j, smaller(BINQ_GROUP, layout->padded_columns - j));
}

static void simulate_tokens(const void *argument, int64_t task) {
  const simulation *s = argument;
  int64_t begin = task * TOKENS_OF_A_TASK, end = smaller(begin + TOKENS_OF_A_TASK, s->tokens);
  for (int64_t token = begin; token < end; ++token)
    simulate_token(s, token);
}

void binq_simulate_activations(binq_pool *pool, const float *x, int64_t tokens,
                               const uint16_t *order, const binq_linear_format *format,
                               const binq_level_table *levels, float *out) {
  simulation s = {.x = x,
                  .tokens = tokens,
                  .columns = format->columns,
                  .order = order,
                  .levels = levels,
                  .out = out};
  // The format of a linear that exists was checked.
  binq_status_free(binq_layout_of(format, &s.layout));
  binq_run_tasks(pool, (tokens + TOKENS_OF_A_TASK - 1) / TOKENS_OF_A_TASK, simulate_tokens, &s);
}

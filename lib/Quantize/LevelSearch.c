/// Which plane scales suit the activations of a linear best, judged by what comes out of it.
#include "binq/Quantize/Quantize.h"
#include "binq/Support/Memory.h"

#include <stdlib.h>
#include <string.h>

enum { SHORT_PLANES = 4, LONG_PLANES = 8 };

static const int32_t LONG_SCALES[LONG_PLANES] = {1, 2, 4, 8, 16, 32, 64, -128};

/// Of all scales that span at most 31, these came out best on the inputs of a language model's
/// linears: the first after a norm, the second before the down projection, others after attention.
static const int32_t CANDIDATES[][SHORT_PLANES] = {
    {1, 2, 4, -8}, {2, 4, 9, -14}, {2, 4, 8, -13}, {2, 4, 9, -16}, {2, 3, 8, -12}, {2, 3, 7, -11},
};
enum { CANDIDATE_COUNT = sizeof CANDIDATES / sizeof *CANDIDATES };

/// The sum over outputs and tokens of (W d)^2 is the inner product of W^T W and the sum of d d^T:
/// one number for every pair of channels, whatever the number of outputs.
typedef struct {
  binq_pool *pool;
  const float *x;
  int64_t tokens;
  const binq_input_statistics *statistics;
  const binq_linear_format *format;
  float *weights;    ///< W^T W, upper triangle, over all linears
  float *reference;  ///< [tokens][padded_columns]: x in channel order
  float *difference; ///< [tokens][padded_columns]: quantized x less x
  float *spread;     ///< the sum of d d^T, upper triangle
} search;

static binq_status add_weights(search *s, const binq_quantized_linear *linear) {
  int64_t rows = linear->format.rows, columns = s->statistics->padded_columns;
  float *values = NULL;
  BINQ_TRY(binq_allocate((size_t)rows * (size_t)columns, sizeof *values, "weights", &values));
  binq_dequantize(linear, values);
  binq_hessian_add(s->pool, s->weights, columns, values, rows);
  free(values);
  return BINQ_OK;
}

static void gather_reference(search *s) {
  const binq_input_statistics *statistics = s->statistics;
  int64_t columns = statistics->columns, padded = statistics->padded_columns;
  for (int64_t t = 0; t < s->tokens; ++t)
    for (int64_t j = 0; j < padded; ++j)
      s->reference[t * padded + j] =
          statistics->order[j] < columns ? s->x[t * columns + statistics->order[j]] : 0;
}

static double output_error(search *s, const binq_level_table *table) {
  int64_t columns = s->statistics->padded_columns;
  binq_simulate_activations(s->pool, s->x, s->tokens, s->statistics->order, s->format, table,
                            s->difference);
  for (int64_t i = 0; i < s->tokens * columns; ++i)
    s->difference[i] -= s->reference[i];
  memset(s->spread, 0, (size_t)columns * (size_t)columns * sizeof *s->spread);
  binq_hessian_add(s->pool, s->spread, columns, s->difference, s->tokens);
  double diagonal = 0, rest = 0;
  for (int64_t i = 0; i < columns; ++i) {
    const float *weights = s->weights + i * columns, *spread = s->spread + i * columns;
    diagonal += (double)weights[i] * (double)spread[i];
    for (int64_t j = i + 1; j < columns; ++j)
      rest += (double)weights[j] * (double)spread[j];
  }
  return diagonal + 2 * rest;
}

static binq_status try_candidates(search *s, binq_level_table *out) {
  double best = 0;
  for (int i = 0; i < CANDIDATE_COUNT; ++i) {
    binq_level_table table;
    BINQ_TRY(binq_level_table_of(CANDIDATES[i], SHORT_PLANES, &table));
    double error = output_error(s, &table);
    if (i == 0 || error < best) {
      best = error;
      *out = table;
    }
  }
  return BINQ_OK;
}

static binq_status prepare(search *s, const binq_quantized_linear *linears, int count) {
  size_t columns = (size_t)s->statistics->padded_columns, tokens = (size_t)s->tokens;
  BINQ_TRY(binq_allocate(columns * columns, sizeof(float), "level search", &s->weights));
  BINQ_TRY(binq_allocate(columns * columns, sizeof(float), "level search", &s->spread));
  BINQ_TRY(binq_allocate(tokens * columns, sizeof(float), "level search", &s->reference));
  BINQ_TRY(binq_allocate(tokens * columns, sizeof(float), "level search", &s->difference));
  gather_reference(s);
  for (int i = 0; i < count; ++i)
    BINQ_TRY(add_weights(s, &linears[i]));
  return BINQ_OK;
}

binq_status binq_choose_levels(binq_pool *pool, const float *x, int64_t tokens,
                               const binq_input_statistics *statistics,
                               const binq_quantized_linear *linears, int linear_count, int planes,
                               binq_level_table *out) {
  if (planes != SHORT_PLANES)
    return binq_level_table_of(LONG_SCALES, planes, out);
  if (linear_count < 1)
    return binq_errorf("levels are chosen for at least one linear");
  search s = {.pool = pool,
              .x = x,
              .tokens = tokens,
              .statistics = statistics,
              .format = &linears[0].format};
  binq_status status = prepare(&s, linears, linear_count);
  if (!status)
    status = try_candidates(&s, out);
  free(s.weights);
  free(s.spread);
  free(s.reference);
  free(s.difference);
  return status;
}

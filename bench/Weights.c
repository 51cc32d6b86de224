#include "Weights.h"
#include "Floats.h"
#include "Memory.h"
#include "binq/Support/Memory.h"
#include <stdbool.h>
#include <string.h>

/// "w1+1a4", "w3a8": planes of weights, 0 where they are grouped-binary, and of activations.
static bool read_format(const char *text, int *planes, int *activation_planes) {
  bool is_grouped = strncmp(text, "w1+1a", 5) == 0;
  const char *tail = text + (is_grouped ? 4 : 2);
  if (!is_grouped && (text[0] != 'w' || text[1] < '1' || text[1] > '0' + BINQ_MAX_WEIGHT_PLANES))
    return false;
  *planes = is_grouped ? 0 : text[1] - '0';
  *activation_planes = strcmp(tail, "a4") == 0 ? 4 : 8;
  return *activation_planes == 4 || strcmp(tail, "a8") == 0;
}

static binq_status set_format(const char *text, const bench_shape *shape, int64_t int8_columns,
                              bench_weights *out) {
  int planes;
  if (!read_format(text, &planes, &out->activation_planes))
    return binq_errorf("'%s' is no format; w1+1a4 is one, or w3a8", text);
  out->format = (binq_linear_format){.rows = shape->rows,
                                     .columns = shape->columns,
                                     .int8_columns = int8_columns,
                                     .form = planes ? BINQ_FORM_PLANES : BINQ_FORM_GROUPED_BINARY,
                                     .planes = planes ? planes : 2};
  for (int i = 0; i < planes; i++)
    out->format.plane_weights[i] = 1 << i;
  return binq_layout_of(&out->format, &out->layout);
}

/// Numbers of the sizes that they have in models.
static void fill(const binq_layout *layout, binq_quantized_linear *linear) {
  bench_random random = {1};
  int64_t rows = layout->padded_rows, groups = rows * layout->groups;
  int codes = 1 << linear->format.planes;
  for (int64_t i = 0; i < rows * layout->plane_columns; i++)
    linear->codes[i] = (uint8_t)bench_random_below(&random, codes);
  for (int64_t i = 0; linear->levels && i < 4 * groups; i++)
    linear->levels[i] = (int8_t)(bench_random_below(&random, 255) - 127);
  for (int64_t i = 0; linear->zeros && i < groups; i++)
    linear->zeros[i] = (int8_t)bench_random_below(&random, codes);
  for (int64_t i = 0; i < groups; i++)
    linear->scales[i] = binq_float_to_half(1e-4f * (float)(1 + bench_random_below(&random, 50)));
  for (int64_t i = 0; i < rows * linear->format.int8_columns; i++)
    linear->int8_codes[i] = (int8_t)(bench_random_below(&random, 255) - 127);
  for (int64_t i = 0; linear->format.int8_columns && i < rows; i++)
    linear->int8_scales[i] = binq_float_to_half(1e-3f);
}

/// Channels in any order.
static void shuffle(int64_t columns, uint16_t *order) {
  bench_random random = {4};
  for (int64_t j = 0; j < columns; j++)
    order[j] = (uint16_t)j;
  for (int64_t j = columns - 1; j > 0; j--) {
    int64_t other = bench_random_below(&random, (int)j + 1);
    uint16_t kept = order[j];
    order[j] = order[other];
    order[other] = kept;
  }
}

/// The first copy, then the others.
static void place(bench_weights *w) {
  int64_t order_bytes = binq_round_up(2 * w->layout.padded_columns, 64);
  shuffle(w->layout.padded_columns, (uint16_t *)w->memory);
  w->order = (const uint16_t *)w->memory;
  memcpy(w->memory + order_bytes, &w->levels, sizeof w->levels);
  binq_pack(&w->linear, w->memory + order_bytes + sizeof w->levels);
  for (int64_t i = 1; i < w->copies; i++)
    memcpy(w->memory + i * w->stride, w->memory, (size_t)w->stride);
}

static binq_status create(const char *format, const bench_problem *problem, int64_t int8_columns,
                          bench_weights *out) {
  static const int32_t four[] = {1, 2, 4, -8}, eight[] = {1, 2, 4, 8, 16, 32, 64, -128};
  BINQ_TRY(set_format(format, &problem->shape, int8_columns, out));
  BINQ_TRY(binq_level_table_of(out->activation_planes == 4 ? four : eight, out->activation_planes,
                               &out->levels));
  BINQ_TRY(binq_quantized_linear_create(&out->format, &out->linear));
  fill(&out->layout, &out->linear);
  out->stride = binq_round_up(2 * out->layout.padded_columns, 64) + (int64_t)sizeof out->levels +
                out->layout.bytes;
  out->copies = (problem->least_bytes + out->stride - 1) / out->stride;
  BINQ_TRY(bench_map(out->copies * out->stride, (void **)&out->memory));
  place(out);
  return BINQ_OK;
}

binq_status bench_weights_create(const char *format, const bench_problem *problem,
                                 int64_t int8_columns, bench_weights *out) {
  *out = (bench_weights){0};
  binq_status status = create(format, problem, int8_columns, out);
  if (status)
    bench_weights_destroy(out);
  return status;
}

void bench_weights_destroy(bench_weights *weights) {
  binq_quantized_linear_free(&weights->linear);
  bench_unmap(weights->memory, weights->copies * weights->stride);
  weights->memory = NULL;
}

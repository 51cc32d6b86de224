#include "binq/Quantize/Tuning.h"
#include "Slice.h"
#include "TuningInternal.h"
#include "binq/Support/Memory.h"

#include <stdlib.h>
#include <string.h>

enum { LEVELS = 4, CODES = 1 << BINQ_MAX_WEIGHT_PLANES };

/// How far a place leans towards the float weight at most, in steps to the next number.
static const float MARGIN = 0.45F;

/// The values that weights of a group can have are numbered 0, 1, .. from the lowest on. A weight
/// has a place among them, its code is that of the number nearest to its place.
struct binq_tuning {
  binq_quantized_linear *linear;
  binq_layout layout;
  int values;               ///< distinct ones of a group
  uint8_t code_of[CODES];   ///< by number
  uint8_t number_of[CODES]; ///< by code
  float sum_of[CODES];      ///< planes: by code, the sum of the plane weights at its ones
  float level_unit, int8_unit;
  binq_tuned levels; ///< grouped-binary: [rows][groups][4]; planes: the scales, [rows][groups]
  binq_tuned places; ///< [rows][plane_columns]; none where codes stay as they are
  binq_tuned int8;   ///< [rows][int8_columns]
};

/// A group of a row.
typedef struct {
  int64_t index;            ///< among all groups of all rows
  int64_t weight, channels; ///< index of its first weight, and how many there are
} run;

static run run_of(const binq_layout *layout, int64_t row, int64_t group) {
  int64_t begin = group * BINQ_GROUP, rest = layout->plane_columns - begin;
  return (run){row * layout->groups + group, row * layout->plane_columns + begin,
               rest < BINQ_GROUP ? rest : BINQ_GROUP};
}

static bool is_grouped(const binq_tuning *t) {
  return t->linear->format.form == BINQ_FORM_GROUPED_BINARY;
}

static bool moves_codes(const binq_tuning *t) {
  return t->places.value != NULL;
}

/// What is stored anew from what is tuned: levels or scale of a group, by the code of its weights
/// their values.
static void store_levels(binq_tuning *t, int64_t index) {
  binq_quantized_linear *linear = t->linear;
  if (is_grouped(t)) {
    linear->scales[index] =
        binq_store_levels(t->levels.value + index * LEVELS, linear->levels + index * LEVELS);
    return;
  }
  float *scale = &t->levels.value[index];
  *scale = *scale > 0 ? *scale : 0;
  linear->scales[index] = binq_scale_to_half(*scale);
}

/// Codes from places, which are kept between the lowest number and the highest.
static void store_codes(binq_tuning *t, const run *r) {
  float top = (float)(t->values - 1), *places = t->places.value + r->weight;
  uint8_t *codes = t->linear->codes + r->weight;
  for (int64_t j = 0; j < r->channels; ++j) {
    float place = places[j] > 0 ? places[j] : 0;
    places[j] = place < top ? place : top;
  }
  for (int64_t j = 0; j < r->channels; ++j)
    codes[j] = t->code_of[(int)(places[j] + 0.5F)];
}

static void exchange(float *numbers, int64_t a, int64_t b) {
  float number = numbers[a];
  numbers[a] = numbers[b];
  numbers[b] = number;
}

/// Gives level k, which is not the lower of the two, the number of level k + 1 and the other way
/// round; weights keep their values.
static void exchange_levels(binq_tuning *t, const run *r, int k) {
  int64_t level = r->index * LEVELS + k;
  exchange(t->levels.value, level, level + 1);
  exchange(t->levels.first, level, level + 1);
  exchange(t->levels.second, level, level + 1);
  int8_t number = t->linear->levels[level];
  t->linear->levels[level] = t->linear->levels[level + 1];
  t->linear->levels[level + 1] = number;
  for (int64_t j = r->weight; j < r->weight + r->channels; ++j) {
    if (t->linear->codes[j] != k && t->linear->codes[j] != k + 1)
      continue;
    float step = t->linear->codes[j] == k ? 1 : -1;
    if (moves_codes(t))
      t->places.value[j] += step;
    t->linear->codes[j] = (uint8_t)((float)t->linear->codes[j] + step);
  }
}

static void sort_levels(binq_tuning *t, const run *r) {
  const float *values = t->levels.value + r->index * LEVELS;
  for (int end = LEVELS - 1; end > 0; --end)
    for (int k = 0; k < end; ++k)
      if (values[k] > values[k + 1])
        exchange_levels(t, r, k);
}

void binq_level_gradient(const uint8_t *codes, const float *gradient, int64_t channels,
                         float *sums) {
  for (int64_t j = 0; j < channels; ++j)
    sums[codes[j]] += gradient[j];
}

float binq_scale_gradient(const uint8_t *codes, const float *sum_of, float zero,
                          const float *gradient, int64_t channels) {
  float sum = 0;
  for (int64_t j = 0; j < channels; ++j)
    sum += gradient[j] * (sum_of[codes[j]] - zero);
  return sum;
}

static void move_group(binq_tuning *t, const run *r, const float *gradient, binq_adam adam,
                       binq_tuning_rates rates) {
  float level_size = rates.levels * t->level_unit;
  const uint8_t *codes = t->linear->codes + r->weight;
  if (is_grouped(t)) {
    float sums[LEVELS] = {0};
    binq_level_gradient(codes, gradient, r->channels, sums);
    binq_tuned_move(&t->levels, r->index * LEVELS, LEVELS, sums, adam, level_size);
  } else {
    float sum = binq_scale_gradient(codes, t->sum_of, (float)t->linear->zeros[r->index], gradient,
                                    r->channels);
    binq_tuned_move(&t->levels, r->index, 1, &sum, adam, level_size);
  }
  if (moves_codes(t)) {
    binq_tuned_move(&t->places, r->weight, r->channels, gradient, adam, rates.codes);
    store_codes(t, r);
  }
  if (is_grouped(t))
    sort_levels(t, r);
  store_levels(t, r->index);
}

static void store_int8(binq_tuning *t, int64_t row) {
  int64_t columns = t->linear->format.int8_columns;
  t->linear->int8_scales[row] = binq_store_int8(t->int8.value + row * columns, columns,
                                                t->linear->int8_codes + row * columns);
}

void binq_tuning_move(binq_tuning *t, int64_t begin, int64_t end, const float *gradient,
                      binq_adam adam, binq_tuning_rates rates) {
  int64_t columns = t->linear->format.int8_columns;
  for (int64_t row = begin; row < end; ++row, gradient += t->layout.padded_columns) {
    for (int64_t group = 0; group < t->layout.groups; ++group) {
      run r = run_of(&t->layout, row, group);
      move_group(t, &r, gradient + group * BINQ_GROUP, adam, rates);
    }
    if (columns == 0)
      continue;
    binq_tuned_move(&t->int8, row * columns, columns, gradient + t->layout.plane_columns, adam,
                    rates.int8 * t->int8_unit);
    store_int8(t, row);
  }
}

/// The values of a group by their number, as stored.
static void values_of(const binq_tuning *t, int64_t index, float *values) {
  const binq_quantized_linear *linear = t->linear;
  float scale = binq_half_to_float(linear->scales[index]);
  for (int i = 0; i < t->values; ++i)
    values[i] = scale * (is_grouped(t) ? (float)linear->levels[index * LEVELS + i]
                                       : t->sum_of[t->code_of[i]] - (float)linear->zeros[index]);
}

/// Where between value number `number` and the next, towards `weight`, a place is.
static float place_of(const float *values, int count, int number, float weight) {
  float distance = weight - values[number];
  int next = number + (distance > 0 ? 1 : -1);
  if (next < 0 || next == count || values[next] == values[number])
    return (float)number;
  float part = distance / (values[next] - values[number]);
  part = part < MARGIN ? part : MARGIN;
  return (float)number + (distance > 0 ? part : -part);
}

void binq_tuning_lean(binq_tuning *t, int64_t row, const float *weights) {
  for (int64_t group = 0; group < t->layout.groups; ++group) {
    run r = run_of(&t->layout, row, group);
    float values[CODES];
    values_of(t, r.index, values);
    const uint8_t *codes = t->linear->codes + r.weight;
    for (int64_t j = 0; j < r.channels; ++j)
      t->places.value[r.weight + j] =
          place_of(values, t->values, t->number_of[codes[j]], weights[group * BINQ_GROUP + j]);
  }
}

/// Which number each code stands for, and the other way round.
static void number_codes(binq_tuning *t) {
  const binq_linear_format *format = &t->linear->format;
  if (is_grouped(t)) {
    t->values = LEVELS;
    for (int k = 0; k < LEVELS; ++k)
      t->code_of[k] = t->number_of[k] = (uint8_t)k;
    return;
  }
  binq_plane_sums sums = binq_plane_sums_of(format);
  t->values = sums.count;
  memcpy(t->code_of, sums.code, sizeof t->code_of);
  for (int code = 0; code < 1 << format->planes; ++code) {
    for (int k = 0; k < format->planes; ++k)
      t->sum_of[code] += (float)((code >> k & 1) * format->plane_weights[k]);
    while (sums.sum[t->number_of[code]] != t->sum_of[code])
      ++t->number_of[code];
  }
}

/// Starts a group from what is stored. Returns the mean size of its values.
static float start_group(binq_tuning *t, const run *r) {
  const binq_quantized_linear *linear = t->linear;
  float scale = binq_half_to_float(linear->scales[r->index]), size = 0, values[CODES];
  for (int64_t j = r->weight; moves_codes(t) && j < r->weight + r->channels; ++j)
    t->places.value[j] = (float)t->number_of[linear->codes[j]];
  values_of(t, r->index, values);
  for (int i = 0; i < t->values; ++i)
    size += __builtin_fabsf(values[i]);
  if (is_grouped(t)) {
    memcpy(t->levels.value + r->index * LEVELS, values, LEVELS * sizeof *values);
    sort_levels(t, r);
  } else {
    t->levels.value[r->index] = scale;
  }
  return size / (float)t->values;
}

static void start(binq_tuning *t) {
  const binq_quantized_linear *linear = t->linear;
  int64_t rows = linear->format.rows, columns = linear->format.int8_columns;
  double size = 0, scale = 0;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t group = 0; group < t->layout.groups; ++group) {
      run r = run_of(&t->layout, row, group);
      size += (double)start_group(t, &r);
      scale += (double)binq_half_to_float(linear->scales[r.index]);
    }
  double groups = (double)(rows * t->layout.groups);
  t->int8_unit = (float)(size / groups);
  t->level_unit = is_grouped(t) ? t->int8_unit : (float)(scale / groups);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = row * columns; i < (row + 1) * columns; ++i)
      t->int8.value[i] =
          binq_half_to_float(linear->int8_scales[row]) * (float)linear->int8_codes[i];
}

static binq_status create(binq_tuning *t, bool with_codes) {
  const binq_linear_format *format = &t->linear->format;
  BINQ_TRY(binq_layout_of(format, &t->layout));
  if (t->layout.groups == 0)
    return binq_errorf("a linear without planes cannot be tuned");
  int64_t numbers = is_grouped(t) ? LEVELS : 1;
  BINQ_TRY(binq_tuned_create(format->rows * t->layout.groups * numbers, &t->levels));
  if (with_codes)
    BINQ_TRY(binq_tuned_create(format->rows * t->layout.plane_columns, &t->places));
  BINQ_TRY(binq_tuned_create(format->rows * format->int8_columns, &t->int8));
  number_codes(t);
  start(t);
  return BINQ_OK;
}

binq_status binq_tuning_create(binq_quantized_linear *linear, bool with_codes, binq_tuning **out) {
  *out = NULL;
  binq_tuning *t;
  BINQ_TRY(binq_allocate(1, sizeof *t, "a linear to be tuned", &t));
  t->linear = linear;
  binq_status status = create(t, with_codes);
  if (status)
    binq_tuning_destroy(t);
  else
    *out = t;
  return status;
}

void binq_tuning_destroy(binq_tuning *t) {
  if (!t)
    return;
  binq_tuned_free(&t->levels);
  binq_tuned_free(&t->places);
  binq_tuned_free(&t->int8);
  free(t);
}

/// GPTQ: channels in order, each one's error spread over those still to come.
#include "Linear.h"
#include "Refine.h"

#include <string.h>

enum { INT8_LARGEST = 127 };

/// The errors of a run of channels, (w - its quantized value) / U_jj, before they are spread to
/// what follows.
typedef binq_rows run_errors[BINQ_GROUP];

/// Turns channel j into `value`: notes the error and spreads it within the run.
static void settle_channel(binq_slice *s, const binq_run *run, run_errors errors, int64_t j,
                           const binq_rows value) {
  int64_t size = s->job->statistics->padded_columns;
  const float *factor = s->job->statistics->factor + j * size;
  float *error = errors[j - run->begin];
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
    error[r] = (s->w[j][r] - value[r]) / factor[j];
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
    s->error += (double)error[r] * (double)error[r];
  for (int64_t k = j + 1; k < run->end; ++k)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      s->w[k][r] -= error[r] * factor[k];
  memcpy(s->w[j], value, sizeof(binq_rows));
}

/// Spreads the errors of a run over the channels behind it.
static void spread_errors(binq_slice *s, const binq_run *run, const run_errors errors) {
  int64_t size = s->job->statistics->padded_columns;
  const float *factor = s->job->statistics->factor + run->begin * size;
  for (int64_t k = run->end; k < size; k += 2) {
    binq_rows product[2];
    binq_slice_product(factor + k, size, errors, run->end - run->begin, product);
    for (int c = 0; c < 2; ++c)
      for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
        s->w[k + c][r] -= product[c][r];
  }
}

/// The level nearest to each row's weight, ties to the lower one, and its code.
static void nearest_levels(const binq_level_set *set, const binq_rows w, binq_rows value,
                           uint8_t *codes) {
  memcpy(value, set->value[0], sizeof(binq_rows));
  memset(codes, set->code[0], BINQ_BLOCK_ROWS);
  for (int i = 1; i < set->count; ++i)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
      bool above = w[r] > set->middle[i - 1][r];
      value[r] = above ? set->value[i][r] : value[r];
      codes[r] = above ? set->code[i] : codes[r];
    }
}

/// How much a channel counts when levels are chosen: 1 / U_jj^2.
static void importance_of_channels(const binq_slice *s, const binq_run *run, float *h) {
  const binq_input_statistics *statistics = s->job->statistics;
  for (int64_t j = run->begin; j < run->end; ++j) {
    float diagonal = statistics->factor[j * statistics->padded_columns + j];
    h[j - run->begin] = binq_is_padding(statistics, j) ? 0 : 1 / (diagonal * diagonal);
  }
}

static void choose_levels(const binq_slice *s, const binq_run *run, int64_t group) {
  const binq_linear_format *format = &s->job->out->format;
  const binq_method *method = s->job->method;
  binq_coefficients *out = &s->coefficients[group];
  float h[BINQ_GROUP];
  importance_of_channels(s, run, h);
  const binq_rows *w = (const binq_rows *)(s->w + run->begin);
  int64_t channels = run->end - run->begin;
  if (format->form != BINQ_FORM_GROUPED_BINARY)
    binq_choose_planes(format, w, method->rounding == BINQ_ROUNDING_NEAREST ? NULL : h, channels,
                       out->zeros, out->scales, &s->sets[group]);
  else if (method->rounding == BINQ_ROUNDING_BILLM) // the first group has the largest diagonal
    binq_choose_billm(w, run->first - run->begin, channels, group == 0, out, &s->sets[group]);
  else
    binq_choose_grouped(w, h, channels, out->levels[0], out->scales, &s->sets[group]);
}

void binq_round_codes(binq_slice *s) {
  for (int64_t group = 0; group < s->job->layout.groups; ++group) {
    binq_run run = binq_run_of(s, group);
    choose_levels(s, &run, group);
    memset(s->value + run.begin, 0, (size_t)(run.first - run.begin) * sizeof *s->value);
    memset(s->codes + run.begin, 0, (size_t)(run.first - run.begin) * sizeof *s->codes);
    for (int64_t j = run.first; j < run.end; ++j)
      nearest_levels(&s->sets[group], s->w[j], s->value[j], s->codes[j]);
  }
}

/// Codes of a group, each channel's error spread over the rest of the group.
static void choose_group(binq_slice *s, const binq_run *run, int64_t group, run_errors errors) {
  for (int64_t j = run->begin; j < run->end; ++j) {
    memset(s->value[j], 0, sizeof(binq_rows));
    memset(s->codes[j], 0, sizeof(binq_row_codes));
    if (j >= run->first)
      nearest_levels(&s->sets[group], s->w[j], s->value[j], s->codes[j]);
    settle_channel(s, run, errors, j, s->value[j]);
  }
}

/// Refines the codes of a group, whose weights were `target`, all channels behind it being free.
static void refine_free_group(binq_slice *s, const binq_run *run, int64_t group,
                              const run_errors target) {
  const float *form = s->job->statistics->within + run->begin * BINQ_GROUP;
  int64_t channels = run->end - run->begin;
  run_errors difference;
  for (int64_t j = 0; j < channels; ++j)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      difference[j][r] = s->value[run->begin + j][r] - target[j][r];
  for (int64_t j = 0; j < channels; j += 2)
    binq_slice_product(form + j, BINQ_GROUP, (const binq_rows *)difference, channels,
                       s->gradient + run->begin + j);
  binq_refine_group(s, run, group, form, BINQ_GROUP);
}

/// Settles a group's channels at the values that were chosen for them.
static void settle_group(binq_slice *s, const binq_run *run, run_errors errors) {
  for (int64_t j = run->begin; j < run->end; ++j)
    settle_channel(s, run, errors, j, s->value[j]);
}

void binq_choose_codes(binq_slice *s) {
  for (int64_t group = 0; group < s->job->layout.groups; ++group) {
    binq_run run = binq_run_of(s, group);
    run_errors target, errors;
    size_t bytes = (size_t)(run.end - run.begin) * sizeof *target;
    double error = s->error;
    choose_levels(s, &run, group);
    memcpy(target, s->w + run.begin, bytes);
    choose_group(s, &run, group, errors);
    if (s->job->method->refine > 0) {
      refine_free_group(s, &run, group, (const binq_rows *)target);
      memcpy(s->w + run.begin, target, bytes);
      s->error = error;
      settle_group(s, &run, errors);
    }
    spread_errors(s, &run, (const binq_rows *)errors);
  }
}

void binq_replay_codes(binq_slice *s) {
  s->error = 0;
  for (int64_t group = 0; group < s->job->layout.groups; ++group) {
    binq_run run = binq_run_of(s, group);
    run_errors errors;
    settle_group(s, &run, errors);
    spread_errors(s, &run, (const binq_rows *)errors);
  }
}

/// Scales that bring the largest weight of the INT8 columns to 127.
static void choose_int8_scales(const binq_slice *s, binq_rows scale) {
  const binq_layout *layout = &s->job->layout;
  binq_rows largest = {0};
  for (int64_t j = layout->plane_columns; j < layout->padded_columns; ++j)
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
      float magnitude = __builtin_fabsf(s->w[j][r]);
      largest[r] = magnitude > largest[r] ? magnitude : largest[r];
    }
  for (int r = 0; r < BINQ_BLOCK_ROWS; ++r) {
    uint16_t half = binq_scale_to_half(largest[r] / INT8_LARGEST);
    s->job->out->int8_scales[s->first_row + r] = half;
    scale[r] = binq_half_to_float(half);
  }
}

static void quantize_int8_run(binq_slice *s, const binq_run *run, const binq_rows scale) {
  const binq_linear_job *job = s->job;
  run_errors errors;
  for (int64_t j = run->begin; j < run->end; ++j) {
    binq_rows value;
    int8_t codes[BINQ_BLOCK_ROWS];
    binq_round_to_int8(s->w[j], scale, value, codes);
    settle_channel(s, run, errors, j, value);
    int64_t column = j - job->layout.plane_columns;
    for (int r = 0; r < BINQ_BLOCK_ROWS; ++r)
      job->out->int8_codes[(s->first_row + r) * job->out->format.int8_columns + column] = codes[r];
  }
  spread_errors(s, run, (const binq_rows *)errors);
}

void binq_choose_int8(binq_slice *s) {
  const binq_layout *layout = &s->job->layout;
  binq_rows scale;
  if (layout->plane_columns == layout->padded_columns)
    return;
  choose_int8_scales(s, scale);
  for (int64_t begin = layout->plane_columns; begin < layout->padded_columns; begin += BINQ_GROUP) {
    binq_run run = {.begin = begin, .end = begin + BINQ_GROUP, .first = begin};
    if (run.end > layout->padded_columns)
      run.end = layout->padded_columns;
    quantize_int8_run(s, &run, scale);
  }
}

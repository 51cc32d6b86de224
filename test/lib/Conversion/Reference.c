#include "Reference.h"

#include <math.h>
#include <string.h>

// --- activations

/// Input channel j of the order, zero where that is padding.
static float channel(const float *x, int64_t columns, const uint16_t *order, int64_t j) {
  return order[j] < columns ? x[order[j]] : 0.0f;
}

static int32_t nearest_of_table(const binq_level_table *table, float v) {
  int32_t rank = 0;
  while (rank < 15 && v > table->threshold[rank])
    rank++;
  return rank;
}

static int32_t nearest_whole(float v, float lowest) {
  float whole = ceilf(v - 0.5f);
  if (whole > 127.0f)
    whole = 127.0f;
  return (int32_t)(whole < lowest ? lowest : whole);
}

static void quantize_group(const float *x, int64_t columns, const uint16_t *order,
                           const binq_level_table *table, int64_t begin, int64_t end, int64_t group,
                           const reference_activations *out) {
  float extreme = 0;
  for (int64_t j = begin; j < end; j++) {
    float v = channel(x, columns, order, j);
    if (fabsf(v) > fabsf(extreme) || (fabsf(v) == fabsf(extreme) && v > 0))
      extreme = v;
  }
  float mu = extreme / table->lowest;
  out->scales[group] = mu == 0 ? 0 : mu;
  out->sums[group] = 0;
  for (int64_t j = begin; j < end; j++) {
    int32_t code = 0, level = 0;
    float v = channel(x, columns, order, j) / mu;
    if (mu != 0 && table->planes == 8) {
      level = code = nearest_whole(v, -128.0f);
    } else if (mu != 0) {
      int32_t rank = nearest_of_table(table, v);
      level = table->level[rank];
      code = table->code[rank];
    }
    out->codes[j] = (uint8_t)code;
    out->levels[j] = level;
    out->sums[group] += level;
  }
}

static void quantize_int8_group(const float *x, int64_t columns, const uint16_t *order,
                                int64_t count, int64_t group, const reference_activations *out) {
  float largest = 0;
  for (int64_t j = 0; j < count; j++)
    largest = fmaxf(largest, fabsf(channel(x, columns, order, j)));
  float scale = largest / 127.0f;
  out->int8_scales[group] = scale;
  for (int64_t j = 0; j < count; j++) {
    float v = channel(x, columns, order, j) / scale;
    out->int8_codes[group * BINQ_GROUP + j] = scale == 0 ? 0 : (int8_t)nearest_whole(v, -127.0f);
  }
}

static int64_t at_most(int64_t value, int64_t limit) {
  return value < limit ? value : limit;
}

void reference_quantize(const float *x, int64_t columns, const uint16_t *order,
                        const binq_level_table *table, const binq_layout *layout,
                        const reference_activations *out) {
  for (int64_t g = 0; g < layout->groups; g++)
    quantize_group(x, columns, order, table, g * BINQ_GROUP,
                   at_most((g + 1) * BINQ_GROUP, layout->plane_columns), g, out);
  int64_t int8_columns = layout->padded_columns - layout->plane_columns;
  for (int64_t g = 0; g < layout->int8_groups; g++)
    quantize_int8_group(x, columns, order + layout->plane_columns + g * BINQ_GROUP,
                        at_most(int8_columns - g * BINQ_GROUP, BINQ_GROUP), g, out);
}

// --- linears

/// What a code stands for, in units of the row and group's scale.
static int32_t weight_of(const binq_quantized_linear *w, const binq_layout *layout, int64_t row,
                         int64_t group, uint8_t code) {
  int64_t at = row * layout->groups + group;
  if (w->format.form == BINQ_FORM_GROUPED_BINARY)
    return w->levels[4 * at + code];
  int32_t sum = -w->zeros[at];
  for (int k = 0; k < w->format.planes; k++)
    sum += (code >> k & 1) * w->format.plane_weights[k];
  return sum;
}

static float linear_row(const binq_quantized_linear *w, const binq_layout *layout,
                        const reference_activations *x, int64_t row) {
  float acc = 0;
  for (int64_t g = 0; g < layout->groups; g++) {
    int32_t dot = 0;
    int64_t end = at_most((g + 1) * BINQ_GROUP, layout->plane_columns);
    for (int64_t j = g * BINQ_GROUP; j < end; j++)
      dot += weight_of(w, layout, row, g, w->codes[row * layout->plane_columns + j]) * x->levels[j];
    float factor = binq_half_to_float(w->scales[row * layout->groups + g]) * x->scales[g];
    float term = (float)dot * factor;
    acc = acc + term;
  }
  int64_t int8_columns = w->format.int8_columns;
  for (int64_t g = 0; g < layout->int8_groups; g++) {
    int32_t dot = 0;
    for (int64_t j = g * BINQ_GROUP; j < at_most((g + 1) * BINQ_GROUP, int8_columns); j++)
      dot += w->int8_codes[row * int8_columns + j] * x->int8_codes[j];
    float factor = binq_half_to_float(w->int8_scales[row]) * x->int8_scales[g];
    float term = (float)dot * factor;
    acc = acc + term;
  }
  return acc;
}

void reference_linear(const binq_quantized_linear *weights, const binq_layout *layout,
                      const reference_activations *x, float *y) {
  for (int64_t row = 0; row < layout->padded_rows; row++)
    y[row] = row < weights->format.rows ? linear_row(weights, layout, x, row) : 0;
}

void reference_embedding(const binq_quantized_linear *table, const binq_layout *layout,
                         const uint16_t *order, int64_t row, float *y) {
  int64_t planes = layout->plane_columns, int8_columns = table->format.int8_columns;
  for (int64_t j = 0; j < layout->padded_columns; j++)
    y[j] = 0;
  for (int64_t j = 0; j < layout->padded_columns; j++) {
    int64_t group = j / BINQ_GROUP, column = order ? order[j] : j;
    float value;
    if (j < planes)
      value = binq_half_to_float(table->scales[row * layout->groups + group]) *
              (float)weight_of(table, layout, row, group, table->codes[row * planes + j]);
    else
      value = binq_half_to_float(table->int8_scales[row]) *
              (float)table->int8_codes[row * int8_columns + j - planes];
    if (!order || column < table->format.columns) // an INT8 row is stored with its padding
      y[column] = value;
  }
}

// --- floats

static int64_t stride_of(int64_t columns) {
  return (columns + 31) / 32 * 32;
}

static float sum_of_8(const float *s) {
  return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

void reference_rms_norm(const float *x, const float *weight, int64_t columns, float epsilon,
                        float *y) {
  float sums[8] = {0};
  for (int64_t j = 0; j < stride_of(columns); j++) {
    float square = x[j] * x[j];
    sums[j % 8] = sums[j % 8] + square;
  }
  float mean = sum_of_8(sums) / (float)columns;
  float factor = 1.0f / sqrtf(mean + epsilon);
  for (int64_t j = 0; j < stride_of(columns); j++)
    y[j] = (x[j] * factor) * weight[j];
}

void reference_rope(const float *x, const float *angles, int64_t columns, int64_t head_size,
                    float *y) {
  memset(y, 0, (size_t)stride_of(columns) * sizeof *y);
  for (int64_t j = 0; j < columns; j += 2) {
    float c = angles[j % head_size], s = angles[j % head_size + 1];
    float ac = x[j] * c, bs = x[j + 1] * s, as = x[j] * s, bc = x[j + 1] * c;
    y[j] = ac - bs;
    y[j + 1] = as + bc;
  }
}

float reference_exp(float x) {
  static const float coefficients[] = {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f,
                                       4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f};
  if (x > 88.0f)
    x = 88.0f;
  if (x < -87.0f)
    x = -87.0f;
  float n = floorf(x * 1.44269504f + 0.5f);
  float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = coefficients[0];
  for (int i = 1; i < 6; i++)
    p = p * r + coefficients[i];
  float y = (p * (r * r) + r) + 1.0f;
  uint32_t bits = (uint32_t)((int32_t)n + 127) << 23;
  float power;
  memcpy(&power, &bits, sizeof power);
  return y * power;
}

void reference_swiglu(const float *gate, const float *up, int64_t columns, float *y) {
  for (int64_t j = 0; j < stride_of(columns); j++)
    y[j] = (gate[j] / (1.0f + reference_exp(-gate[j]))) * up[j];
}

/// The running state of an online softmax.
typedef struct {
  float max, sum;
} softmax;

static void attend_block(softmax *state, const float *scores, int64_t count, const float *values,
                         int64_t head_size, bool is_first, float *y) {
  float max = state->max, weights[32] = {0}, sums[8] = {0};
  for (int64_t p = 0; p < count; p++)
    max = fmaxf(max, scores[p]);
  float kept = is_first ? 0.0f : reference_exp(state->max - max);
  for (int64_t p = 0; p < 32; p++) {
    weights[p] = p < count ? reference_exp(scores[p] - max) : 0.0f;
    sums[p % 8] = sums[p % 8] + weights[p];
  }
  state->max = max;
  state->sum = state->sum * kept + sum_of_8(sums);
  for (int64_t d = 0; d < head_size; d++) {
    y[d] = y[d] * kept;
    for (int64_t p = 0; p < count; p++) {
      float term = weights[p] * values[p * head_size + d];
      y[d] = y[d] + term;
    }
  }
}

void reference_attention(const float *q, const float *keys, const float *values, int64_t position,
                         int64_t head_size, float *y) {
  float scale = (float)(1.0 / sqrt((double)head_size));
  softmax state = {-INFINITY, 0};
  memset(y, 0, (size_t)head_size * sizeof *y);
  for (int64_t first = 0; first <= position; first += 32) {
    float scores[32];
    int64_t count = at_most(position + 1 - first, 32);
    for (int64_t p = 0; p < count; p++) {
      float score = 0;
      for (int64_t d = 0; d < head_size; d++) {
        float product = q[d] * keys[(first + p) * head_size + d];
        score = score + product;
      }
      scores[p] = score * scale;
    }
    attend_block(&state, scores, count, values + first * head_size, head_size, first == 0, y);
  }
  for (int64_t d = 0; d < head_size; d++)
    y[d] = y[d] / state.sum;
}

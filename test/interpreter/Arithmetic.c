#include "Arithmetic.h"
#include "Scalars.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GROUP = 128, BLOCK = 32 };

static int64_t pad(int64_t n) {
  return (n + 31) / 32 * 32;
}

static void *zeroed(int64_t count, size_t size) {
  void *memory = calloc((size_t)(count ? count : 1), size);
  if (!memory)
    abort();
  return memory;
}

matrix matrix_create(int64_t rows, int64_t columns) {
  return (matrix){rows, columns, zeroed(rows * columns, sizeof(float))};
}

matrix rms_norm(matrix x, const float *weight, float epsilon) {
  matrix y = matrix_create(x.rows, x.columns);
  for (int64_t t = 0; t < x.rows; t++) {
    const float *in = x.values + t * x.columns;
    float lanes[8] = {0};
    for (int64_t i = 0; i < x.columns; i++)
      lanes[i % 8] = lanes[i % 8] + in[i] * in[i];
    float inverse = 1.0f / sqrtf(tree(lanes) / (float)x.columns + epsilon);
    for (int64_t i = 0; i < x.columns; i++)
      y.values[t * x.columns + i] = (in[i] * inverse) * weight[i];
  }
  return y;
}

matrix swiglu(matrix gate, matrix up) {
  matrix y = matrix_create(gate.rows, gate.columns);
  for (int64_t i = 0; i < gate.rows * gate.columns; i++) {
    float g = gate.values[i];
    y.values[i] = (g / (1.0f + exponential(-g))) * up.values[i];
  }
  return y;
}

matrix add(matrix a, matrix b) {
  matrix y = matrix_create(a.rows, a.columns);
  for (int64_t i = 0; i < a.rows * a.columns; i++)
    y.values[i] = a.values[i] + b.values[i];
  return y;
}

matrix rope(matrix x, const int32_t *positions, int64_t head_size, const float *table) {
  matrix y = matrix_create(x.rows, x.columns);
  for (int64_t t = 0; t < x.rows; t++)
    for (int64_t i = 0; i < x.columns; i += 2) {
      const float *angle = table + positions[t] * head_size + i % head_size;
      const float *in = x.values + t * x.columns + i;
      float *out = y.values + t * x.columns + i;
      float ac = in[0] * angle[0], bs = in[1] * angle[1], as = in[0] * angle[1],
            bc = in[1] * angle[0];
      out[0] = ac - bs;
      out[1] = as + bc;
    }
  return y;
}

/// One token's one head over positions 0..last.
static void attend(const float *q, const float *keys, const float *values, int64_t stride,
                   int64_t last, int64_t head_size, float *out) {
  float scale = (float)(1.0 / sqrt((double)head_size)), maximum = -INFINITY, total = 0;
  for (int64_t begin = 0; begin <= last; begin += 32) {
    float score[32], weight[32], lanes[8] = {0}, block_maximum = -INFINITY;
    int64_t count = last + 1 - begin < 32 ? last + 1 - begin : 32;
    for (int64_t p = 0; p < count; p++) {
      float sum = 0;
      for (int64_t d = 0; d < head_size; d++)
        sum = sum + q[d] * keys[(begin + p) * stride + d];
      score[p] = sum * scale;
      block_maximum = score[p] > block_maximum ? score[p] : block_maximum;
    }
    float new_maximum = maximum > block_maximum ? maximum : block_maximum;
    float factor = begin == 0 ? 0.0f : exponential(maximum - new_maximum);
    for (int64_t p = 0; p < 32; p++) {
      weight[p] = p < count ? exponential(score[p] - new_maximum) : 0.0f;
      lanes[p % 8] = lanes[p % 8] + weight[p];
    }
    total = total * factor + tree(lanes);
    for (int64_t d = 0; d < head_size; d++) {
      float sum = out[d] * factor;
      for (int64_t p = 0; p < count; p++)
        sum = sum + weight[p] * values[(begin + p) * stride + d];
      out[d] = sum;
    }
    maximum = new_maximum;
  }
  for (int64_t d = 0; d < head_size; d++)
    out[d] = out[d] / total;
}

matrix attention(matrix q, matrix keys, matrix values, const int32_t *positions, int64_t head_count,
                 int64_t kv_head_count) {
  matrix y = matrix_create(q.rows, q.columns);
  int64_t head_size = q.columns / head_count;
  for (int64_t t = 0; t < q.rows; t++)
    for (int64_t h = 0; h < head_count; h++) {
      int64_t kv = h / (head_count / kv_head_count) * head_size, at = t * q.columns + h * head_size;
      attend(q.values + at, keys.values + kv, values.values + kv, keys.columns, positions[t],
             head_size, y.values + at);
    }
  return y;
}

/// The level that v = x / mu takes: the nearest one, ties to the lower level.
static int32_t nearest_level(float v, const int32_t *table, int64_t planes) {
  if (planes == 8) {
    return (int32_t)clamp(ceilf(v - 0.5f), -128.0f, 127.0f);
  }
  int32_t best = 0;
  double distance = INFINITY;
  for (int code = 0; code < 16; code++) {
    int32_t level = 0;
    for (int k = 0; k < 4; k++)
      level += code >> k & 1 ? table[k] : 0;
    double d = fabs((double)v - level);
    if (d < distance || (d == distance && level < best)) {
      distance = d;
      best = level;
    }
  }
  return best;
}

static void quantize_group(const float *x, int64_t count, const int32_t *table, int64_t planes,
                           int32_t *levels, float *scale) {
  float high = 0, low = 0;
  for (int64_t j = 0; j < count; j++) {
    high = x[j] > high ? x[j] : high;
    low = x[j] < low ? x[j] : low;
  }
  float lowest = 0;
  for (int64_t k = 0; k < planes; k++)
    lowest += table[k] < 0 ? (float)table[k] : 0.0f;
  float mu = (high >= -low ? high : low) / lowest;
  *scale = mu == 0 ? 0 : mu;
  for (int64_t j = 0; j < count; j++)
    levels[j] = mu == 0 ? 0 : nearest_level(x[j] / mu, table, planes);
}

static void quantize_int8(const float *x, int64_t count, int32_t *codes, float *scale) {
  float high = 0;
  for (int64_t j = 0; j < count; j++)
    high = fabsf(x[j]) > high ? fabsf(x[j]) : high;
  *scale = high / 127.0f;
  for (int64_t j = 0; j < count; j++) {
    float code = *scale == 0 ? 0 : ceilf(x[j] / *scale - 0.5f);
    codes[j] = (int32_t)clamp(code, -127.0f, 127.0f);
  }
}

static int64_t groups_of(int64_t columns) {
  return (columns + GROUP - 1) / GROUP;
}

activations quantize(matrix x, const uint16_t *order, const int32_t *level_table,
                     int64_t int8_columns) {
  int64_t plane_columns = pad(x.columns) - int8_columns, groups = groups_of(plane_columns),
          int8_groups = groups_of(int8_columns);
  activations a = {plane_columns,
                   int8_columns,
                   zeroed(x.rows * plane_columns, 4),
                   zeroed(x.rows * groups, 4),
                   zeroed(x.rows * int8_columns, 4),
                   zeroed(x.rows * int8_groups, 4)};
  float *ordered = zeroed(pad(x.columns), sizeof(float));
  int64_t planes = level_table[8 + 1 + 15 + 16 + 16];
  for (int64_t t = 0; t < x.rows; t++) {
    for (int64_t j = 0; j < pad(x.columns); j++)
      ordered[j] = order[j] < x.columns ? x.values[t * x.columns + order[j]] : 0.0f;
    for (int64_t g = 0; g < groups; g++) {
      int64_t at = g * GROUP, left = plane_columns - at;
      quantize_group(ordered + at, left < GROUP ? left : GROUP, level_table, planes,
                     a.levels + t * plane_columns + at, a.scales + t * groups + g);
    }
    for (int64_t g = 0; g < int8_groups; g++) {
      int64_t at = g * GROUP, left = int8_columns - at;
      quantize_int8(ordered + plane_columns + at, left < GROUP ? left : GROUP,
                    a.int8_codes + t * int8_columns + at, a.int8_scales + t * int8_groups + g);
    }
  }
  free(ordered);
  return a;
}

static int slot_of(int64_t row) {
  static const int lane[16] = {0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 12, 13, 14, 15};
  return 2 * lane[row % 16] + (int)(row / 16);
}

/// Where things stand in a block.
typedef struct {
  int64_t planes, coefficients, group_bytes, groups, int8_at, bytes;
} block_shape;

static block_shape shape_of(const linear *w) {
  block_shape s;
  int64_t plane_columns = pad(w->columns) - w->int8_columns;
  s.planes = w->planes;
  s.coefficients = strcmp(w->form, "grouped_binary") == 0 ? 128 + 64 : 32 + 64;
  s.groups = groups_of(plane_columns);
  s.group_bytes = 16 * s.planes * 32 + s.coefficients;
  s.int8_at = plane_columns / 8 * s.planes * 32 + s.groups * s.coefficients;
  s.bytes = s.int8_at + (w->int8_columns ? w->int8_columns * 32 + 64 : 0);
  return s;
}

/// The integer weight of channel j of a group in row r (0..31), its group at `group` with `steps`
/// steps of 8 channels.
static int32_t weight_at(const linear *w, const uint8_t *group, int64_t steps, int64_t r,
                         int64_t j) {
  const uint8_t *step = group + j / 8 * w->planes * 32 + slot_of(r);
  const int8_t *coefficients = (const int8_t *)(group + steps * w->planes * 32);
  int32_t code = 0, value = 0;
  for (int64_t k = 0; k < w->planes; k++) {
    int32_t bit = step[k * 32] >> (j % 8) & 1;
    code |= bit << k;
    value += bit * w->plane_weights[k];
  }
  if (strcmp(w->form, "grouped_binary") != 0)
    return value - coefficients[r];
  static const int place[4] = {16 + 1, 0, 1, 16};
  return coefficients[r / 8 * 32 + r % 8 * 2 + place[code]];
}

static float apply_row(const activations *x, int64_t t, const linear *w, int64_t row) {
  block_shape s = shape_of(w);
  const uint8_t *block = w->packed + row / BLOCK * s.bytes;
  int64_t r = row % BLOCK, int8_groups = groups_of(x->int8_columns);
  float sum = 0;
  for (int64_t g = 0; g < s.groups; g++) {
    int64_t left = x->plane_columns - g * GROUP, count = left < GROUP ? left : GROUP;
    const uint8_t *group = block + g * s.group_bytes;
    int32_t d = 0;
    for (int64_t j = 0; j < count; j++)
      d += weight_at(w, group, count / 8, r, j) * x->levels[t * x->plane_columns + g * GROUP + j];
    float scale = half(group + count / 8 * s.planes * 32 + s.coefficients - 64 + 2 * r);
    float both = scale * x->scales[t * s.groups + g];
    sum = sum + (float)d * both;
  }
  const uint8_t *int8 = block + s.int8_at;
  for (int64_t g = 0; g < int8_groups; g++) {
    int64_t left = x->int8_columns - g * GROUP, count = left < GROUP ? left : GROUP;
    int32_t d = 0;
    for (int64_t j = g * GROUP; j < g * GROUP + count; j++)
      d += (int8_t)int8[j / 4 * 128 + r * 4 + j % 4] * x->int8_codes[t * x->int8_columns + j];
    float both = half(int8 + x->int8_columns * 32 + 2 * r) * x->int8_scales[t * int8_groups + g];
    sum = sum + (float)d * both;
  }
  return sum;
}

matrix apply(activations x, int64_t rows, const linear *weights) {
  matrix y = matrix_create(rows, weights->rows);
  for (int64_t t = 0; t < rows; t++)
    for (int64_t i = 0; i < weights->rows; i++)
      y.values[t * weights->rows + i] = apply_row(&x, t, weights, i);
  return y;
}

void embedding_row(const linear *table, const uint16_t *order, int64_t token, float *out) {
  block_shape s = shape_of(table);
  const uint8_t *block = table->packed + token / BLOCK * s.bytes, *int8 = block + s.int8_at;
  int64_t r = token % BLOCK, plane_columns = pad(table->columns) - table->int8_columns;
  for (int64_t j = 0; j < pad(table->columns); j++) {
    float value;
    if (j < plane_columns) {
      int64_t g = j / GROUP, left = plane_columns - g * GROUP;
      int64_t steps = (left < GROUP ? left : GROUP) / 8;
      const uint8_t *group = block + g * s.group_bytes;
      float scale = half(group + steps * s.planes * 32 + s.coefficients - 64 + 2 * r);
      value = scale * (float)weight_at(table, group, steps, r, j % GROUP);
    } else {
      int64_t i = j - plane_columns;
      float scale = half(int8 + table->int8_columns * 32 + 2 * r);
      value = scale * (float)(int8_t)int8[i / 4 * 128 + r * 4 + i % 4];
    }
    int64_t column = order ? order[j] : j;
    if (column < table->columns)
      out[column] = value;
  }
}

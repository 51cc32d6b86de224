// Attention over a cache of codes.
#include "Arithmetic.h"
#include "Scalars.h"
#include <math.h>
#include <stdlib.h>

enum { LARGEST_HEAD = 256 };

/// A key or value of one head as the cache holds it.
typedef struct {
  float scale, low;
  int32_t codes[LARGEST_HEAD];
} coded_head;

/// ceil(v - 0.5), clamped.
static int32_t nearest(float v, float low, float high) {
  return (int32_t)clamp(ceilf(v - 0.5f), low, high);
}

static coded_head code(const float *x, int64_t size, int bits) {
  float low = INFINITY, high = -INFINITY, most = (float)((1 << bits) - 1);
  for (int64_t d = 0; d < size; d++) {
    low = x[d] < low ? x[d] : low;
    high = x[d] > high ? x[d] : high;
  }
  coded_head head = {.low = round_to_half(low)};
  head.scale = round_to_half((high - head.low) / most);
  for (int64_t d = 0; d < size; d++)
    head.codes[d] = head.scale == 0 ? 0 : nearest((x[d] - head.low) / head.scale, 0, most);
  return head;
}

/// The transform of x[0..n), n a power of two: that of its halves, their sums and differences.
static void hadamard(float *x, int64_t n) {
  if (n == 1)
    return;
  hadamard(x, n / 2);
  hadamard(x + n / 2, n / 2);
  for (int64_t i = 0; i < n / 2; i++) {
    float a = x[i], b = x[i + n / 2];
    x[i] = a + b;
    x[i + n / 2] = a - b;
  }
}

/// The power of two in the size of a head.
static int64_t run_of(int64_t size) {
  return size % 2 ? 1 : 2 * run_of(size / 2);
}

static void rotate(const float *x, int64_t size, float factor, float *out) {
  for (int64_t d = 0; d < size; d++)
    out[d] = x[d] * factor;
  for (int64_t d = 0; d < size; d += run_of(size))
    hadamard(out + d, run_of(size));
}

/// The unit of 16-bit codes of x.
static float code_16(const float *x, int64_t count, int32_t *codes) {
  float largest = 0;
  for (int64_t i = 0; i < count; i++)
    largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
  float unit = largest / 32639.0f;
  for (int64_t i = 0; i < count; i++)
    codes[i] = unit == 0 ? 0 : nearest(x[i] / unit, -32639.0f, 32639.0f);
  return unit;
}

/// A query in codes.
typedef struct {
  float unit;
  int32_t codes[LARGEST_HEAD];
  int64_t sum;
} coded_query;

static coded_query code_query(const float *q, int64_t size) {
  coded_query query = {0};
  float rotated[LARGEST_HEAD];
  rotate(q, size, 1, rotated);
  query.unit = code_16(rotated, size, query.codes);
  for (int64_t d = 0; d < size; d++)
    query.sum += query.codes[d];
  return query;
}

static float score_of(const coded_query *query, const coded_head *key, int64_t size, float scale) {
  int64_t dot = 0;
  for (int64_t d = 0; d < size; d++)
    dot += (int64_t)query->codes[d] * key->codes[d];
  float products = (float)dot * key->scale, lows = (float)query->sum * key->low;
  return (products + lows) * (query->unit * scale);
}

/// out = out * factor + what the values of a block add.
static void add_block(const float weight[32], const coded_head *values, int64_t count, int64_t size,
                      float factor, float *out) {
  float scaled[32] = {0}, lanes[8] = {0};
  int32_t codes[32];
  for (int64_t p = 0; p < 32; p++) {
    float low = p < count ? weight[p] * values[p].low : 0.0f;
    scaled[p] = p < count ? weight[p] * values[p].scale : 0.0f;
    lanes[p % 8] = p < 8 ? low : lanes[p % 8] + low;
  }
  float unit = code_16(scaled, 32, codes), low = tree(lanes);
  for (int64_t d = 0; d < size; d++) {
    int64_t sum = 0;
    for (int64_t p = 0; p < count; p++)
      sum += (int64_t)codes[p] * values[p].codes[d];
    float before = out[d] * factor, products = (float)sum * unit;
    out[d] = before + (products + low);
  }
}

/// One token's one head over positions 0..last.
static void attend(const float *q, const coded_head *keys, const coded_head *values, int64_t last,
                   int64_t size, float *out) {
  float scale = (float)(1.0 / sqrt((double)size)), maximum = -INFINITY, total = 0;
  coded_query query = code_query(q, size);
  for (int64_t begin = 0; begin <= last; begin += 32) {
    float score[32], weight[32], lanes[8] = {0}, block_maximum = -INFINITY;
    int64_t count = last + 1 - begin < 32 ? last + 1 - begin : 32;
    for (int64_t p = 0; p < count; p++) {
      score[p] = score_of(&query, keys + begin + p, size, scale);
      block_maximum = score[p] > block_maximum ? score[p] : block_maximum;
    }
    float new_maximum = maximum > block_maximum ? maximum : block_maximum;
    float factor = begin == 0 ? 0.0f : exponential(maximum - new_maximum);
    for (int64_t p = 0; p < 32; p++) {
      weight[p] = p < count ? exponential(score[p] - new_maximum) : 0.0f;
      lanes[p % 8] = lanes[p % 8] + weight[p];
    }
    total = total * factor + tree(lanes);
    add_block(weight, values + begin, count, size, factor, out);
    maximum = new_maximum;
  }
  for (int64_t d = 0; d < size; d++)
    out[d] = out[d] / total;
}

static coded_head code_key(const float *x, int64_t size, int bits) {
  float rotated[LARGEST_HEAD];
  rotate(x, size, 1.0f / (float)run_of(size), rotated);
  return code(rotated, size, bits);
}

/// Heads of all rows, each by `code_one`: [kv head][row].
static coded_head *code_rows(matrix x, int64_t heads, int bits,
                             coded_head (*code_one)(const float *, int64_t, int)) {
  int64_t size = x.columns / heads;
  coded_head *coded = calloc((size_t)(heads * x.rows), sizeof *coded);
  if (!coded)
    abort();
  for (int64_t t = 0; t < x.rows; t++)
    for (int64_t h = 0; h < heads; h++)
      coded[h * x.rows + t] = code_one(x.values + t * x.columns + h * size, size, bits);
  return coded;
}

matrix coded_attention(matrix q, matrix keys, matrix values, const int32_t *positions,
                       int64_t head_count, int64_t kv_head_count, int bits) {
  matrix y = matrix_create(q.rows, q.columns);
  int64_t size = q.columns / head_count;
  coded_head *coded_keys = code_rows(keys, kv_head_count, bits, code_key);
  coded_head *coded_values = code_rows(values, kv_head_count, bits, code);
  for (int64_t t = 0; t < q.rows; t++)
    for (int64_t h = 0; h < head_count; h++) {
      int64_t kv = h / (head_count / kv_head_count) * keys.rows, at = t * q.columns + h * size;
      attend(q.values + at, coded_keys + kv, coded_values + kv, positions[t], size, y.values + at);
    }
  free(coded_values);
  free(coded_keys);
  return y;
}

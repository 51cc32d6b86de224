// Attention over a cache of codes, one value at a time.
#include "Reference.h"
#include "binq/Quantize/Quantize.h"
#include <math.h>
#include <string.h>

/// The nearest whole number, of two the lower one, within the limits.
static float nearest(float v, float least, float most) {
  return fminf(fmaxf(ceilf(v - 0.5f), least), most);
}

static reference_head code(const float *x, int64_t head_size, int bits) {
  float low = x[0], high = x[0], most = (float)((1 << bits) - 1);
  for (int64_t d = 1; d < head_size; d++) {
    low = fminf(low, x[d]);
    high = fmaxf(high, x[d]);
  }
  reference_head head = {.low = binq_half_to_float(binq_float_to_half(low))};
  head.scale = binq_half_to_float(binq_float_to_half((high - head.low) / most));
  for (int64_t d = 0; d < head_size && head.scale != 0; d++)
    head.codes[d] = (uint8_t)nearest((x[d] - head.low) / head.scale, 0, most);
  return head;
}

/// As many channels as are rotated together: the largest power of two that divides the size.
static int64_t run_of(int64_t head_size) {
  int64_t run = 1;
  while (head_size % (2 * run) == 0)
    run *= 2;
  return run;
}

/// The Hadamard transform of every run, times `factor`.
static void rotate(const float *x, int64_t head_size, float factor, float *out) {
  for (int64_t d = 0; d < head_size; d++)
    out[d] = x[d] * factor;
  for (int64_t stride = 1; stride < run_of(head_size); stride *= 2)
    for (int64_t d = 0; d < head_size; d++)
      if ((d & stride) == 0) {
        float a = out[d], b = out[d + stride];
        out[d] = a + b;
        out[d + stride] = a - b;
      }
}

reference_head reference_code_key(const float *x, int64_t head_size, int bits) {
  float rotated[256] = {0};
  rotate(x, head_size, 1.0f / (float)run_of(head_size), rotated);
  return code(rotated, head_size, bits);
}

reference_head reference_code_value(const float *x, int64_t head_size, int bits) {
  return code(x, head_size, bits);
}

/// Numbers as 16-bit codes times a unit.
static float code_16(const float *x, int64_t count, int32_t *codes) {
  float largest = 0;
  for (int64_t i = 0; i < count; i++)
    largest = fmaxf(largest, fabsf(x[i]));
  float unit = largest / 32639.0f;
  for (int64_t i = 0; i < count; i++)
    codes[i] = unit == 0 ? 0 : (int32_t)nearest(x[i] / unit, -32639.0f, 32639.0f);
  return unit;
}

static float sum_of_32(const float *x) {
  float s[8] = {0};
  for (int i = 0; i < 32; i++)
    s[i % 8] = i < 8 ? x[i] : s[i % 8] + x[i];
  return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

/// o = o * kept + values of the block, weighted.
static void add_values(const float *weights, const reference_head *values, int64_t count,
                       int64_t head_size, float kept, float *o) {
  float scaled[32] = {0}, lows[32] = {0};
  int32_t codes[32];
  for (int64_t p = 0; p < count; p++) {
    scaled[p] = weights[p] * values[p].scale;
    lows[p] = weights[p] * values[p].low;
  }
  float unit = code_16(scaled, 32, codes), low = sum_of_32(lows);
  for (int64_t d = 0; d < head_size; d++) {
    int64_t sum = 0;
    for (int64_t p = 0; p < count; p++)
      sum += (int64_t)codes[p] * values[p].codes[d];
    float before = o[d] * kept, scaled_sum = (float)sum * unit, value = scaled_sum + low;
    o[d] = before + value;
  }
}

void reference_coded_attention(const float *q, const reference_head *keys,
                               const reference_head *values, int64_t position, int64_t head_size,
                               float *y) {
  float rotated[256] = {0}, max = -INFINITY, total = 0;
  int32_t codes[256];
  rotate(q, head_size, 1, rotated);
  float unit = code_16(rotated, head_size, codes) * (float)(1.0 / sqrt((double)head_size));
  int64_t code_sum = 0;
  for (int64_t d = 0; d < head_size; d++)
    code_sum += codes[d];
  memset(y, 0, (size_t)head_size * sizeof *y);
  for (int64_t first = 0; first <= position; first += 32) {
    int64_t count = position + 1 - first < 32 ? position + 1 - first : 32;
    float scores[32], weights[32] = {0}, before = max;
    for (int64_t p = 0; p < count; p++) {
      int64_t dot = 0;
      for (int64_t d = 0; d < head_size; d++)
        dot += (int64_t)codes[d] * keys[first + p].codes[d];
      float scaled = (float)dot * keys[first + p].scale,
            low = (float)code_sum * keys[first + p].low;
      scores[p] = (scaled + low) * unit;
      max = fmaxf(max, scores[p]);
    }
    for (int64_t p = 0; p < count; p++)
      weights[p] = reference_exp(scores[p] - max);
    float kept = first ? reference_exp(before - max) : 0;
    total = total * kept + sum_of_32(weights);
    add_values(weights, values + first, count, head_size, kept, y);
  }
  for (int64_t d = 0; d < head_size; d++)
    y[d] = y[d] / total;
}

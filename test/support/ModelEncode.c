#include "support/ModelFile.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Values as blocks, in the plainest way: what is read of them is near them, which is all a made-up
// model needs.

enum { BLOCK = 32, SUPER_BLOCK = 256 };

uint32_t model_file_type_number(binq_tensor_type type) {
  static const uint32_t numbers[] = {
      [BINQ_TENSOR_F32] = 0,   [BINQ_TENSOR_F16] = 1,   [BINQ_TENSOR_BF16] = 30,
      [BINQ_TENSOR_Q8_0] = 8,  [BINQ_TENSOR_Q4_0] = 2,  [BINQ_TENSOR_Q4_1] = 3,
      [BINQ_TENSOR_Q5_0] = 6,  [BINQ_TENSOR_Q5_1] = 7,  [BINQ_TENSOR_Q2_K] = 10,
      [BINQ_TENSOR_Q3_K] = 11, [BINQ_TENSOR_Q4_K] = 12, [BINQ_TENSOR_Q5_K] = 13,
      [BINQ_TENSOR_Q6_K] = 14,
  };
  return numbers[type];
}

static float put_half(uint8_t *to, float value) {
  _Float16 half = (_Float16)value;
  memcpy(to, &half, sizeof half);
  return (float)half;
}

static uint8_t code_of(float value, float scale, int lowest, int highest) {
  int code = scale != 0 ? (int)lrintf(value / scale) : 0;
  if (code < lowest)
    return (uint8_t)lowest;
  return (uint8_t)(code > highest ? highest : code);
}

static void encode_q8_0(const float *x, uint8_t *to) {
  float largest = 0;
  for (int i = 0; i < BLOCK; i++)
    largest = fmaxf(largest, fabsf(x[i]));
  float scale = put_half(to, largest / 127);
  for (int i = 0; i < BLOCK; i++)
    to[2 + i] = code_of(x[i], scale, -127, 127);
}

static void encode_q4_0(const float *x, uint8_t *to) {
  float extreme = 0;
  for (int i = 0; i < BLOCK; i++)
    if (fabsf(x[i]) > fabsf(extreme))
      extreme = x[i];
  float scale = put_half(to, extreme / -8);
  for (int i = 0; i < BLOCK / 2; i++)
    to[2 + i] = (uint8_t)((code_of(x[i], scale, -8, 7) + 8) & 15) |
                (uint8_t)((code_of(x[i + BLOCK / 2], scale, -8, 7) + 8) << 4);
}

static void encode_q4_1(const float *x, uint8_t *to) {
  float low = x[0], high = x[0];
  for (int i = 1; i < BLOCK; i++) {
    low = fminf(low, x[i]);
    high = fmaxf(high, x[i]);
  }
  float scale = put_half(to, (high - low) / 15);
  low = put_half(to + 2, low);
  for (int i = 0; i < BLOCK / 2; i++)
    to[4 + i] = code_of(x[i] - low, scale, 0, 15) |
                (uint8_t)(code_of(x[i + BLOCK / 2] - low, scale, 0, 15) << 4);
}

static void encode_f32(const float *x, uint8_t *to) {
  memcpy(to, x, sizeof *x);
}

static void encode_f16(const float *x, uint8_t *to) {
  put_half(to, *x);
}

static void encode_bf16(const float *x, uint8_t *to) {
  memcpy(to, (const uint8_t *)x + 2, 2); // cut, not rounded: as good for made-up weights
}

/// Sets `count` bits of a block from bit `at` on, which are zero.
static void put_bits(uint8_t *to, int at, int count, uint32_t bits) {
  for (int i = 0; i < count; i++)
    to[(at + i) / 8] |= (uint8_t)((bits >> i & 1) << (at + i) % 8);
}

static float largest_of(const float *x, int count) {
  float largest = 0;
  for (int i = 0; i < count; i++)
    largest = fmaxf(largest, fabsf(x[i]));
  return largest;
}

/// Least value, but not above zero: minima of groups have no sign.
static float least_of(const float *x, int count) {
  float least = 0;
  for (int i = 0; i < count; i++)
    least = fminf(least, x[i]);
  return least;
}

static float range_of(const float *x, int count) {
  return largest_of(x, count) - least_of(x, count);
}

static void encode_q5_0(const float *x, uint8_t *to) {
  float scale = put_half(to, largest_of(x, BLOCK) / 15);
  for (int i = 0; i < BLOCK; i++) {
    uint8_t code = (uint8_t)(code_of(x[i], scale, -16, 15) + 16);
    put_bits(to + 6, i % 16 * 8 + i / 16 * 4, 4, code & 15);
    put_bits(to + 2, i, 1, code >> 4 & 1);
  }
}

static void encode_q5_1(const float *x, uint8_t *to) {
  float scale = put_half(to, range_of(x, BLOCK) / 31), low = put_half(to + 2, least_of(x, BLOCK));
  for (int i = 0; i < BLOCK; i++) {
    uint8_t code = code_of(x[i] - low, scale, 0, 31);
    put_bits(to + 8, i % 16 * 8 + i / 16 * 4, 4, code & 15);
    put_bits(to + 4, i, 1, code >> 4);
  }
}

/// A super-block of `groups` groups with scales and minima of `scale_bits` bits and codes of `bits`
/// bits: what they are, before they are put in their places.
typedef struct {
  int groups, scale_bits, bits;
  float scale, minimum;
  uint8_t scales[16], minima[16], codes[SUPER_BLOCK];
} super_block;

static void make_codes(const float *x, uint8_t *scale_at, uint8_t *minimum_at, super_block *s) {
  int size = SUPER_BLOCK / s->groups, most = (1 << s->scale_bits) - 1, highest = (1 << s->bits) - 1;
  float widest = 0;
  for (int i = 0; i < s->groups; i++)
    widest = fmaxf(widest, range_of(x + i * size, size));
  s->scale = put_half(scale_at, widest / (float)highest / (float)most);
  s->minimum = put_half(minimum_at, -least_of(x, SUPER_BLOCK) / (float)most);
  for (int i = 0; i < s->groups; i++) {
    const float *group = x + i * size;
    s->scales[i] = code_of(range_of(group, size) / (float)highest, s->scale, 0, most);
    s->minima[i] = code_of(-least_of(group, size), s->minimum, 0, most);
    float step = s->scale * (float)s->scales[i], low = s->minimum * (float)s->minima[i];
    for (int j = 0; j < size; j++)
      s->codes[i * size + j] = code_of(group[j] + low, step, 0, highest);
  }
}

static void encode_q2_k(const float *x, uint8_t *to) {
  super_block s = {.groups = 16, .scale_bits = 4, .bits = 2};
  make_codes(x, to + 80, to + 82, &s);
  for (int i = 0; i < 16; i++)
    to[i] = (uint8_t)(s.scales[i] | s.minima[i] << 4);
  for (int i = 0; i < SUPER_BLOCK; i++)
    put_bits(to + 16 + i / 128 * 32 + i % 32, i % 128 / 32 * 2, 2, s.codes[i]);
}

/// Q4_K, and Q5_K with a place for the fifth bits.
static void encode_groups(const float *x, int bits, uint8_t *fifth, uint8_t *codes, uint8_t *to) {
  super_block s = {.groups = 8, .scale_bits = 6, .bits = bits};
  make_codes(x, to, to + 2, &s);
  for (int i = 0; i < 4; i++) {
    to[4 + i] = (uint8_t)(s.scales[i] | s.scales[i + 4] >> 4 << 6);
    to[8 + i] = (uint8_t)(s.minima[i] | s.minima[i + 4] >> 4 << 6);
    to[12 + i] = (uint8_t)((s.scales[i + 4] & 15) | s.minima[i + 4] << 4);
  }
  for (int i = 0; i < SUPER_BLOCK; i++) {
    put_bits(codes + i / 64 * 32 + i % 32, i % 64 / 32 * 4, 4, s.codes[i] & 15);
    if (fifth)
      put_bits(fifth + i % 32, i / 32, 1, s.codes[i] >> 4);
  }
}

static void encode_q4_k(const float *x, uint8_t *to) {
  encode_groups(x, 4, NULL, to + 16, to);
}

static void encode_q5_k(const float *x, uint8_t *to) {
  encode_groups(x, 5, to + 16, to + 48, to);
}

/// Codes around zero of groups of 16, with signed scales up to `most`; codes from 0 on.
static void make_signed_codes(const float *x, int bits, int most, uint8_t *scale_at,
                              super_block *s) {
  int middle = 1 << (bits - 1);
  s->scale = put_half(scale_at, largest_of(x, SUPER_BLOCK) / (float)(middle - 1) / (float)most);
  for (int i = 0; i < 16; i++) {
    float step = largest_of(x + i * 16, 16) / (float)(middle - 1);
    s->scales[i] = code_of(step, s->scale, 0, most);
    for (int j = i * 16; j < (i + 1) * 16; j++)
      s->codes[j] =
          (uint8_t)(code_of(x[j], s->scale * (float)s->scales[i], -middle, middle - 1) + middle);
  }
}

static void encode_q3_k(const float *x, uint8_t *to) {
  super_block s;
  make_signed_codes(x, 3, 31, to + 108, &s);
  for (int i = 0; i < 16; i++) {
    put_bits(to + 96 + i % 8, i / 8 * 4, 4, (s.scales[i] + 32u) & 15);
    put_bits(to + 104 + i % 4, i / 4 * 2, 2, (s.scales[i] + 32u) >> 4);
  }
  for (int i = 0; i < SUPER_BLOCK; i++) {
    put_bits(to + 32 + i / 128 * 32 + i % 32, i % 128 / 32 * 2, 2, s.codes[i] & 3);
    put_bits(to + i % 32, i / 32, 1, s.codes[i] >> 2);
  }
}

static void encode_q6_k(const float *x, uint8_t *to) {
  super_block s;
  make_signed_codes(x, 6, 127, to + 208, &s);
  memcpy(to + 192, s.scales, 16);
  for (int i = 0; i < SUPER_BLOCK; i++) {
    int half = i / 128, quarter = i % 128 / 32;
    put_bits(to + half * 64 + quarter % 2 * 32 + i % 32, quarter / 2 * 4, 4, s.codes[i] & 15);
    put_bits(to + 128 + half * 32 + i % 32, quarter * 2, 2, s.codes[i] >> 4);
  }
}

static const struct {
  size_t values, bytes;
  void (*encode)(const float *values, uint8_t *to);
} formats[] = {
    [BINQ_TENSOR_F32] = {1, 4, encode_f32},
    [BINQ_TENSOR_F16] = {1, 2, encode_f16},
    [BINQ_TENSOR_BF16] = {1, 2, encode_bf16},
    [BINQ_TENSOR_Q8_0] = {BLOCK, 34, encode_q8_0},
    [BINQ_TENSOR_Q4_0] = {BLOCK, 18, encode_q4_0},
    [BINQ_TENSOR_Q4_1] = {BLOCK, 20, encode_q4_1},
    [BINQ_TENSOR_Q5_0] = {BLOCK, 22, encode_q5_0},
    [BINQ_TENSOR_Q5_1] = {BLOCK, 24, encode_q5_1},
    [BINQ_TENSOR_Q2_K] = {SUPER_BLOCK, 84, encode_q2_k},
    [BINQ_TENSOR_Q3_K] = {SUPER_BLOCK, 110, encode_q3_k},
    [BINQ_TENSOR_Q4_K] = {SUPER_BLOCK, 144, encode_q4_k},
    [BINQ_TENSOR_Q5_K] = {SUPER_BLOCK, 176, encode_q5_k},
    [BINQ_TENSOR_Q6_K] = {SUPER_BLOCK, 210, encode_q6_k},
};

int64_t model_file_block(binq_tensor_type type) {
  return (int64_t)formats[type].values;
}

uint8_t *model_file_encode(binq_tensor_type type, const float *values, size_t count, size_t *size) {
  size_t blocks = count / formats[type].values;
  *size = blocks * formats[type].bytes;
  uint8_t *to = calloc(*size ? *size : 1, 1);
  if (!to)
    exit(1);
  for (size_t i = 0; i < blocks; i++)
    formats[type].encode(values + i * formats[type].values, to + i * formats[type].bytes);
  return to;
}

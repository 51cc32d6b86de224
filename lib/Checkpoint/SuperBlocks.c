#include "Blocks.h"
#include <stddef.h>

// A super-block has the codes of its values in planes: 32 bytes hold some bits of 32 values that
// follow one another, then in their higher bits those of the next 32, and so on.

enum {
  SMALL_GROUP = 16, ///< values of Q2_K, Q3_K and Q6_K that share a scale
  GROUP = 32,       ///< of Q4_K and Q5_K
  SMALL_GROUPS = BINQ_SUPER_BLOCK / SMALL_GROUP,
  GROUPS = BINQ_SUPER_BLOCK / GROUP,
};

/// Where the bits of a group of 16 values begin in planes of 32 bytes.
static int half_of(int group) {
  return group % 2 * SMALL_GROUP;
}

/// 16 bytes of scales (low half) and minima (high half), 64 bytes of codes, half precision scale of
/// the scales and of the minima.
void binq_expand_q2_k(const uint8_t *restrict block, float *restrict out) {
  float scale = binq_read_half(block + 80), minimum = binq_read_half(block + 82);
  for (int group = 0; group < SMALL_GROUPS; group++) {
    const uint8_t *codes = &block[16 + group / 8 * 32 + half_of(group)];
    int shift = group % 8 / 2 * 2;
    float step = scale * (float)(block[group] & 15), low = minimum * (float)(block[group] >> 4);
    for (int i = 0; i < SMALL_GROUP; i++)
      out[group * SMALL_GROUP + i] = step * (float)(codes[i] >> shift & 3) - low;
  }
}

/// 32 bytes with the third bits, 64 with the lower two, 12 with scales of six bits (eight bytes
/// with the lower four of two, four with the upper two of four), the half precision scale of the
/// scales.
void binq_expand_q3_k(const uint8_t *restrict block, float *restrict out) {
  const uint8_t *scales = block + 96;
  float scale = binq_read_half(block + 108);
  for (int group = 0; group < SMALL_GROUPS; group++) {
    const uint8_t *low = &block[32 + group / 8 * 32 + half_of(group)];
    const uint8_t *high = block + half_of(group);
    int shift = group % 8 / 2 * 2;
    int code = scales[group % 8] >> (group / 8 * 4) & 15;
    code |= (scales[8 + group % 4] >> (group / 4 * 2) & 3) << 4;
    float step = scale * (float)(code - 32);
    for (int i = 0; i < SMALL_GROUP; i++) {
      int value = (low[i] >> shift & 3) | (high[i] >> (group / 2) & 1) << 2;
      out[group * SMALL_GROUP + i] = step * (float)(value - 4);
    }
  }
}

/// Scale and minimum of a group in 12 bytes: six bits each of the first four scales, then of the
/// first four minima, and the other four in nibbles and in what is left of the bytes before.
static void read_scale(const uint8_t *packed, int group, int *scale, int *minimum) {
  if (group < 4) {
    *scale = packed[group] & 63;
    *minimum = packed[group + 4] & 63;
  } else {
    *scale = (packed[group + 4] & 15) | packed[group - 4] >> 6 << 4;
    *minimum = packed[group + 4] >> 4 | packed[group] >> 6 << 4;
  }
}

/// The half precision scale of the scales and of the minima, 12 bytes of those, then the codes.
static void expand_groups(const uint8_t *restrict block, const uint8_t *restrict codes,
                          const uint8_t *restrict fifth, float *restrict out) {
  float scale = binq_read_half(block), minimum = binq_read_half(block + 2);
  for (int group = 0; group < GROUPS; group++) {
    int factor, offset;
    read_scale(block + 4, group, &factor, &offset);
    float step = scale * (float)factor, low = minimum * (float)offset;
    const uint8_t *four = codes + (ptrdiff_t)(group / 2) * GROUP;
    int shift = group % 2 * 4;
    for (int i = 0; i < GROUP; i++) {
      int code = (four[i] >> shift & 15) | (fifth ? (fifth[i] >> group & 1) << 4 : 0);
      out[group * GROUP + i] = step * (float)code - low;
    }
  }
}

void binq_expand_q4_k(const uint8_t *restrict block, float *restrict out) {
  expand_groups(block, block + 16, NULL, out);
}

/// As Q4_K, with 32 bytes of fifth bits before the codes.
void binq_expand_q5_k(const uint8_t *restrict block, float *restrict out) {
  expand_groups(block, block + 48, block + 16, out);
}

/// 128 bytes with the lower four bits, 64 with the upper two, 16 scales of a signed byte each, the
/// half precision scale of the scales.
void binq_expand_q6_k(const uint8_t *restrict block, float *restrict out) {
  float scale = binq_read_half(block + 208);
  for (int group = 0; group < SMALL_GROUPS; group++) {
    int half = group / 8, quarter = group % 8 / 2;
    const uint8_t *low = &block[half * 64 + quarter % 2 * 32 + half_of(group)];
    const uint8_t *high = &block[128 + half * 32 + half_of(group)];
    float step = scale * (float)(int8_t)block[192 + group];
    for (int i = 0; i < SMALL_GROUP; i++) {
      int code = (low[i] >> (quarter / 2 * 4) & 15) | (high[i] >> (quarter * 2) & 3) << 4;
      out[group * SMALL_GROUP + i] = step * (float)(code - 32);
    }
  }
}

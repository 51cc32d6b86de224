#include "Blocks.h"

// A half precision scale, in the types _1 a half precision minimum, the fifth bits of all values as
// one little-endian word, then the codes.

void binq_expand_q8_0(const uint8_t *restrict block, float *restrict out) {
  float scale = binq_read_half(block);
  for (int i = 0; i < BINQ_BLOCK; i++)
    out[i] = (float)(int8_t)block[2 + i] * scale;
}

/// Byte i holds value i in its low half and value i + 16 in its high half.
void binq_expand_q4_0(const uint8_t *restrict block, float *restrict out) {
  float scale = binq_read_half(block);
  for (int i = 0; i < BINQ_BLOCK / 2; i++) {
    out[i] = (float)((block[2 + i] & 15) - 8) * scale;
    out[i + BINQ_BLOCK / 2] = (float)((block[2 + i] >> 4) - 8) * scale;
  }
}

void binq_expand_q4_1(const uint8_t *restrict block, float *restrict out) {
  float scale = binq_read_half(block);
  float minimum = binq_read_half(block + 2);
  for (int i = 0; i < BINQ_BLOCK / 2; i++) {
    out[i] = (float)(block[4 + i] & 15) * scale + minimum;
    out[i + BINQ_BLOCK / 2] = (float)(block[4 + i] >> 4) * scale + minimum;
  }
}

/// The codes of a block with fifth bits.
static void read_five_bits(const uint8_t *restrict fifth, const uint8_t *restrict rest,
                           int32_t codes[BINQ_BLOCK]) {
  uint32_t bits;
  memcpy(&bits, fifth, sizeof bits);
  for (int i = 0; i < BINQ_BLOCK / 2; i++) {
    codes[i] = (int32_t)((rest[i] & 15u) | (bits >> i & 1) << 4);
    codes[i + BINQ_BLOCK / 2] =
        (int32_t)((uint32_t)rest[i] >> 4 | (bits >> (i + BINQ_BLOCK / 2) & 1) << 4);
  }
}

void binq_expand_q5_0(const uint8_t *restrict block, float *restrict out) {
  float scale = binq_read_half(block);
  int32_t codes[BINQ_BLOCK];
  read_five_bits(block + 2, block + 6, codes);
  for (int i = 0; i < BINQ_BLOCK; i++)
    out[i] = (float)(codes[i] - 16) * scale;
}

void binq_expand_q5_1(const uint8_t *restrict block, float *restrict out) {
  float scale = binq_read_half(block), minimum = binq_read_half(block + 2);
  int32_t codes[BINQ_BLOCK];
  read_five_bits(block + 4, block + 8, codes);
  for (int i = 0; i < BINQ_BLOCK; i++)
    out[i] = (float)codes[i] * scale + minimum;
}

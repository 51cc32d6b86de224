/// The block formats of GGUF: a few values with a scale that they share. Each function writes the
/// values of one block, which need not be aligned, as float32.
#ifndef BINQ_CHECKPOINT_BLOCKS_H
#define BINQ_CHECKPOINT_BLOCKS_H

#include <stdint.h>
#include <string.h>

enum {
  BINQ_BLOCK = 32,        ///< values
  BINQ_SUPER_BLOCK = 256, ///< of types whose name ends in K: groups of 16 or 32 values, whose
                          ///< scales share a scale
};

// 32 values each.
void binq_expand_q8_0(const uint8_t *restrict block, float *restrict out);
void binq_expand_q4_0(const uint8_t *restrict block, float *restrict out);
void binq_expand_q4_1(const uint8_t *restrict block, float *restrict out);
void binq_expand_q5_0(const uint8_t *restrict block, float *restrict out);
void binq_expand_q5_1(const uint8_t *restrict block, float *restrict out);

// 256 values each.
void binq_expand_q2_k(const uint8_t *restrict block, float *restrict out);
void binq_expand_q3_k(const uint8_t *restrict block, float *restrict out);
void binq_expand_q4_k(const uint8_t *restrict block, float *restrict out);
void binq_expand_q5_k(const uint8_t *restrict block, float *restrict out);
void binq_expand_q6_k(const uint8_t *restrict block, float *restrict out);

static inline float binq_read_half(const uint8_t *bytes) {
  _Float16 value;
  memcpy(&value, bytes, sizeof value);
  return (float)value;
}

#endif

/// The angles of rotary position embedding.
#ifndef BINQ_RUNTIME_ROPE_H
#define BINQ_RUNTIME_ROPE_H

#include <stdint.h>

/// Writes [positions][head_size / 2][2] floats: cosine and sine of position * base^(-2 i /
/// head_size). head_size is even, base finite and positive. The same bits on every machine.
void binq_rope_table(float *out, int64_t positions, int64_t head_size, double base);

#endif

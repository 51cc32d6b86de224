/// A slice: 32 rows of a linear that one thread quantizes. Its weights lie channel by channel, 32
/// rows beside one another, so that every loop over rows is a loop over vector lanes.
#ifndef BINQ_LIB_QUANTIZE_SLICE_H
#define BINQ_LIB_QUANTIZE_SLICE_H

#include "binq/Quantize/Layout.h"

enum { BINQ_MAX_LEVELS = 1 << BINQ_MAX_WEIGHT_PLANES };

/// A number for each row of a slice.
typedef float binq_rows[BINQ_BLOCK_ROWS];

/// The values that weights of a group may take, ascending in every row, and the code of each.
typedef struct {
  int count;
  binq_rows value[BINQ_MAX_LEVELS];
  binq_rows middle[BINQ_MAX_LEVELS - 1]; ///< midway between a value and the next
  uint8_t code[BINQ_MAX_LEVELS];
} binq_level_set;

/// out[c] = sum over k < count of matrix[k * row + c] * w[k], for two columns c.
void binq_slice_product(const float *matrix, int64_t row, const binq_rows *w, int64_t count,
                        binq_rows out[2]);

/// Sets the midpoints of a level set from its values.
void binq_set_middles(binq_level_set *set);

/// The fp16 scale nearest to `scale`, but neither zero nor infinite where `scale` is not.
uint16_t binq_scale_to_half(float scale);

/// Four levels, ascending, that minimise the sum of h_j (w_j - nearest level)^2 in each row.
void binq_optimal_levels(const binq_rows *w, const float *h, int64_t channels, binq_rows levels[4]);

/// Rounds four levels to what is stored: int8 numbers, and the fp16 scale that is returned.
uint16_t binq_store_levels(const float values[4], int8_t levels[4]);

/// Chooses levels and scales of a grouped-binary group. `levels` is [32][4].
void binq_choose_grouped(const binq_rows *w, const float *h, int64_t channels, int8_t *levels,
                         uint16_t *scales, binq_level_set *set);

/// The distinct sums of plane weights, ascending, and the code of each: the lowest that has it.
typedef struct {
  int count;
  float top; ///< the last one
  float sum[BINQ_MAX_LEVELS];
  uint8_t code[BINQ_MAX_LEVELS];
} binq_plane_sums;

/// The sums that planes of this format can have.
binq_plane_sums binq_plane_sums_of(const binq_linear_format *format);

/// Chooses zeros and scales of a group of additive planes; without `h` (NULL) they cover the whole
/// range of the weights.
void binq_choose_planes(const binq_linear_format *format, const binq_rows *w, const float *h,
                        int64_t channels, int8_t *zeros, uint16_t *scales, binq_level_set *set);

/// Nearest multiples of a scale from -127 to 127 times, ties to the lower one.
void binq_round_to_int8(const binq_rows w, const binq_rows scale, binq_rows value, int8_t *codes);

/// Rounds `columns` weights to INT8 with a scale of their own, whose fp16 is returned; `codes` has
/// room for a multiple of 32.
uint16_t binq_store_int8(const float *weights, int64_t columns, int8_t *codes);

#endif

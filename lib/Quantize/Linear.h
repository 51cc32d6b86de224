/// A linear being quantized: what the files that quantize its slices share.
#ifndef BINQ_LIB_QUANTIZE_LINEAR_H
#define BINQ_LIB_QUANTIZE_LINEAR_H

#include "Slice.h"
#include "binq/Quantize/Quantize.h"

#include <stdbool.h>

/// Levels of a group of grouped-binary weights.
enum { BINQ_LEVELS = 4 };

/// The code of each row's weight in a channel.
typedef uint8_t binq_row_codes[BINQ_BLOCK_ROWS];

/// A group's coefficients as they are stored.
typedef struct {
  int8_t levels[BINQ_BLOCK_ROWS][BINQ_LEVELS]; ///< of grouped-binary
  int8_t zeros[BINQ_BLOCK_ROWS];               ///< of planes
  uint16_t scales[BINQ_BLOCK_ROWS];
} binq_coefficients;

typedef struct {
  const float *weights;
  const binq_input_statistics *statistics;
  const binq_method *method;
  binq_layout layout;
  binq_quantized_linear *out;
} binq_linear_job;

/// One slice at work. Arrays of channels have all padded columns, the others the plane columns.
typedef struct {
  const binq_linear_job *job;
  int64_t first_row;
  binq_rows *w;     ///< by channel: what is to be quantized, with the errors made so far spread in;
                    ///< behind that, quantized values
  binq_rows *value; ///< by plane column: what its codes stand for
  binq_rows *gradient;             ///< by plane column; see Refine.h
  binq_row_codes *codes;           ///< by plane column
  binq_level_set *sets;            ///< by group
  binq_coefficients *coefficients; ///< by group
  double error; ///< the sum of e^2 so far, which is tr(E H E^T) with the damped H
} binq_slice;

/// Channels of a group.
typedef struct {
  int64_t begin, end;
  int64_t first; ///< the first that is no padding
} binq_run;

static inline bool binq_is_padding(const binq_input_statistics *statistics, int64_t channel) {
  return statistics->order[channel] >= statistics->columns;
}

/// The channels of a group.
binq_run binq_run_of(const binq_slice *s, int64_t group);

/// A weight of the model; rows past the last and padding channels are zero.
float binq_original_weight(const binq_slice *s, int64_t channel, int row);

/// Gptq.c: chooses codes and coefficients of all groups, the errors of each spread over what comes
/// behind it.
void binq_choose_codes(binq_slice *s);

/// Gptq.c: the same, but each weight by itself.
void binq_round_codes(binq_slice *s);

/// Billm.c: levels of a group in that manner, of channels from `first` on.
void binq_choose_billm(const binq_rows *w, int64_t first, int64_t channels, bool salient,
                       binq_coefficients *out, binq_level_set *set);

/// Gptq.c: starts anew from the model's weights with the codes that were chosen.
void binq_replay_codes(binq_slice *s);

/// Gptq.c: quantizes the INT8 columns, with the errors of the others spread in.
void binq_choose_int8(binq_slice *s);

/// Rounds.c: refines all groups against one another, in rounds.
void binq_refine_slice(binq_slice *s);

#endif

/// Tuning: the numbers of a quantized linear moved by gradients. Behind what is stored stand
/// floats; a gradient by the stored weights moves the floats as if nothing were rounded
/// (straight-through, Bengio et al. 2013, arXiv 1308.3432), then they are stored anew, so that
/// every gradient is one at weights that a compiled model can have.
#ifndef BINQ_QUANTIZE_TUNING_H
#define BINQ_QUANTIZE_TUNING_H

#include "binq/Quantize/Layout.h"
#include "binq/Support/Status.h"
#include <stdbool.h>

/// A step of Adam (Kingma & Ba 2015, arXiv 1412.6980) with moments of weight 0.9 and 0.95.
typedef struct {
  float first, second; ///< what undoes that the moments start at zero
} binq_adam;

/// The step number `step`, from 0.
binq_adam binq_adam_at(int64_t step);

/// Numbers being tuned, with their moments.
typedef struct {
  float *value, *first, *second;
} binq_tuned;

/// `count` numbers, all zero, freed with binq_tuned_free. None for a count of 0.
binq_status binq_tuned_create(int64_t count, binq_tuned *out);
/// Frees the numbers; none are ignored.
void binq_tuned_free(binq_tuned *tuned);

/// Moves `count` numbers from the one at `begin` on by a step of at most about `size` each.
void binq_tuned_move(binq_tuned *tuned, int64_t begin, int64_t count, const float *gradient,
                     binq_adam adam, float size);

/// How far one step goes.
typedef struct {
  float levels; ///< in parts of the mean size of the linear's levels; of the scales, for planes
  float codes;  ///< in steps from a code's value to the next value
  float int8;   ///< in parts of the mean size of the linear's levels
} binq_tuning_rates;

typedef struct binq_tuning binq_tuning;

/// Tunes `linear`, which has planes, in place; it must outlive the tuning. Between moves its arrays
/// may be freed and made anew, with the same numbers. Codes are tuned `with_codes`, which
/// takes three floats a weight; else weights keep the levels they have.
binq_status binq_tuning_create(binq_quantized_linear *linear, bool with_codes, binq_tuning **out);
/// NULL is ignored.
void binq_tuning_destroy(binq_tuning *tuning);

/// Lets the codes of a row, if they move, lean towards its float weights [padded columns] in
/// channel order: a weight that was nearly given the next code needs less of a gradient to get it.
void binq_tuning_lean(binq_tuning *tuning, int64_t row, const float *weights);

/// Takes the gradient by rows [begin, end) of the weights, [end - begin][padded columns] in channel
/// order, and changes those rows. Several threads may do so with different rows.
void binq_tuning_move(binq_tuning *tuning, int64_t begin, int64_t end, const float *gradient,
                      binq_adam adam, binq_tuning_rates rates);

#endif

/// Improving a group of a slice that has codes and levels: down a quadratic form of its error, by
/// coordinate descent on the codes and exact refit of the levels.
#ifndef BINQ_LIB_QUANTIZE_REFINE_H
#define BINQ_LIB_QUANTIZE_REFINE_H

#include "Linear.h"

/// A group being improved. The channels before `first` are padding and stay as they are.
typedef struct {
  const binq_linear_format *format;
  const float *form; ///< symmetric: element (j, k) is form[j * form_row + k]
  int64_t form_row;
  int64_t first, channels;
  binq_rows *value;    ///< by channel: what the codes stand for
  binq_rows *gradient; ///< by channel: half of what the form grows by with the value
  binq_row_codes *codes;
  binq_level_set *set; ///< its midpoints are not looked at
  binq_coefficients *coefficients;
} binq_group;

/// Takes channel after channel to its best level, the others staying.
void binq_descend(const binq_group *group);

/// Moves the levels of every row to where they suit its codes best, in so far as that is better
/// after rounding to what is stored.
void binq_refit_levels(const binq_group *group);

/// Refits and descends in turn on a group of a slice down `form`, whose gradient the slice has.
void binq_refine_group(binq_slice *s, const binq_run *run, int64_t group, const float *form,
                       int64_t form_row);

/// What refits share: a number for each of 8 rows.
enum { BINQ_LANES = 8 };
typedef float binq_lanes __attribute__((ext_vector_type(BINQ_LANES)));

static inline binq_lanes binq_load_lanes(const float *from) {
  binq_lanes value;
  __builtin_memcpy(&value, from, sizeof value);
  return value;
}

static inline void binq_store_lanes(float *to, binq_lanes value) {
  __builtin_memcpy(to, &value, sizeof value);
}

/// out[j] = the sum of form(j, k) * vector[k] over the group's channels.
void binq_multiply_form(const binq_group *group, const binq_lanes *vector, binq_lanes *out);

/// Refits 8 rows from `first` on; sums[j] is the sum over k of form(j, k).
void binq_refit_grouped(const binq_group *group, const float *sums, int first);
void binq_refit_planes(const binq_group *group, const float *sums, int first);

#endif

/// Spending a budget: one choice for each of many items, of which every choice has a size and a
/// loss. Plain numbers.
#ifndef BINQ_QUANTIZE_BUDGET_H
#define BINQ_QUANTIZE_BUDGET_H

#include "binq/Support/Status.h"
#include <stddef.h>
#include <stdint.h>

typedef struct {
  int64_t bytes; ///< not negative
  double loss;   ///< finite
} binq_choice;

/// Something that takes one of several choices, at least one.
typedef struct {
  const binq_choice *choices;
  size_t count;
} binq_choice_item;

/// The choices, one an item (indices in chosen[count]), whose losses add up to the least with which
/// their sizes do not exceed `bytes`. Sizes are counted in units of 64 bytes or, where that would
/// take more than 2^16 of them, in larger ones, to which they are rounded up: then what is chosen
/// may fall short of the budget by a unit an item. An error, which names the smallest possible
/// sum, where there is none.
binq_status binq_budget_least_loss(const binq_choice_item *items, size_t count, int64_t bytes,
                                   size_t *chosen);

/// The choices of the fewest bytes whose losses add up to at most `loss`, in the same units. An
/// error, which names the smallest possible loss, where there are none.
binq_status binq_budget_fewest_bytes(const binq_choice_item *items, size_t count, double loss,
                                     size_t *chosen);

/// What the code of a quantized model grows with: kinds of linears and inputs, by sizes and
/// formats, and of layers, by their linears. Kernels of attention are unrolled over a head.
typedef struct {
  int64_t head_size;
  int64_t activation_planes; ///< of inputs with planes, but those of tables, which have eight
  int64_t planes, grouped;   ///< kinds of linears in additive planes and in grouped-binary ones
  int64_t int8;              ///< kinds of linears with INT8 columns
  int64_t inputs;            ///< kinds of inputs with planes
  int64_t int8_inputs;       ///< kinds of inputs with INT8 columns
  int64_t layers;
} binq_code_amount;

#endif

/// Which of the lowerings of a linear runs for how many tokens. All give the same bits.
#ifndef BINQ_CONVERSION_CHOICE_H
#define BINQ_CONVERSION_CHOICE_H

#include "binq/Conversion/Lowering.h"
#include "binq/Quantize/Layout.h"

typedef struct {
  binq_lowering few, many;
  int64_t few_tokens; ///< the most tokens that are few
} binq_way;

/// What `lowering` means for an instruction set and so many planes of activations.
binq_way binq_way_of(const binq_isa *isa, binq_lowering lowering, int64_t activation_planes);

/// What activations must hold for it: binq_activation_parts.
unsigned binq_way_parts(const binq_way *choice);

/// Tables are made for up to so many tokens.
int64_t binq_way_table_tokens(const binq_way *choice);

#endif

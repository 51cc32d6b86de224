/// Merges as lists spell them: by the texts of their two sides.
#ifndef BINQ_CHECKPOINT_MERGES_H
#define BINQ_CHECKPOINT_MERGES_H

#include "NameTable.h"
#include "binq/Checkpoint/Model.h"

/// The tokens that merge `index` of a list is about, by the texts of all tokens. `joined` has room
/// for both sides.
binq_status binq_find_merge(const binq_name_table *names, binq_bytes left, binq_bytes right,
                            uint32_t index, uint8_t *joined, binq_merge *out);

/// Cuts "left right" in two; false if there is no space in it.
bool binq_cut_merge(binq_bytes text, binq_bytes *left, binq_bytes *right);

#endif

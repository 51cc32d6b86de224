/// Picks the next token from logits. The same logits and seed give the same tokens on every
/// machine.
#ifndef BINQ_RUNTIME_SAMPLER_H
#define BINQ_RUNTIME_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  float temperature; ///< logits are divided by it; 0: always the most likely token
  int64_t top_k;     ///< only the k most likely tokens; 0: all
  float top_p; ///< of those, the fewest likeliest that hold this share of probability; 0 or 1: all
  uint64_t state; ///< of the random numbers: the seed at first
} binq_sampler;

/// Bytes of workspace (aligned to 8) that a pick from `count` logits needs.
size_t binq_sampler_workspace(int64_t count);

/// Index of the picked one of `count` >= 1 logits. Equal logits are ranked by lower index first; a
/// NaN counts as minus infinity.
int32_t binq_sampler_pick(binq_sampler *sampler, const float *logits, int64_t count,
                          void *workspace);

#endif

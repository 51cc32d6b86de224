/// What the files of the model's half of the runtime share.
#ifndef BINQ_RUNTIME_MODEL_INTERNAL_H
#define BINQ_RUNTIME_MODEL_INTERNAL_H

#include "runtime/Api.h"
#include "runtime/Model.h"
#include "runtime/Pool.h"
#include "runtime/Tokenizer.h"
#include <stdatomic.h>

struct binq_model {
  const binq_level *level; ///< the code that this CPU runs
  const uint8_t *weights;
  void *mapping; ///< NULL when the weights are in the library
  binq_tokenizer tokenizer;
};

struct binq_context {
  const binq_model *model;
  binq_pool *pool;
  int64_t max_tokens, position;
  atomic_int stop;
  void *memory; ///< one mapping, which all that follows lies in
  size_t memory_size;
  binq_memref weights, workspace, cache, rope;
  int32_t *tokens, *positions; ///< of the piece being fed
  float *hidden, *logits;      ///< rows of the generated functions
  const float *last_logits; ///< row of `logits` that belongs to the last token, NULL if none does
  void *sampler_workspace;
};

/// Does what binq_open does once the CPU is known to run this code, and which level of the model's.
binq_error binq_model_load(const char *path, const binq_level *level, binq_model **out);

#endif

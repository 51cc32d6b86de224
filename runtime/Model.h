/// What the compiler makes of a model for the runtime to call: two functions for every instruction
/// set, and constants. The rest of the runtime is the same for every model.
#ifndef BINQ_RUNTIME_MODEL_H
#define BINQ_RUNTIME_MODEL_H

#include "runtime/Cpu.h"
#include <stdint.h>

enum {
  BINQ_ROW_MULTIPLE = 32,   ///< rows of floats are padded to this many
  BINQ_CACHE_MULTIPLE = 32, ///< so are the positions of a cache
};

/// A rank-1 memref as generated code takes it: `size` elements, `stride` apart, from `aligned` +
/// `offset`.
typedef struct {
  void *allocated, *aligned;
  int64_t offset, size, stride;
} binq_memref;

/// Embeds `count` tokens and runs them through every layer: float hidden[count][row], rows padded
/// to BINQ_ROW_MULTIPLE. Called by all `threads` threads of a pool at once; `host` is handed to
/// the barrier. The cache holds `sequences` sequences of `capacity` positions; `base` is of no use
/// here.
typedef void binq_forward(binq_memref *workspace, binq_memref *weights, binq_memref *cache,
                          binq_memref *rope, int64_t base, int64_t count, int64_t sequences,
                          int64_t capacity, void *host, int64_t thread, int64_t threads,
                          binq_memref *tokens, binq_memref *positions, binq_memref *hidden);

/// The logits of `count` rows of hidden states: float logits[count][vocabulary, padded likewise].
typedef void binq_head(binq_memref *workspace, binq_memref *weights, binq_memref *cache,
                       binq_memref *rope, int64_t base, int64_t count, int64_t sequences,
                       int64_t capacity, void *host, int64_t thread, int64_t threads,
                       binq_memref *hidden, binq_memref *logits);

/// The model's code for one instruction set (runtime/Isa.h). All of them give the same bits.
typedef struct {
  const char *name;
  binq_cpu needs;
  binq_forward *forward;
  binq_head *head;
} binq_level;

/// The constants of the model. The compiler writes this struct and the levels field by field
/// (lib/Target/Constants.c); here every field has eight bytes.
typedef struct {
  const char *name;            ///< prefix of every symbol
  const binq_level *levels;    ///< from the least to the most
  int64_t level_count;         ///< 0 in the program, which has no such code
  const char *cpu_message;     ///< of BINQ_ERROR_CPU
  const uint8_t *weights;      ///< NULL when they are a separate file
  const uint8_t *weights_hash; ///< binq_hash of them, 32 bytes
  int64_t weights_size;
  int64_t tokenizer_offset, tokenizer_size; ///< of the tokenizer's tables within the weights
  int64_t vocabulary_size, hidden_size, layer_count, context_length;
  int64_t head_size;
  int64_t workspace_per_token; ///< bytes of workspace a call needs for each token
  int64_t cache_per_position;  ///< bytes of the cache, of all layers
  int64_t text_size;           ///< room that binq_decode may need: BINQ_TEXT_SIZE
  double rope_base;
} binq_model_constants;

extern const binq_model_constants binq_constants;

/// The last of the levels that the CPU has, or the one called `name` if that is not NULL; NULL if
/// there is none.
const binq_level *binq_level_choose(const binq_cpu *cpu, const char *name, const binq_level *levels,
                                    int64_t count);

/// What generated code calls after every operation that writes: waits until all threads of the pool
/// `host` are there.
void _mlir_ciface_binq_barrier(void *host);

#endif

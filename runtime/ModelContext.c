// Contexts: their memory, and feeding them tokens.
#include "runtime/FloatMode.h"
#include "runtime/ModelInternal.h"
#include "runtime/Rope.h"
#include "runtime/Sampler.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
  PIECE_TOKENS = 128, // a longer feeding is cut into pieces of this many tokens
  LOGIT_ROWS = 16, // hidden states the head works on at a time when all their logits are asked for
  MAX_THREADS = 1024,
  ALIGNMENT = 64,
};

static int64_t round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

static int64_t smaller(int64_t a, int64_t b) {
  return a < b ? a : b;
}

/// Where the parts of a context's memory begin, in bytes.
typedef struct {
  int64_t workspace, cache, rope, tokens, positions, hidden, logits, sampler, end;
} layout;

/// Makes room for a * b * c bytes at *end. False when that is more than there can be.
static int reserve(int64_t *end, int64_t *offset, int64_t a, int64_t b, int64_t c) {
  int64_t size;
  *offset = *end;
  return !__builtin_mul_overflow(a, b, &size) && !__builtin_mul_overflow(size, c, &size) &&
         !__builtin_add_overflow(*end, size, end) &&
         !__builtin_add_overflow(*end, ALIGNMENT - 1, end) && (*end &= -(int64_t)ALIGNMENT) >= 0;
}

static int layout_of(int64_t max_tokens, layout *out) {
  const binq_model_constants *model = &binq_constants;
  int64_t capacity = round_up(max_tokens, BINQ_CACHE_MULTIPLE);
  int64_t piece = smaller(max_tokens, PIECE_TOKENS);
  int64_t *end = &out->end;
  *end = 0;
  return reserve(end, &out->workspace, piece, model->workspace_per_token, 1) &&
         reserve(end, &out->cache, capacity, model->cache_per_position, 1) &&
         reserve(end, &out->rope, capacity, model->head_size, sizeof(float)) &&
         reserve(end, &out->tokens, piece, 1, sizeof(int32_t)) &&
         reserve(end, &out->positions, piece, 1, sizeof(int32_t)) &&
         reserve(end, &out->hidden, piece, round_up(model->hidden_size, BINQ_ROW_MULTIPLE),
                 sizeof(float)) &&
         reserve(end, &out->logits, smaller(piece, LOGIT_ROWS),
                 round_up(model->vocabulary_size, BINQ_ROW_MULTIPLE), sizeof(float)) &&
         reserve(end, &out->sampler, (int64_t)binq_sampler_workspace(model->vocabulary_size), 1, 1);
}

binq_error binq_context_memory(int64_t max_tokens, size_t *bytes) {
  layout parts;
  if (!bytes || max_tokens < 1 || max_tokens > binq_constants.context_length)
    return BINQ_ERROR_ARGUMENT;
  if (!layout_of(max_tokens, &parts))
    return BINQ_ERROR_MEMORY;
  *bytes = sizeof(binq_context) + (size_t)parts.end;
  return BINQ_OK;
}

static binq_memref view(void *base, int64_t offset, int64_t size) {
  void *data = (uint8_t *)base + offset;
  return (binq_memref){.allocated = data, .aligned = data, .size = size, .stride = 1};
}

/// Pages of the mapping are zero, and take memory only once they are written: a context that is not
/// filled is small.
static binq_error allocate(binq_context *context) {
  layout parts;
  if (!layout_of(context->max_tokens, &parts))
    return BINQ_ERROR_MEMORY;
  void *memory =
      mmap(NULL, (size_t)parts.end, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return BINQ_ERROR_MEMORY;
  context->memory = memory;
  context->memory_size = (size_t)parts.end;
  context->workspace = view(memory, parts.workspace, parts.cache - parts.workspace);
  context->cache = view(memory, parts.cache, parts.rope - parts.cache);
  context->rope = view(memory, parts.rope, (parts.tokens - parts.rope) / (int64_t)sizeof(float));
  context->tokens = (int32_t *)((uint8_t *)memory + parts.tokens);
  context->positions = (int32_t *)((uint8_t *)memory + parts.positions);
  context->hidden = (float *)((uint8_t *)memory + parts.hidden);
  context->logits = (float *)((uint8_t *)memory + parts.logits);
  context->sampler_workspace = (uint8_t *)memory + parts.sampler;
  // The generated functions do not write to the weights.
  context->weights = view((void *)context->model->weights, 0, binq_constants.weights_size);
  uint64_t mode = binq_float_mode_enter();
  binq_rope_table(context->rope.aligned, context->max_tokens, binq_constants.head_size,
                  binq_constants.rope_base);
  binq_float_mode_leave(mode);
  return BINQ_OK;
}

binq_error binq_context_create(const binq_model *model, int64_t max_tokens, int threads,
                               binq_context **context) {
  if (!context)
    return BINQ_ERROR_ARGUMENT;
  *context = NULL;
  if (!model || max_tokens < 1 || max_tokens > binq_constants.context_length || threads < 1 ||
      threads > MAX_THREADS)
    return BINQ_ERROR_ARGUMENT;
  binq_context *made = calloc(1, sizeof *made);
  if (!made)
    return BINQ_ERROR_MEMORY;
  made->model = model;
  made->max_tokens = max_tokens;
  atomic_init(&made->stop, 0);
  binq_error error = allocate(made);
  if (!error && binq_pool_create(threads, &made->pool))
    error = BINQ_ERROR_THREAD;
  if (error) {
    binq_context_destroy(made);
    return error;
  }
  *context = made;
  return BINQ_OK;
}

void binq_context_destroy(binq_context *context) {
  if (!context)
    return;
  binq_pool_destroy(context->pool);
  if (context->memory)
    munmap(context->memory, context->memory_size);
  free(context);
}

void _mlir_ciface_binq_barrier(void *host) {
  binq_pool_barrier(host);
}

/// What the threads of a context do at once: run `count` new tokens through the layers (if any),
/// then compute the logits of `rows` hidden states from the `first`.
typedef struct {
  binq_context *context;
  int64_t count, first, rows;
} task;

static void work(void *argument, int64_t thread, int64_t threads) {
  const task *t = argument;
  binq_context *c = t->context;
  const binq_level *level = c->model->level;
  int64_t capacity = round_up(c->max_tokens, BINQ_CACHE_MULTIPLE);
  int64_t hidden_row = round_up(binq_constants.hidden_size, BINQ_ROW_MULTIPLE);
  int64_t logits_row = round_up(binq_constants.vocabulary_size, BINQ_ROW_MULTIPLE);
  if (t->count) {
    binq_memref tokens = view(c->tokens, 0, t->count), positions = view(c->positions, 0, t->count);
    binq_memref hidden = view(c->hidden, 0, t->count * hidden_row);
    level->forward(&c->workspace, &c->weights, &c->cache, &c->rope, 0, t->count, 1, capacity,
                   c->pool, thread, threads, &tokens, &positions, &hidden);
  }
  if (t->rows) {
    binq_memref hidden = view(c->hidden + t->first * hidden_row, 0, t->rows * hidden_row);
    binq_memref logits = view(c->logits, 0, t->rows * logits_row);
    level->head(&c->workspace, &c->weights, &c->cache, &c->rope, 0, t->rows, 1, capacity, c->pool,
                thread, threads, &hidden, &logits);
  }
}

static void run(binq_context *context, int64_t count, int64_t first, int64_t rows) {
  task t = {context, count, first, rows};
  binq_pool_run(context->pool, work, &t);
  if (rows)
    context->last_logits =
        context->logits + (rows - 1) * round_up(binq_constants.vocabulary_size, BINQ_ROW_MULTIPLE);
}

/// The logits of all `count` hidden states of a piece.
static void write_logits(binq_context *context, int64_t count, float *logits) {
  int64_t size = binq_constants.vocabulary_size, row = round_up(size, BINQ_ROW_MULTIPLE);
  for (int64_t first = 0; first < count; first += LOGIT_ROWS) {
    int64_t rows = smaller(count - first, LOGIT_ROWS);
    run(context, 0, first, rows);
    for (int64_t i = 0; i < rows; ++i)
      memcpy(logits + (first + i) * size, context->logits + i * row, (size_t)size * sizeof(float));
  }
}

static binq_error check_tokens(const binq_context *context, const int32_t *tokens, size_t count) {
  if (!context || (count && !tokens))
    return BINQ_ERROR_ARGUMENT;
  if (count > (size_t)(context->max_tokens - context->position))
    return BINQ_ERROR_FULL; // before a look at the tokens: the caller's array may end where the
                            // context does
  for (size_t i = 0; i < count; ++i)
    if (tokens[i] < 0 || tokens[i] >= binq_constants.vocabulary_size)
      return BINQ_ERROR_TOKEN;
  return BINQ_OK;
}

/// `logits` may be NULL: only those of the last token are computed.
static binq_error feed(binq_context *context, const int32_t *tokens, size_t count, float *logits) {
  binq_error error = check_tokens(context, tokens, count);
  if (error)
    return error;
  for (int64_t left = (int64_t)count, piece; left; left -= piece, tokens += piece) {
    context->last_logits = NULL;
    if (atomic_exchange(&context->stop, 0))
      return BINQ_ERROR_STOPPED;
    piece = smaller(left, PIECE_TOKENS);
    for (int64_t i = 0; i < piece; ++i) {
      context->tokens[i] = tokens[i];
      context->positions[i] = (int32_t)(context->position + i);
    }
    run(context, piece, piece - 1, !logits && piece == left);
    if (logits) {
      write_logits(context, piece, logits);
      logits += piece * binq_constants.vocabulary_size;
    }
    context->position += piece;
  }
  return BINQ_OK;
}

binq_error binq_feed(binq_context *context, const int32_t *tokens, size_t count) {
  return feed(context, tokens, count, NULL);
}

binq_error binq_feed_logits(binq_context *context, const int32_t *tokens, size_t count,
                            float *logits) {
  return logits || !count ? feed(context, tokens, count, logits) : BINQ_ERROR_ARGUMENT;
}

const float *binq_logits(const binq_context *context) {
  return context ? context->last_logits : NULL;
}

int64_t binq_position(const binq_context *context) {
  return context ? context->position : 0;
}

binq_error binq_rewind(binq_context *context, int64_t position) {
  if (!context || position < 0 || position > context->position)
    return BINQ_ERROR_ARGUMENT;
  context->position = position;
  context->last_logits = NULL;
  return BINQ_OK;
}

void binq_stop(binq_context *context) {
  if (context)
    atomic_store(&context->stop, 1);
}

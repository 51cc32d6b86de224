// Phases and the workspace of a function.
#include "Plan.h"

/// In which phases the cache was last written and read.
typedef struct {
  int written, read;
} cache_use;

/// The operands that a step reads: all, but for the two halves of attention.
static void read_range(const binq_step *step, intptr_t *begin, intptr_t *end) {
  *begin = 0;
  *end = mlirOperationGetNumOperands(step->op);
  if (step->kind == BINQ_STEP_APPEND_CACHE)
    *begin = 1;
  else if (step->kind == BINQ_STEP_ATTENTION)
    *end = 1;
}

/// The results that a step writes.
static void write_range(const binq_step *step, intptr_t *begin, intptr_t *end) {
  *begin = 0;
  *end = mlirOperationGetNumResults(step->op);
  if (step->kind == BINQ_STEP_APPEND_CACHE)
    *end = 0;
  else if (step->kind == BINQ_STEP_RMS_NORM_GRADIENT ||
           step->kind == BINQ_STEP_ATTENTION_QUERY_GRADIENT)
    *end = 1;
  else if (step->kind == BINQ_STEP_RMS_NORM_WEIGHT_GRADIENT ||
           step->kind == BINQ_STEP_ATTENTION_KEY_GRADIENT)
    *begin = 1;
}

/// Whether a step reads the scratch that the one before it wrote.
static bool reads_scratch(const binq_step *step) {
  return step->kind == BINQ_STEP_RMS_NORM_WEIGHT_GRADIENT ||
         step->kind == BINQ_STEP_ATTENTION_KEY_GRADIENT;
}

/// Whether a step uses what other threads may still be at work on in `phase`.
static bool must_meet(const binq_plan *plan, const binq_step *step, const cache_use *cache,
                      int phase) {
  if (step->kind == BINQ_STEP_ATTENTION && cache->written == phase)
    return true;
  if (step->kind == BINQ_STEP_APPEND_CACHE && cache->read == phase)
    return true;
  if (reads_scratch(step) && plan->buffers[step->scratch].first_phase == phase)
    return true;
  intptr_t begin, end;
  read_range(step, &begin, &end);
  for (intptr_t i = begin; i < end; i++) {
    int read = binq_plan_buffer(plan, mlirOperationGetOperand(step->op, i));
    if (read >= 0 && plan->buffers[read].first_phase == phase)
      return true;
  }
  return false;
}

static void touch_operands(binq_plan *plan, const binq_step *step) {
  intptr_t begin, end;
  read_range(step, &begin, &end);
  for (intptr_t i = begin; i < end; i++) {
    int read = binq_plan_buffer(plan, mlirOperationGetOperand(step->op, i));
    if (read >= 0)
      plan->buffers[read].last_phase = step->phase;
  }
}

static void touch_results(binq_plan *plan, const binq_step *step) {
  intptr_t begin, end;
  write_range(step, &begin, &end);
  for (intptr_t i = begin; i < end; i++) {
    int written = binq_plan_buffer(plan, mlirOperationGetResult(step->op, i));
    plan->buffers[written].first_phase = plan->buffers[written].last_phase = step->phase;
  }
  if (step->scratch < 0)
    return;
  binq_buffer *scratch = &plan->buffers[step->scratch];
  scratch->last_phase = step->phase;
  if (!reads_scratch(step))
    scratch->first_phase = step->phase;
}

static void assign_phases(binq_plan *plan) {
  cache_use cache = {-1, -1};
  int phase = 0;
  for (int i = 0; i < plan->step_count; i++) {
    binq_step *step = &plan->steps[i];
    if (must_meet(plan, step, &cache, phase))
      phase++;
    step->phase = phase;
    touch_operands(plan, step);
    touch_results(plan, step);
    if (step->kind == BINQ_STEP_APPEND_CACHE)
      cache.written = phase;
    if (step->kind == BINQ_STEP_ATTENTION)
      cache.read = phase;
  }
}

static bool live_together(const binq_buffer *a, const binq_buffer *b) {
  return a->first_phase <= b->last_phase && b->first_phase <= a->last_phase;
}

/// The end of a buffer before `index` that is in the way of one at `offset`, or `offset` if none
/// is.
static int64_t end_of_obstacle(const binq_plan *plan, int index, int64_t offset) {
  const binq_buffer *placed = &plan->buffers[index];
  for (int i = 0; i < index; i++) {
    const binq_buffer *other = &plan->buffers[i];
    if (other->argument < 0 && live_together(placed, other) &&
        offset < other->offset + other->token_bytes && other->offset < offset + placed->token_bytes)
      return other->offset + other->token_bytes;
  }
  return offset;
}

/// Every buffer grows with the count of tokens alone, so offsets a token are enough to keep them
/// apart.
static void assign_offsets(binq_plan *plan) {
  for (int i = 0; i < plan->buffer_count; i++) {
    binq_buffer *buffer = &plan->buffers[i];
    if (buffer->argument >= 0)
      continue;
    int64_t next = 0;
    do {
      buffer->offset = next;
      next = end_of_obstacle(plan, i, buffer->offset);
    } while (next != buffer->offset);
    if (plan->workspace < buffer->offset + buffer->token_bytes)
      plan->workspace = buffer->offset + buffer->token_bytes;
  }
}

void binq_plan_memory(binq_plan *plan) {
  assign_phases(plan);
  assign_offsets(plan);
}

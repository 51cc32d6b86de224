#include "runtime/Sampler.h"

#include "runtime/Exponential.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>

/// A token that may be picked.
typedef struct {
  float logit;
  int32_t token;
} candidate;

size_t binq_sampler_workspace(int64_t count) {
  return (size_t)count * sizeof(candidate);
}

static float logit_of(float logit) {
  return isnan(logit) ? -INFINITY : logit;
}

static int32_t most_likely(const float *logits, int64_t count) {
  int64_t best = 0;
  for (int64_t i = 1; i < count; i++)
    if (logit_of(logits[i]) > logit_of(logits[best]))
      best = i;
  return (int32_t)best;
}

/// Splitmix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014. In
/// [0, 1).
static double uniform(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static bool before(candidate a, candidate b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

/// Restores the order of a heap, whose first is the most likely, below entry i.
static void sift_down(candidate *heap, int64_t count, int64_t i) {
  candidate moved = heap[i];
  for (int64_t child; (child = 2 * i + 1) < count; i = child) {
    if (child + 1 < count && before(heap[child + 1], heap[child]))
      child++;
    if (!before(heap[child], moved))
      break;
    heap[i] = heap[child];
  }
  heap[i] = moved;
}

/// Takes the most likely candidate off the heap; it moves behind the heap's end.
static void pop(candidate *heap, int64_t *count) {
  candidate first = heap[0];
  heap[0] = heap[--*count];
  if (*count > 0)
    sift_down(heap, *count, 0);
  heap[*count] = first;
}

/// The candidates in the order they are picked from, and how probable each is.
typedef struct {
  const candidate *last; ///< the first candidate is the last in memory
  float best, temperature;
} ranking;

static double weight(float logit, float best, float temperature) {
  return binq_exponential((logit - best) / temperature);
}

static double ranked_weight(const ranking *r, int64_t rank) {
  return weight(r->last[-rank].logit, r->best, r->temperature);
}

static bool limits_count(const binq_sampler *sampler, int64_t count) {
  return sampler->top_k > 0 && sampler->top_k < count;
}

static bool limits_share(const binq_sampler *sampler) {
  return sampler->top_p > 0 && sampler->top_p < 1;
}

/// Leaves the top_k most likely, or all, and of them those that make up top_p; picks one.
static int32_t pick_ranked(binq_sampler *sampler, candidate *heap, int64_t count, float best,
                           double total) {
  ranking r = {heap + count - 1, best, sampler->temperature};
  int64_t left = count;
  for (int64_t i = count / 2 - 1; i >= 0; i--)
    sift_down(heap, count, i);
  int64_t limit = count;
  if (limits_count(sampler, count)) {
    limit = sampler->top_k;
    total = 0;
    for (int64_t i = 0; i < limit; i++) {
      pop(heap, &left);
      total += ranked_weight(&r, i);
    }
  }
  double share = limits_share(sampler) ? total * sampler->top_p : total, kept = 0;
  int64_t kept_count = 0;
  while (kept_count < limit && (kept_count == 0 || kept < share)) {
    if (count - left <= kept_count)
      pop(heap, &left);
    kept += ranked_weight(&r, kept_count++);
  }
  double target = uniform(&sampler->state) * kept, sum = 0;
  for (int64_t i = 0; i < kept_count; i++) {
    sum += ranked_weight(&r, i);
    if (target < sum)
      return r.last[-i].token;
  }
  return r.last[0].token; // rounding only: sums of the same terms in the same order agree
}

int32_t binq_sampler_pick(binq_sampler *sampler, const float *logits, int64_t count,
                          void *workspace) {
  int32_t first = most_likely(logits, count);
  float best = logit_of(logits[first]);
  if (!(sampler->temperature > 0) || isinf(best))
    return first;
  candidate *candidates = workspace;
  double total = 0;
  for (int64_t i = 0; i < count; i++) {
    candidates[i] = (candidate){logit_of(logits[i]), (int32_t)i};
    total += weight(candidates[i].logit, best, sampler->temperature);
  }
  if (limits_share(sampler) || limits_count(sampler, count))
    return pick_ranked(sampler, candidates, count, best, total);
  double target = uniform(&sampler->state) * total, sum = 0;
  for (int64_t i = 0; i < count; i++) {
    sum += weight(candidates[i].logit, best, sampler->temperature);
    if (target < sum)
      return (int32_t)i;
  }
  return first;
}

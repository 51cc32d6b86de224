/// Steps of tuning: in which order text is gone through, how far they go, and what they do to
/// vectors.
#ifndef BINQ_LIB_CALIBRATE_STEPS_H
#define BINQ_LIB_CALIBRATE_STEPS_H

#include "binq/Calibrate/Graph.h"
#include "binq/Quantize/Tuning.h"

/// Tokens that a step takes, or a few less or more: whole windows, at least one.
enum { BINQ_STEP_TOKENS = 1024 };

/// Windows that a step takes of so many.
int64_t binq_step_windows(int64_t windows, int64_t window);

/// Puts the steps of an epoch in another order; `random` begins with 1.
void binq_shuffle_steps(int64_t *order, int64_t steps, uint64_t *random);

/// From 1 to 0 as a cosine would go, within a hundredth.
float binq_rate_at(int64_t step, int64_t steps);

/// Moves the function's vectors, `rate` in parts of each vector's mean size in `sizes`. All of them
/// are laid out as the function's.
void binq_move_vectors(const binq_graph_function *function, binq_tuned *vectors, const float *sizes,
                       const float *gradient, binq_adam adam, float rate);

#endif

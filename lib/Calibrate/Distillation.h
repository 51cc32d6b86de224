/// What distillation's files share: the functions of the quantized model between packed and
/// unpacked, and the head.
#ifndef BINQ_LIB_CALIBRATE_DISTILLATION_H
#define BINQ_LIB_CALIBRATE_DISTILLATION_H

#include "Internal.h"

#include "binq/Calibrate/Distill.h"
#include "binq/Quantize/Tuning.h"

/// A function being tuned. Its linears are numbers only as long as they are unpacked.
typedef struct {
  const binq_packed_function *packed;
  int64_t linear_count;
  binq_quantized_linear *linears;
  binq_tuning **tunings; ///< by linear; NULL: it stays as it is
  binq_tuned vectors;
  float *vector_gradient;
} binq_distilled;

typedef struct {
  binq_graph *graph;
  const int32_t *tokens;
  int64_t windows, window, stride;
  int64_t batch, steps; ///< windows that a step takes at most, and steps of an epoch
  const binq_packed_model *model;
  binq_distilled *layers, head;
  int64_t *order;       ///< of the steps
  float *text;          ///< [layers + 1][batch][window][stride]: what the layers read, and the head
  float *float_text[2]; ///< [batch][window][stride]
  float *gradients[2];  ///< likewise
  float *activations, *cache;
  float *float_logits; ///< of a piece of text
  double *divergences; ///< [batch][window]
  // The step at hand:
  int64_t count; ///< of its windows
  binq_adam adam;
  float rate; ///< goes from 1 to 0
} binq_distiller;

/// Begins with what is packed. Tunes the first `linear_count` linears.
binq_status binq_distilled_create(const binq_graph_function *function,
                                  const binq_packed_function *packed, int64_t linear_count,
                                  binq_distilled *out);
void binq_distilled_free(binq_distilled *distilled);

/// Makes numbers of a layer's linears; they are packed anew, and dropped.
binq_status binq_distilled_unpack(binq_distilled *distilled);
void binq_distilled_pack(const binq_distilled *distilled);
void binq_distilled_drop(binq_distilled *distilled);

/// Sets the vectors of what was packed.
void binq_distilled_hand_over(const binq_distilled *distilled, const binq_graph_function *function);

/// Makes room for logits.
binq_status binq_distilled_head_allocate(binq_distiller *d);
/// Runs the head of both models over the text of a step, the quantized one's at `x`, and back:
/// fills divergences, gradients[0] and the head's vector_gradient.
binq_status binq_distilled_head_run(binq_distiller *d, const float *x);

#endif

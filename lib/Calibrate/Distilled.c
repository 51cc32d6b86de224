// A function of the quantized model on its way between packed weights and numbers.
#include "Distillation.h"

#include <stdlib.h>
#include <string.h>

binq_status binq_distilled_unpack(binq_distilled *d) {
  for (int64_t i = 0; i < d->linear_count; i++) {
    BINQ_TRY(binq_quantized_linear_create(&d->packed->formats[i], &d->linears[i]));
    binq_unpack(d->packed->packed[i], &d->linears[i]);
  }
  return BINQ_OK;
}

void binq_distilled_pack(const binq_distilled *d) {
  for (int64_t i = 0; i < d->linear_count; i++)
    if (d->tunings[i])
      binq_pack(&d->linears[i], d->packed->packed[i]);
}

void binq_distilled_drop(binq_distilled *d) {
  for (int64_t i = 0; d->linears && i < d->linear_count; i++)
    binq_quantized_linear_free(&d->linears[i]);
}

static binq_status create_tunings(binq_distilled *d) {
  BINQ_TRY(binq_distilled_unpack(d));
  for (int64_t i = 0; i < d->linear_count; i++)
    if (d->packed->formats[i].form != BINQ_FORM_INT8)
      BINQ_TRY(binq_tuning_create(&d->linears[i], false, &d->tunings[i]));
  binq_distilled_drop(d);
  return BINQ_OK;
}

binq_status binq_distilled_create(const binq_graph_function *function,
                                  const binq_packed_function *packed, int64_t linear_count,
                                  binq_distilled *out) {
  size_t vectors = (size_t)function->vector_floats, linears = (size_t)linear_count;
  *out = (binq_distilled){.packed = packed};
  BINQ_TRY(binq_tuned_create((int64_t)vectors, &out->vectors));
  BINQ_TRY(binq_allocate(vectors, sizeof(float), "a gradient", &out->vector_gradient));
  if (vectors)
    memcpy(out->vectors.value, packed->vectors, vectors * sizeof(float));
  out->linear_count = linear_count;
  BINQ_TRY(binq_allocate(linears, sizeof *out->linears, "linears", &out->linears));
  BINQ_TRY(binq_allocate(linears, sizeof *out->tunings, "linears", (void *)&out->tunings));
  return create_tunings(out);
}

void binq_distilled_free(binq_distilled *d) {
  binq_distilled_drop(d);
  for (int64_t i = 0; d->tunings && i < d->linear_count; i++)
    binq_tuning_destroy(d->tunings[i]);
  free((void *)d->tunings);
  free(d->linears);
  free(d->vector_gradient);
  binq_tuned_free(&d->vectors);
}

void binq_distilled_hand_over(const binq_distilled *d, const binq_graph_function *function) {
  if (function->vector_floats > 0)
    memcpy(d->packed->vectors, d->vectors.value,
           (size_t)function->vector_floats * sizeof *d->packed->vectors);
}

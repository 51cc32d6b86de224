#include "binq/Target/Target.h"

/// Measured on models of many shapes, caches and presets, and rounded up: the runtime with the
/// kernels that every model has and what objects and archives add; a kind of linear, which brings
/// kernels of its own and shares in those that code activations; a kind of layer.
enum { BASE_BYTES = 72000, LINEAR_BYTES = 3800, LAYER_BYTES = 400 };

int64_t binq_target_code_bytes(int64_t linears, int64_t layers) {
  return BASE_BYTES + linears * LINEAR_BYTES + layers * LAYER_BYTES;
}

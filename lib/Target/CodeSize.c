#include "binq/Target/Target.h"

/// Measured on models of many shapes and presets, with the code for all instruction sets of x86-64,
/// which is more than other targets have, with names and relocations, and rounded up. BASE: the
/// runtime, the kernels that every model has, what objects and archives add.
enum {
  BASE = 111500,
  HEAD_CHANNEL = 230,
  PLANES = 11000,
  GROUPED = 11000,
  INT8 = 2800,
  INPUT = 11900,
  INT8_INPUT = 9100,
  LAYER = 6600,
};

int64_t binq_target_code_bytes(const binq_code_amount *amount) {
  return BASE + HEAD_CHANNEL * amount->head_size + PLANES * amount->planes +
         GROUPED * amount->grouped + INT8 * amount->int8 + INPUT * amount->inputs +
         INT8_INPUT * amount->int8_inputs + LAYER * amount->layers;
}

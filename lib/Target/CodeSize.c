#include "binq/Target/Target.h"

/// Measured on models of many shapes, presets and formats of the cache, with names and relocations,
/// and rounded up. BASE: the runtime, the kernels that every model has, what objects and archives
/// add.
enum {
  BASE = 51000,
  HEAD_CHANNEL = 260,
  PLANES = 2150,
  GROUPED = 2950,
  INT8 = 1100,
  INPUT = 3300,
  INT8_INPUT = 2700,
  LAYER = 2050,
};

int64_t binq_target_code_bytes(const binq_code_amount *amount) {
  return BASE + HEAD_CHANNEL * amount->head_size + PLANES * amount->planes +
         GROUPED * amount->grouped + INT8 * amount->int8 + INPUT * amount->inputs +
         INT8_INPUT * amount->int8_inputs + LAYER * amount->layers;
}

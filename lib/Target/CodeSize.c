#include "binq/Target/Target.h"

/// Measured on models of many shapes and presets, with the code for all instruction sets of x86-64,
/// which is more than other targets have, with names and relocations, and rounded up. BASE: the
/// runtime, the kernels that every model has, what objects and archives add. FORM: what all linears
/// of planes share, or all grouped-binary ones. An input of 8 planes is taken for one of 4 where it
/// is a table's and others have 4: it has less code.
enum {
  BASE = 109000,
  HEAD_CHANNEL = 230,
  FORM = 9500,
  PLANES = 9400,
  GROUPED = 7500,
  INT8 = 3900,
  INPUT_OF_4_PLANES = 14600,
  INPUT_OF_8_PLANES = 9000,
  INT8_INPUT = 7200,
  LAYER = 6600,
};

int64_t binq_target_code_bytes(const binq_code_amount *amount) {
  int64_t input = amount->activation_planes == 4 ? INPUT_OF_4_PLANES : INPUT_OF_8_PLANES;
  int64_t forms = (amount->planes > 0) + (amount->grouped > 0);
  return BASE + FORM * forms + HEAD_CHANNEL * amount->head_size + PLANES * amount->planes +
         GROUPED * amount->grouped + INT8 * amount->int8 + input * amount->inputs +
         INT8_INPUT * amount->int8_inputs + LAYER * amount->layers;
}

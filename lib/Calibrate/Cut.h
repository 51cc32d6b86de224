/// A layer cut into parts.
#ifndef BINQ_LIB_CALIBRATE_CUT_H
#define BINQ_LIB_CALIBRATE_CUT_H

#include "Internal.h"

/// Appends the parts of a layer's function to the module: functions without a role, called as
/// out->parts tells. Each takes what the layer takes and, behind that, the values it reads, and
/// returns those it makes; the last one the layer's output. Arrays live in `arena`.
binq_status binq_cut_layer(MlirModule module, MlirOperation layer, binq_arena *arena,
                           graph_cut *out);

#endif

/// The float tensors that a module's parameters name: in its parameter file (binq.parameters), else
/// in its model file (binq.source).
#ifndef BINQ_TRANSFORMS_WEIGHTS_H
#define BINQ_TRANSFORMS_WEIGHTS_H

#include "binq/Calibrate/Graph.h"
#include "binq/Checkpoint/Model.h"
#include "binq/Support/Status.h"
#include "mlir-c/IR.h"

typedef struct binq_module_weights binq_module_weights;

/// Opens the files that the module's attributes name.
binq_status binq_module_weights_open(MlirModule module, binq_module_weights **out);
/// Closes the files. NULL is ignored.
void binq_module_weights_close(binq_module_weights *weights);

/// As a graph reads them. Valid until they are closed.
const binq_weights *binq_module_weights_view(const binq_module_weights *weights);

/// The model file, or NULL if the module has none.
const binq_model *binq_module_weights_model(const binq_module_weights *weights);

#endif

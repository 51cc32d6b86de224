/// From a model file to a graph that a person can read.
#ifndef BINQ_IMPORT_IMPORT_H
#define BINQ_IMPORT_IMPORT_H

#include "binq/Support/Status.h"
#include "mlir-c/IR.h"

/// Reads the model at `path`, a GGUF file or a Hugging Face folder, into a new module: @embed, a
/// function @layer_N a decoder layer, @head. Weights stay where they are; the graph names them
/// (binq.param). The context has the binq dialect loaded.
binq_status binq_import(MlirContext context, const char *path, MlirModule *out);

/// The same into a module that has no operations yet.
binq_status binq_import_into(MlirModule module, const char *path);

#endif

/// The inside of a pipeline.
#ifndef BINQ_LIB_DRIVER_STEPS_H
#define BINQ_LIB_DRIVER_STEPS_H

#include "binq/Pass/Arguments.h"
#include "mlir-c/Pass.h"

enum { MESSAGE_SIZE = 1024 };

/// One pass of binq, or a run of MLIR's.
typedef struct {
  const binq_pass *pass;          ///< NULL: a run of MLIR's passes
  binq_pass_arguments *arguments; ///< of `pass`
  MlirPassManager manager;
} pipeline_step;

struct binq_pipeline {
  MlirContext context;
  pipeline_step *steps;
  size_t count;
};

#endif

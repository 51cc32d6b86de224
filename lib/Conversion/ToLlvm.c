#include "binq/Conversion/Conversion.h"

#include "binq/Dialect/Dialect.h"
#include "binq/Pass/Pass.h"
#include "mlir-c/Pass.h"
#include "mlir-c/RegisterEverything.h"
#include <pthread.h>

/// From what kernels are written in to the LLVM dialect.
static const char pipeline[] = "builtin.module("
                               "canonicalize,sccp,canonicalize,cse,"
                               "convert-vector-to-scf,lower-affine,convert-scf-to-cf,"
                               "expand-strided-metadata,lower-affine,"
                               "convert-vector-to-llvm,finalize-memref-to-llvm,"
                               "convert-math-to-llvm,convert-arith-to-llvm,convert-index-to-llvm,"
                               "convert-func-to-llvm,convert-cf-to-llvm,convert-ub-to-llvm,"
                               "reconcile-unrealized-casts,canonicalize,cse)";

static void ignore(MlirStringRef part, void *user) {
}

binq_status binq_to_llvm(MlirModule module) {
  MlirOperation op = mlirModuleGetOperation(module);
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, mlirRegisterAllPasses);
  MlirPassManager manager = mlirPassManagerCreate(mlirModuleGetContext(module));
  binq_status status = BINQ_OK;
  if (mlirLogicalResultIsFailure(mlirParsePassPipeline(mlirPassManagerGetAsOpPassManager(manager),
                                                       binq_str(pipeline), ignore, NULL)))
    status = binq_op_error(op, "the passes that lower to LLVM are not registered");
  else if (mlirLogicalResultIsFailure(mlirPassManagerRunOnOp(manager, op)))
    status = binq_errorf("the module does not convert to the LLVM dialect");
  mlirPassManagerDestroy(manager);
  return status;
}

static binq_status run(MlirModule module, const binq_pass_arguments *arguments,
                       const binq_pass_environment *environment) {
  return binq_to_llvm(module);
}

const binq_pass binq_to_llvm_pass = {
    .flag = "binq-to-llvm",
    .summary = "Convert lowered modules to the LLVM dialect",
    .description = "Runs the upstream passes that take lowered functions and kernels (arith, func, "
                   "math, memref, scf and vector operations) to the LLVM dialect. Arithmetic keeps "
                   "its order and rounding: nothing is fused or reassociated.",
    .run = run,
};

#include "binq/Driver/Pipeline.h"

#include "Steps.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Driver/Diagnostics.h"

#include <stdio.h>
#include <stdlib.h>

/// The errors that were emitted during a run.
typedef struct {
  size_t count;
  char first[MESSAGE_SIZE];
} error_record;

/// Takes note of errors and leaves them to whoever else listens.
static MlirLogicalResult record(MlirDiagnostic diagnostic, void *user) {
  error_record *errors = user;
  if (mlirDiagnosticGetSeverity(diagnostic) != MlirDiagnosticError || errors->count++ > 0)
    return mlirLogicalResultFailure();
  char place[MESSAGE_SIZE / 2];
  char *message = binq_diagnostic_message(diagnostic);
  binq_location_text(mlirDiagnosticGetLocation(diagnostic), place, sizeof(place));
  snprintf(errors->first, sizeof(errors->first), "%s%s", place, message ? message : "");
  free(message);
  return mlirLogicalResultFailure();
}

static void print_after(const pipeline_step *step, MlirModule module) {
  fprintf(stderr, "// -----// IR Dump After %s //----- //\n", step->pass->flag);
  mlirOperationDump(mlirModuleGetOperation(module));
  fputc('\n', stderr);
}

static binq_status run_own(const pipeline_step *step, MlirModule module,
                           const binq_pass_environment *environment, bool print_after_all) {
  BINQ_TRY(binq_pass_arguments_check(step->arguments));
  BINQ_TRY(step->pass->run(module, step->arguments, environment));
  if (print_after_all)
    print_after(step, module);
  if (!mlirOperationVerify(mlirModuleGetOperation(module)))
    return binq_errorf("the module is invalid after %s", step->pass->flag);
  return BINQ_OK;
}

static binq_status run_upstream(const pipeline_step *step, MlirModule module,
                                bool print_after_all) {
  if (print_after_all) {
    MlirOpPrintingFlags flags = mlirOpPrintingFlagsCreate();
    mlirPassManagerEnableIRPrinting(step->manager, false, true, true, false, false, flags,
                                    mlirStringRefCreate(NULL, 0));
    mlirOpPrintingFlagsDestroy(flags);
  }
  MlirLogicalResult done = mlirPassManagerRunOnOp(step->manager, mlirModuleGetOperation(module));
  return mlirLogicalResultIsSuccess(done) ? BINQ_OK : binq_errorf("a pass of MLIR failed");
}

static binq_status run_step(const pipeline_step *step, MlirModule module,
                            const binq_pass_environment *environment, bool print_after_all) {
  BINQ_TRY(step->pass ? run_own(step, module, environment, print_after_all)
                      : run_upstream(step, module, print_after_all));
  return binq_verify(module);
}

/// An error that no diagnostic told of becomes one of the module; one that they did tell of is told
/// the same way.
static binq_status settle(binq_status status, MlirModule module, const error_record *errors) {
  if (!status)
    return BINQ_OK;
  if (errors->count == 0) {
    mlirEmitError(mlirOperationGetLocation(mlirModuleGetOperation(module)),
                  binq_status_message(status));
    return status;
  }
  binq_status_free(status);
  return binq_errorf("%s", errors->first);
}

binq_status binq_pipeline_run(binq_pipeline *pipeline, MlirModule module,
                              const binq_pass_environment *environment, bool print_after_all) {
  MlirContext context = pipeline->context;
  if (print_after_all) // or functions would be printed while others are rewritten
    mlirContextEnableMultithreading(context, false);
  binq_status status = BINQ_OK;
  for (size_t i = 0; i < pipeline->count && !status; ++i) {
    error_record errors = {0};
    MlirDiagnosticHandlerID handler =
        mlirContextAttachDiagnosticHandler(context, record, &errors, NULL);
    status = run_step(&pipeline->steps[i], module, environment, print_after_all);
    mlirContextDetachDiagnosticHandler(context, handler);
    status = settle(status, module, &errors);
  }
  return status;
}

/// What becomes of the diagnostics of a context: MLIR prints them by itself when nobody handles
/// them.
#ifndef BINQ_DRIVER_DIAGNOSTICS_H
#define BINQ_DRIVER_DIAGNOSTICS_H

#include "binq/Support/Status.h"
#include "mlir-c/Diagnostics.h"
#include <stdio.h>

/// A text that diagnostics refer to by line. MLIR calls a text that it parsed from memory "-".
typedef struct {
  const char *name; ///< shown instead of "-"
  const char *text;
} binq_diagnostic_source;

/// Prints "file:line:column: error: message", the line and a caret below it, and its notes, to
/// `out`.
typedef struct {
  FILE *out;
  const binq_diagnostic_source *source; ///< may be NULL
} binq_diagnostic_printer;

/// Prints the diagnostics of `context` until the handler is detached; `printer` lives as long.
MlirDiagnosticHandlerID binq_diagnostics_print(MlirContext context,
                                               binq_diagnostic_printer *printer);

/// Drops diagnostics, for callers that tell errors by their status.
MlirDiagnosticHandlerID binq_diagnostics_silence(MlirContext context);

/// The message of a diagnostic, freed with free(); NULL when memory is out.
char *binq_diagnostic_message(MlirDiagnostic diagnostic);

/// Compares diagnostics with the comments of a text: expected-error {{part of the message}},
/// likewise -warning, -note and -remark, on the line of the diagnostic or with @above, @below, @+N,
/// @-N or @unknown behind it.
typedef struct binq_diagnostic_verifier binq_diagnostic_verifier;

/// Reads the comments of `text` and listens to `context`.
binq_status binq_diagnostic_verifier_create(MlirContext context, const char *text,
                                            binq_diagnostic_verifier **out);

/// Stops listening and frees the verifier. Prints what was expected and did not come, and what came
/// unexpected, to `out`; that is an error.
binq_status binq_diagnostic_verifier_finish(binq_diagnostic_verifier *verifier,
                                            const binq_diagnostic_source *source, FILE *out);

#endif

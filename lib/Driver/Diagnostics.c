#include "binq/Driver/Diagnostics.h"

#include "binq/Dialect/IR.h"

#include <stdlib.h>
#include <string.h>

/// Longer lines are not shown.
enum { SHOWN_LINE = 240 };

static void append_chunk(MlirStringRef chunk, void *user) {
  fwrite(chunk.data, 1, chunk.length, user);
}

char *binq_diagnostic_message(MlirDiagnostic diagnostic) {
  char *message = NULL;
  size_t size = 0;
  FILE *stream = open_memstream(&message, &size);
  if (!stream)
    return NULL;
  mlirDiagnosticPrint(diagnostic, append_chunk, stream);
  fclose(stream);
  return message;
}

static const char *severity_name(MlirDiagnosticSeverity severity) {
  static const char *const names[] = {"error", "warning", "note", "remark"};
  return names[severity];
}

/// The line that a location names, and a caret below its column; not a line that is no help to look
/// at.
static void print_line(const binq_diagnostic_printer *printer, MlirLocation place) {
  const char *line = printer->source->text;
  for (int i = mlirLocationFileLineColRangeGetStartLine(place); i > 1 && line; --i) {
    line = strchr(line, '\n');
    line = line ? line + 1 : NULL;
  }
  int column = mlirLocationFileLineColRangeGetStartColumn(place);
  int length = line ? (int)strcspn(line, "\n") : 0;
  if (length == 0 || length > SHOWN_LINE || column < 1 || column > length + 1)
    return;
  fprintf(printer->out, "%.*s\n", length, line);
  for (int i = 0; i < column - 1; ++i)
    fputc(line[i] == '\t' ? '\t' : ' ', printer->out);
  fputs("^\n", printer->out);
}

static void print_diagnostic(const binq_diagnostic_printer *printer, MlirDiagnostic diagnostic) {
  MlirLocation location = mlirDiagnosticGetLocation(diagnostic);
  MlirLocation place = binq_file_location(location);
  char where[512];
  binq_location_text(location, where, sizeof(where));
  bool in_source = printer->source && strncmp(where, "-:", 2) == 0;
  char *message = binq_diagnostic_message(diagnostic);
  fprintf(printer->out, "%s%s%s: %s\n", in_source ? printer->source->name : "",
          in_source ? where + 1 : where, severity_name(mlirDiagnosticGetSeverity(diagnostic)),
          message ? message : "(no memory for the message)");
  free(message);
  if (in_source)
    print_line(printer, place);
  for (intptr_t i = 0; i < mlirDiagnosticGetNumNotes(diagnostic); ++i)
    print_diagnostic(printer, mlirDiagnosticGetNote(diagnostic, i));
}

static MlirLogicalResult print_handler(MlirDiagnostic diagnostic, void *user) {
  print_diagnostic(user, diagnostic);
  return mlirLogicalResultSuccess();
}

MlirDiagnosticHandlerID binq_diagnostics_print(MlirContext context,
                                               binq_diagnostic_printer *printer) {
  return mlirContextAttachDiagnosticHandler(context, print_handler, printer, NULL);
}

static MlirLogicalResult silent_handler(MlirDiagnostic diagnostic, void *user) {
  (void)diagnostic;
  (void)user;
  return mlirLogicalResultSuccess();
}

MlirDiagnosticHandlerID binq_diagnostics_silence(MlirContext context) {
  return mlirContextAttachDiagnosticHandler(context, silent_handler, NULL, NULL);
}

/// Diagnostics against the expected-* comments of a text.
#include "binq/Driver/Diagnostics.h"

#include "binq/Dialect/IR.h"
#include "binq/Support/Memory.h"

#include <stdlib.h>
#include <string.h>

enum { UNKNOWN_LINE = -1 };

typedef struct {
  MlirDiagnosticSeverity severity;
  int line; ///< or UNKNOWN_LINE
  int column;
  char *message;
  bool matched;
} entry;

typedef struct {
  entry *items;
  size_t count;
} entry_list;

struct binq_diagnostic_verifier {
  MlirContext context;
  MlirDiagnosticHandlerID handler;
  entry_list expected, unexpected;
  bool out_of_memory;
};

static const char *const severities[] = {"error", "warning", "note", "remark"};

/// Takes over `message`.
static bool append(entry_list *list, MlirDiagnosticSeverity severity, int line, int column,
                   char *message) {
  entry *items = message ? realloc(list->items, (list->count + 1) * sizeof(*items)) : NULL;
  if (!items) {
    free(message);
    return false;
  }
  list->items = items;
  items[list->count++] = (entry){severity, line, column, message, false};
  return true;
}

static void free_list(entry_list *list) {
  for (size_t i = 0; i < list->count; ++i)
    free(list->items[i].message);
  free(list->items);
}

// --- what comes

static void take(binq_diagnostic_verifier *verifier, MlirDiagnostic diagnostic) {
  MlirLocation place = binq_file_location(mlirDiagnosticGetLocation(diagnostic));
  MlirDiagnosticSeverity severity = mlirDiagnosticGetSeverity(diagnostic);
  bool known = mlirLocationIsAFileLineColRange(place);
  int line = known ? mlirLocationFileLineColRangeGetStartLine(place) : UNKNOWN_LINE;
  int column = known ? mlirLocationFileLineColRangeGetStartColumn(place) : 0;
  char *message = binq_diagnostic_message(diagnostic);
  for (size_t i = 0; message && i < verifier->expected.count; ++i) {
    entry *expected = &verifier->expected.items[i];
    if (!expected->matched && expected->severity == severity && expected->line == line &&
        strstr(message, expected->message)) {
      expected->matched = true;
      free(message);
      return;
    }
  }
  if (!append(&verifier->unexpected, severity, line, column, message))
    verifier->out_of_memory = true;
}

/// Notes need not be expected: MLIR adds them to many errors.
static void take_note(binq_diagnostic_verifier *verifier, MlirDiagnostic note) {
  size_t before = verifier->unexpected.count;
  take(verifier, note);
  if (verifier->unexpected.count > before)
    free(verifier->unexpected.items[--verifier->unexpected.count].message);
}

static MlirLogicalResult handler(MlirDiagnostic diagnostic, void *user) {
  take(user, diagnostic);
  for (intptr_t i = 0; i < mlirDiagnosticGetNumNotes(diagnostic); ++i)
    take_note(user, mlirDiagnosticGetNote(diagnostic, i));
  return mlirLogicalResultSuccess();
}

// --- what is expected

/// Reads what may stand between "expected-error" and "{{": nothing, @unknown, @above, @below, @+N
/// or @-N.
static bool read_place(const char **at, int *line) {
  const char *text = *at;
  if (*text == '@') {
    ++text;
    if (strncmp(text, "unknown", 7) == 0) {
      *line = UNKNOWN_LINE;
      text += 7;
    } else if (strncmp(text, "above", 5) == 0) {
      *line -= 1;
      text += 5;
    } else if (strncmp(text, "below", 5) == 0) {
      *line += 1;
      text += 5;
    } else if (*text == '+' || *text == '-') {
      char *end;
      *line += (int)strtol(text, &end, 10);
      text = end;
    } else {
      return false;
    }
  }
  text += strspn(text, " ");
  *at = text;
  return strncmp(text, "{{", 2) == 0;
}

/// The comment that `*at` points to, at its "expected-"; moves behind it.
static binq_status read_expectation(binq_diagnostic_verifier *verifier, const char **at, int line) {
  const char *start = *at;
  *at += strlen("expected-");
  for (int severity = 0; severity < 4; ++severity) {
    size_t length = strlen(severities[severity]);
    if (strncmp(*at, severities[severity], length) != 0)
      continue;
    const char *text = *at + length;
    const char *end = read_place(&text, &line) ? strstr(text, "}}") : NULL;
    if (!end || memchr(text, '\n', (size_t)(end - text)))
      return binq_errorf("line %d: expected-%s is not followed by {{text}}, perhaps behind @above, "
                         "@below, @+N, @-N or @unknown: '%.*s'",
                         line, severities[severity], (int)strcspn(start, "\n"), start);
    char *message = strndup(text + 2, (size_t)(end - text - 2));
    if (!append(&verifier->expected, (MlirDiagnosticSeverity)severity, line, 0, message))
      return binq_errorf("out of memory for expected diagnostics");
    *at = end + 2;
    return BINQ_OK;
  }
  return BINQ_OK;
}

static binq_status read_expectations(binq_diagnostic_verifier *verifier, const char *text) {
  int line = 1;
  for (const char *at = text; *at;) {
    if (strncmp(at, "expected-", strlen("expected-")) == 0) {
      BINQ_TRY(read_expectation(verifier, &at, line));
    } else {
      line += *at == '\n';
      ++at;
    }
  }
  return BINQ_OK;
}

static void destroy(binq_diagnostic_verifier *verifier) {
  free_list(&verifier->expected);
  free_list(&verifier->unexpected);
  free(verifier);
}

binq_status binq_diagnostic_verifier_create(MlirContext context, const char *text,
                                            binq_diagnostic_verifier **out) {
  binq_diagnostic_verifier *verifier = NULL;
  BINQ_TRY(binq_allocate(1, sizeof(*verifier), "expected diagnostics", &verifier));
  binq_status status = read_expectations(verifier, text);
  if (status) {
    destroy(verifier);
    return status;
  }
  verifier->context = context;
  verifier->handler = mlirContextAttachDiagnosticHandler(context, handler, verifier, NULL);
  *out = verifier;
  return BINQ_OK;
}

static void print_entry(const entry *entry, const binq_diagnostic_source *source, FILE *out,
                        bool expected) {
  const char *severity = severities[entry->severity];
  if (entry->line == UNKNOWN_LINE)
    fprintf(out, "%s: ", source->name);
  else if (entry->column)
    fprintf(out, "%s:%d:%d: ", source->name, entry->line, entry->column);
  else
    fprintf(out, "%s:%d: ", source->name, entry->line);
  if (expected)
    fprintf(out, "error: expected %s \"%s\" was not produced\n", severity, entry->message);
  else
    fprintf(out, "error: unexpected %s: %s\n", severity, entry->message);
}

binq_status binq_diagnostic_verifier_finish(binq_diagnostic_verifier *verifier,
                                            const binq_diagnostic_source *source, FILE *out) {
  mlirContextDetachDiagnosticHandler(verifier->context, verifier->handler);
  size_t wrong = verifier->unexpected.count + verifier->out_of_memory;
  for (size_t i = 0; i < verifier->unexpected.count; ++i)
    print_entry(&verifier->unexpected.items[i], source, out, false);
  for (size_t i = 0; i < verifier->expected.count; ++i) {
    if (verifier->expected.items[i].matched)
      continue;
    print_entry(&verifier->expected.items[i], source, out, true);
    ++wrong;
  }
  destroy(verifier);
  return wrong ? binq_errorf("%s: diagnostics are not as expected (%zu)", source->name, wrong)
               : BINQ_OK;
}

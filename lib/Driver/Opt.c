#include "binq/Driver/Opt.h"

#include "OptSource.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Driver/Diagnostics.h"
#include "binq/Driver/Options.h"
#include "binq/Driver/Pipeline.h"
#include "binq/Driver/Supervise.h"
#include "binq/Support/File.h"
#include "binq/Support/Memory.h"
#include "runtime/Pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  const char *input, *output;
  bool split, verify_diagnostics, print_after_all, allow_unregistered, docs;
  int64_t threads;
  MlirContext context;
  binq_pipeline *pipeline;
  binq_pass_environment environment;
  FILE *out;       ///< what is to be written in the end
  size_t failures; ///< parts that failed; their diagnostics are out
} opt_state;

// --- one module

static void print_chunk(MlirStringRef chunk, void *user) {
  fwrite(chunk.data, 1, chunk.length, user);
}

/// Parses, runs the passes, prints. Every error has become a diagnostic when this returns false.
static bool process(opt_state *state, const char *text) {
  MlirModule module = mlirModuleCreateParse(state->context, binq_str(text));
  if (mlirModuleIsNull(module))
    return false;
  binq_status status = binq_verify(module);
  if (!status)
    status =
        binq_pipeline_run(state->pipeline, module, &state->environment, state->print_after_all);
  bool done = !status;
  binq_status_free(status);
  if (done)
    mlirOperationPrint(mlirModuleGetOperation(module), print_chunk, state->out);
  mlirModuleDestroy(module);
  return done;
}

static binq_status process_part(opt_state *state, const char *text) {
  binq_diagnostic_source source = {strcmp(state->input, "-") == 0 ? "<stdin>" : state->input, text};
  if (state->verify_diagnostics) {
    binq_diagnostic_verifier *verifier;
    BINQ_TRY(binq_annotate(binq_diagnostic_verifier_create(state->context, text, &verifier), "%s",
                           source.name));
    process(state, text);
    return binq_diagnostic_verifier_finish(verifier, &source, stderr);
  }
  binq_diagnostic_printer printer = {stderr, &source};
  MlirDiagnosticHandlerID handler = binq_diagnostics_print(state->context, &printer);
  state->failures += !process(state, text);
  mlirContextDetachDiagnosticHandler(state->context, handler);
  return BINQ_OK;
}

static binq_status process_parts(opt_state *state, const char *text) {
  if (!state->split)
    return process_part(state, text);
  binq_status status = BINQ_OK;
  for (const char *rest = text; rest;) {
    char *part;
    if (rest != text)
      fputs(OPT_SEPARATOR, state->out);
    BINQ_TRY(opt_next_part(text, &rest, &part));
    status = binq_status_join(status, process_part(state, part));
    free(part);
  }
  return status;
}

// --- input and output

static binq_status write_output(const opt_state *state, const char *bytes, size_t size) {
  if (!state->output || strcmp(state->output, "-") == 0) {
    if (fwrite(bytes, 1, size, stdout) != size || fflush(stdout) != 0)
      return binq_errorf("standard output cannot be written: %s", strerror(errno));
    return BINQ_OK;
  }
  binq_output *output;
  BINQ_TRY(binq_output_create(state->output, &output));
  binq_status status = binq_output_write(output, bytes, size);
  if (!status)
    return binq_output_commit(output);
  binq_output_discard(output);
  return status;
}

static binq_status process_input(opt_state *state) {
  char *text, *result = NULL;
  size_t size = 0;
  BINQ_TRY(opt_read(state->input, &text));
  binq_status status = BINQ_OK;
  state->out = open_memstream(&result, &size);
  if (state->out) {
    status = process_parts(state, text);
    if (fclose(state->out) != 0)
      status = binq_status_join(status, binq_errorf("out of memory for the output"));
  } else {
    status = binq_errorf("out of memory for the output");
  }
  if (!status && state->failures == 0)
    status = write_output(state, result, size);
  free(result);
  free(text);
  return status;
}

static binq_status run(opt_state *state) {
  mlirContextSetAllowUnregisteredDialects(state->context, state->allow_unregistered);
  if (state->threads == 1)
    mlirContextEnableMultithreading(state->context, false);
  int error = binq_pool_create((int)state->threads, &state->environment.pool);
  if (error)
    return binq_errorf("%d threads cannot be started: %s", (int)state->threads, strerror(error));
  binq_status status = process_input(state);
  binq_pool_destroy(state->environment.pool);
  return status;
}

// --- command line

static binq_status take_pipeline(void *target, const char *name, const char *value) {
  opt_state *state = target;
  if (!value)
    return binq_errorf("--%s needs a value: --%s='builtin.module(...)'", name, name);
  return binq_pipeline_parse(state->pipeline, value);
}

static binq_status take_pass(void *target, const char *name, const char *value) {
  opt_state *state = target;
  return binq_annotate(binq_pipeline_add(state->pipeline, name, value), "--%s", name);
}

enum { MAX_THREADS = 1024, OWN_ARGUMENTS = 9 };

static void own_arguments(opt_state *state, binq_argument *out) {
  binq_argument arguments[OWN_ARGUMENTS] = {
      {.kind = BINQ_ARGUMENT_POSITIONAL,
       .name = "INPUT",
       .help = "The module; standard input if it is - or missing.",
       .target = &state->input},
      {.kind = BINQ_ARGUMENT_STRING,
       .name = "o",
       .value = "FILE",
       .help = "Where the result goes; standard output otherwise.",
       .target = &state->output},
      {.kind = BINQ_ARGUMENT_CALL,
       .name = "pass-pipeline",
       .value = "TEXT",
       .help = "Passes: 'builtin.module(binq-import{model=x.gguf},func.func(cse))'.",
       .target = state,
       .call = take_pipeline},
      {.kind = BINQ_ARGUMENT_FLAG,
       .name = "split-input-file",
       .help = "Takes the parts of the input between lines // ----- one by one.",
       .target = &state->split},
      {.kind = BINQ_ARGUMENT_FLAG,
       .name = "verify-diagnostics",
       .help = "Compares diagnostics with comments // expected-error@+1 {{...}} in the input.",
       .target = &state->verify_diagnostics},
      {.kind = BINQ_ARGUMENT_FLAG,
       .name = "print-ir-after-all",
       .help = "Prints the module to standard error after each pass.",
       .target = &state->print_after_all},
      {.kind = BINQ_ARGUMENT_FLAG,
       .name = "allow-unregistered-dialect",
       .help = "Takes operations of dialects that nobody knows.",
       .target = &state->allow_unregistered},
      {.kind = BINQ_ARGUMENT_INTEGER,
       .name = "threads",
       .value = "N",
       .help = "Threads to work with; as many as there are cores.",
       .target = &state->threads,
       .minimum = 1,
       .maximum = MAX_THREADS},
      {.kind = BINQ_ARGUMENT_FLAG,
       .name = "pass-docs",
       .help = "Prints docs/passes.md.",
       .target = &state->docs},
  };
  memcpy(out, arguments, sizeof(arguments));
}

/// The arguments of the tool and a flag for each pass.
static binq_status all_arguments(opt_state *state, binq_argument **out, size_t *count) {
  size_t pass_count;
  const binq_pass *const *passes = binq_passes(&pass_count);
  *count = OWN_ARGUMENTS + pass_count;
  BINQ_TRY(binq_allocate(*count, sizeof(**out), "the command line", out));
  own_arguments(state, *out);
  for (size_t i = 0; i < pass_count; ++i)
    (*out)[OWN_ARGUMENTS + i] = (binq_argument){
        .kind = BINQ_ARGUMENT_CALL, .name = passes[i]->flag, .target = state, .call = take_pass};
  return BINQ_OK;
}

static binq_status obey(opt_state *state, binq_command *command, int argc, char **argv) {
  binq_command_request request;
  BINQ_TRY(binq_command_parse(command, argc, argv, &request));
  if (request == BINQ_COMMAND_HELP) {
    command->count = OWN_ARGUMENTS;
    binq_command_help(command, stdout);
    binq_pass_help(stdout);
  } else if (request == BINQ_COMMAND_VERSION) {
    binq_command_version(command, stdout);
  } else if (state->docs) {
    binq_pass_docs(stdout);
  } else {
    return run(state);
  }
  return fflush(stdout) == 0 ? BINQ_OK : binq_errorf("cannot write to the standard output");
}

static int64_t core_count(void) {
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  if (cores < 1)
    return 1;
  return cores < MAX_THREADS ? cores : MAX_THREADS;
}

typedef struct {
  int argc;
  char **argv;
} command_line;

static const char tool[] = "binq-opt";
/// The error of a run whose errors have been printed.
static const char told[] = "see the diagnostics";

static binq_status work(void *argument) {
  const command_line *line = argument;
  opt_state state = {.input = "-", .threads = core_count(), .context = mlirContextCreate()};
  binq_argument *arguments = NULL;
  binq_command command = {.tool = tool,
                          .summary = "Runs passes over modules: those of binq and those of MLIR."};
  binq_status status = binq_dialect_load(state.context);
  if (!status)
    status = binq_pipeline_create(state.context, &state.pipeline);
  if (!status)
    status = all_arguments(&state, &arguments, &command.count);
  command.arguments = arguments;
  if (!status)
    status = obey(&state, &command, line->argc, line->argv);
  if (!status && state.failures)
    status = binq_errorf("%s", told);
  binq_pipeline_destroy(state.pipeline);
  mlirContextDestroy(state.context);
  free(arguments);
  return status;
}

int binq_opt_main(int argc, char **argv) {
  command_line line = {argc, argv};
  int signal_number;
  // MLIR's parser crashes on some broken texts; that is an error like another.
  binq_supervise_prepare();
  binq_status status = binq_supervise(work, &line, &signal_number);
  if (signal_number)
    binq_supervise_end(signal_number);
  if (strcmp(binq_status_message(status), told) == 0) {
    binq_status_free(status);
    return 1;
  }
  return binq_command_finish(tool, status, stderr);
}

/// binq-eval: builds of a model side by side, compared with the float model on texts.
#include "binq/Driver/Diagnostics.h"
#include "binq/Driver/Display.h"
#include "binq/Driver/Options.h"
#include "binq/Evaluate/Evaluate.h"

#include <unistd.h>

enum { THREADS_MAX = 256, WINDOW_MAX = 1 << 20 };

static const char tool[] = "binq-eval";

/// The command line as it was read.
typedef struct {
  binq_argument_list builds, texts;
  const char *json, *report;
  int64_t window, windows, threads;
} arguments;

static binq_status write_results(const arguments *a, const binq_evaluation *evaluation) {
  binq_evaluation_print(evaluation, stdout);
  if (fflush(stdout) != 0 || ferror(stdout))
    return binq_errorf("the result cannot be written");
  if (a->json)
    BINQ_TRY(binq_evaluation_write_json(evaluation, a->json));
  return a->report ? binq_evaluation_write_page(evaluation, a->report) : BINQ_OK;
}

static binq_status run(const arguments *a) {
  const binq_evaluation_options options = {
      .builds = a->builds.items,
      .build_count = a->builds.count,
      .texts = a->texts.items,
      .text_count = a->texts.count,
      .window = a->window,
      .windows = a->windows,
      .threads = a->threads,
  };
  if (a->texts.count == 0)
    return binq_errorf("--text FILE is missing; see --help");
  MlirContext context = mlirContextCreate();
  MlirDiagnosticHandlerID silence = binq_diagnostics_silence(context);
  binq_display display;
  binq_evaluation evaluation;
  binq_display_start(&display, tool, stderr, false);
  binq_status status = binq_evaluate(context, &options, &display.progress, &evaluation);
  binq_display_finish(&display);
  mlirContextDetachDiagnosticHandler(context, silence);
  mlirContextDestroy(context);
  if (!status)
    status = write_results(a, &evaluation);
  binq_evaluation_free(&evaluation);
  return status;
}

/// Reads the command line, or answers it itself where that is asked for.
static binq_status read_arguments(int argc, char **argv, arguments *a,
                                  binq_command_request *request) {
  const binq_argument table[] = {
      {.kind = BINQ_ARGUMENT_POSITIONALS,
       .name = "[NAME=]BUILD",
       .help =
           "Model (a GGUF file or a Hugging Face folder), graph (.mlir, float or quantized), or "
           "program of a compiled model. The first float model is what the others are compared "
           "with.",
       .target = &a->builds},
      {.kind = BINQ_ARGUMENT_LIST,
       .name = "text",
       .value = "FILE",
       .help = "Text to predict, may be repeated; it is split into tokens as a whole, without a "
               "first token.",
       .target = &a->texts},
      {.kind = BINQ_ARGUMENT_INTEGER,
       .name = "window",
       .value = "TOKENS",
       .help = "Tokens that are predicted from one another (default: 1024).",
       .target = &a->window,
       .minimum = 2,
       .maximum = WINDOW_MAX},
      {.kind = BINQ_ARGUMENT_INTEGER,
       .name = "windows",
       .value = "N",
       .help = "The first N windows of each text (default: all).",
       .target = &a->windows,
       .minimum = 1,
       .maximum = INT32_MAX},
      {.kind = BINQ_ARGUMENT_STRING,
       .name = "json",
       .value = "FILE",
       .help = "Writes the table as JSON, too.",
       .target = &a->json},
      {.kind = BINQ_ARGUMENT_STRING,
       .name = "report",
       .value = "FILE",
       .help = "Writes a page (HTML) with the table and charts: perplexity over bytes and, for "
               "programs with their report.json, error over layers.",
       .target = &a->report},
      {.kind = BINQ_ARGUMENT_INTEGER,
       .name = "threads",
       .value = "N",
       .help = "Threads to compute with (default: the number of CPUs); changes no result.",
       .target = &a->threads,
       .minimum = 1,
       .maximum = THREADS_MAX},
  };
  const binq_command command = {tool,
                                "Compares builds of a model: perplexity, KL divergence from the "
                                "float model (KLD, in nats), and how often both find the same "
                                "token likeliest (top-1).",
                                table, sizeof table / sizeof *table};
  BINQ_TRY(binq_command_parse(&command, argc, argv, request));
  if (*request == BINQ_COMMAND_HELP)
    binq_command_help(&command, stdout);
  if (*request == BINQ_COMMAND_VERSION)
    binq_command_version(&command, stdout);
  return BINQ_OK;
}

int main(int argc, char **argv) {
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  arguments a = {.window = 1024, .threads = processors < 1 ? 1 : processors};
  if (a.threads > THREADS_MAX)
    a.threads = THREADS_MAX;
  binq_command_request request = BINQ_COMMAND_RUN;
  binq_status status = read_arguments(argc, argv, &a, &request);
  if (!status && request == BINQ_COMMAND_RUN)
    status = run(&a);
  return binq_command_finish(tool, status, stderr);
}

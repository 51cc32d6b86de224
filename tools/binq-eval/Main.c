/// binq-eval: perplexity of a model as its file gives it, the figure that quantized forms are
/// compared with.
#include "binq/Calibrate/Graph.h"
#include "binq/Checkpoint/TextTokens.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Driver/Diagnostics.h"
#include "binq/Driver/Display.h"
#include "binq/Driver/Options.h"
#include "binq/Import/Import.h"
#include "binq/Transforms/Weights.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS_MAX = 256, WINDOW_MAX = 1 << 20 };

static const char tool[] = "binq-eval";

/// The command line as it was read.
typedef struct {
  const char *model, *text;
  int64_t window, windows, threads;
} arguments;

/// What a measurement works with; released in the reverse order.
typedef struct {
  MlirContext context;
  MlirModule module;
  binq_pool *pool;
  binq_module_weights *weights;
  binq_graph *graph;
  int32_t *tokens;
} measurement;

/// Reads the text; *windows becomes how many windows are measured.
static binq_status read_text(const arguments *a, measurement *m, int64_t *windows) {
  binq_text_tokenizer *tokenizer;
  size_t count;
  const binq_model *model = binq_module_weights_model(m->weights);
  BINQ_TRY(binq_text_tokenizer_create(&model->vocabulary, &tokenizer));
  binq_status status = binq_file_tokens(tokenizer, a->text, &m->tokens, &count);
  binq_text_tokenizer_destroy(tokenizer);
  BINQ_TRY(status);
  if (a->window > model->context_length)
    return binq_errorf("--window: %lld tokens are more than the context of %s, %lld",
                       (long long)a->window, a->model, (long long)model->context_length);
  int64_t whole = (int64_t)count / a->window;
  *windows = a->windows > 0 ? a->windows : whole;
  if (whole < 1 || whole < *windows)
    return binq_errorf("%s: %zu tokens are not %lld windows of %lld", a->text, count,
                       (long long)(*windows > 0 ? *windows : 1), (long long)a->window);
  return BINQ_OK;
}

static binq_status measure(const arguments *a, measurement *m, const binq_progress *progress,
                           double *perplexity) {
  int64_t windows;
  int error = binq_pool_create((int)a->threads, &m->pool);
  if (error)
    return binq_errorf("%d threads cannot be started: %s", (int)a->threads, strerror(error));
  BINQ_TRY(binq_dialect_load(m->context));
  BINQ_TRY(binq_import(m->context, a->model, &m->module));
  BINQ_TRY(binq_module_weights_open(m->module, &m->weights));
  BINQ_TRY(read_text(a, m, &windows));
  binq_progress_report(progress, "compiling the graph", "", 0);
  BINQ_TRY(binq_graph_create(m->module, binq_module_weights_view(m->weights), m->pool, &m->graph));
  return binq_graph_perplexity(m->graph, m->tokens, windows, a->window, progress, perplexity);
}

static void release(measurement *m) {
  binq_graph_destroy(m->graph);
  binq_module_weights_close(m->weights);
  if (m->pool)
    binq_pool_destroy(m->pool);
  if (!mlirModuleIsNull(m->module))
    mlirModuleDestroy(m->module);
  free(m->tokens);
}

static binq_status run(const arguments *a) {
  double perplexity;
  measurement m = {.context = mlirContextCreate()};
  MlirDiagnosticHandlerID silence = binq_diagnostics_silence(m.context);
  binq_display display;
  binq_display_start(&display, tool, stderr, false);
  binq_status status = measure(a, &m, &display.progress, &perplexity);
  binq_display_finish(&display);
  release(&m);
  mlirContextDetachDiagnosticHandler(m.context, silence);
  mlirContextDestroy(m.context);
  if (!status && (printf("perplexity %.4f\n", perplexity) < 0 || fflush(stdout) != 0))
    status = binq_errorf("the result cannot be written");
  return status;
}

/// Reads the command line, or answers it itself where that is asked for.
static binq_status read_arguments(int argc, char **argv, arguments *a,
                                  binq_command_request *request) {
  const binq_argument table[] = {
      {.kind = BINQ_ARGUMENT_POSITIONAL,
       .name = "MODEL",
       .help = "Model to measure, dense llama architecture: GGUF file or Hugging Face folder.",
       .target = &a->model},
      {.kind = BINQ_ARGUMENT_POSITIONAL,
       .name = "FILE",
       .help = "Text to predict; it is split into tokens as a whole, without a first token.",
       .target = &a->text},
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
       .help = "The first N windows of the text (default: all).",
       .target = &a->windows,
       .minimum = 1,
       .maximum = INT32_MAX},
      {.kind = BINQ_ARGUMENT_INTEGER,
       .name = "threads",
       .value = "N",
       .help = "Threads to compute with (default: the number of CPUs); changes no result.",
       .target = &a->threads,
       .minimum = 1,
       .maximum = THREADS_MAX},
  };
  const binq_command command = {tool, "Measures the perplexity of a model's float graph.", table,
                                sizeof table / sizeof *table};
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

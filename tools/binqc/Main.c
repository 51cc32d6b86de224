/// binqc: a language model becomes a static library, its header, a program and a report.
#include "binq/Driver/Compile.h"
#include "binq/Driver/Display.h"
#include "binq/Driver/Explain.h"
#include "binq/Driver/Options.h"
#include "binq/Driver/Staging.h"
#include "binq/Driver/Supervise.h"
#include "binq/Quantize/Layout.h"
#include "binq/Support/Memory.h"
#include "binq/Target/Target.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 256 };

/// The command line as it was read.
typedef struct {
  const char *model, *output, *name, *target, *emit, *preset, *lowering, *kv;
  binq_argument_list calibration;
  int64_t seed, threads, tune, table_planes, size;
  double bits, max_kld;
  bool separate_weights, explain, verbose;
} arguments;

/// What the child process works on.
typedef struct {
  binq_compile_options options;
  const char *directory; ///< NULL when no file is made
  bool verbose;
} job;

static const char tool[] = "binqc";
static const char *const stages[] = {"graph", "quantized", "lowered", "llvm"};

static int64_t processors(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0)
    return 1;
  int count = CPU_COUNT(&set);
  return count < THREADS_MAX ? count : THREADS_MAX;
}

static binq_status work(void *argument) {
  const job *j = argument;
  binq_display display;
  binq_display_start(&display, tool, stderr, j->verbose);
  binq_measurement measured;
  binq_status status =
      binq_compile(&j->options, j->directory, stdout, &display.progress, &measured);
  binq_display_finish(&display);
  if (!status && j->options.stage == BINQ_STAGE_LIBRARY)
    status = binq_measurement_print(&measured, stdout);
  return status;
}

static binq_stage stage_of(const char *emit) {
  int stage = BINQ_STAGE_GRAPH;
  while (emit && stage < BINQ_STAGE_LIBRARY && strcmp(stages[stage], emit) != 0)
    stage++;
  return emit ? (binq_stage)stage : BINQ_STAGE_LIBRARY;
}

/// Where temporary files go when no folder is named for the output.
static const char *temporary_folder(void) {
  const char *folder = getenv("TMPDIR"); // NOLINT(concurrency-mt-unsafe): no thread runs yet
  return folder && *folder ? folder : "/tmp";
}

/// Compiles in a child process. Files appear in the folder `output` once it has succeeded, or not
/// at all without one.
static binq_status compile(job *j, const char *output, int *signal_number) {
  *signal_number = 0;
  if (j->options.stage == BINQ_STAGE_GRAPH)
    return binq_supervise(work, j, signal_number);
  binq_staging *staging = NULL;
  BINQ_TRY(binq_staging_create(output ? output : temporary_folder(), &staging));
  j->directory = binq_staging_path(staging);
  binq_status status = binq_supervise(work, j, signal_number);
  if (!status && output)
    return binq_staging_commit(staging);
  binq_staging_discard(staging);
  return status;
}

/// The name as given or, freed by the caller, as the model's file suggests.
static binq_status choose_name(const arguments *a, char **derived, const char **name) {
  *name = a->name;
  if (a->name)
    return binq_annotate(binq_target_check_name(a->name), "--name");
  BINQ_TRY(binq_compile_name(a->model, derived));
  *name = *derived;
  return binq_annotate(binq_target_check_name(*derived),
                       "%s: no name for the library (give --name)", a->model);
}

static void tell(const arguments *a, const char *name) {
  if (a->explain)
    binq_explain_lowering(a->target, a->lowering, a->emit ? stderr : stdout);
  if (a->emit)
    return;
  (void)fprintf(stderr, "%s: wrote %s/lib%s.a, %s.h, the program %s and report.json\n", tool,
                a->output, name, name, name);
}

static binq_status run(const arguments *a, int *signal_number) {
  *signal_number = 0;
  if (!a->output && !a->emit)
    return binq_errorf("-o DIR is missing; see --help");
  char *derived = NULL;
  char *parameters = NULL;
  const char *name = NULL;
  binq_status status = choose_name(a, &derived, &name);
  if (!status && asprintf(&parameters, "%s%s%s.safetensors", a->output ? a->output : "",
                          a->output ? "/" : "", name) < 0)
    status = binq_errorf("out of memory");
  if (!status) {
    job j = {.verbose = a->verbose,
             .options = {.model = a->model,
                         .name = name,
                         .target = a->target,
                         .stage = stage_of(a->emit),
                         .preset = a->preset,
                         .lowering = a->lowering,
                         .kv = a->kv,
                         .calibration = a->calibration.items,
                         .calibration_count = a->calibration.count,
                         .seed = a->seed,
                         .threads = a->threads,
                         .tune = a->tune,
                         .table_planes = a->table_planes,
                         .size = a->size,
                         .bits = a->bits,
                         .max_kld = a->max_kld,
                         .separate_weights = a->separate_weights,
                         .parameters = parameters}};
    status = compile(&j, a->output, signal_number);
  }
  if (!status)
    tell(a, name);
  free(derived);
  free(parameters);
  return status;
}

/// Reads the command line, or answers it itself where that is asked for.
static binq_status read_arguments(int argc, char **argv, arguments *a,
                                  binq_command_request *request) {
  const binq_argument table[] = {
      {.kind = BINQ_ARGUMENT_POSITIONAL,
       .name = "MODEL",
       .help = "Model to compile, dense llama architecture: GGUF file or Hugging Face folder.",
       .target = &a->model},
      {.kind = BINQ_ARGUMENT_STRING,
       .name = "o",
       .value = "DIR",
       .help =
           "Folder for libNAME.a, NAME.h, the program NAME and report.json; made if it is missing.",
       .target = &a->output},
      {.kind = BINQ_ARGUMENT_STRING,
       .name = "name",
       .value = "NAME",
       .help = "Prefix of every symbol and file (default: from the name of its file or folder).",
       .target = &a->name},
      {.kind = BINQ_ARGUMENT_CHOICE,
       .name = "target",
       .choices = "x86_64-linux-gnu|aarch64-linux-gnu",
       .help = "System that the library is for (default: x86_64-linux-gnu).",
       .target = &a->target},
      {.kind = BINQ_ARGUMENT_CHOICE,
       .name = "emit",
       .choices = "graph|quantized|lowered|llvm",
       .help = "Prints the module of that stage instead (lowered for x86-64-v3 or armv8.2-a); with "
               "-o, its "
               "parameter file goes to DIR.",
       .target = &a->emit},
      {.kind = BINQ_ARGUMENT_LIST,
       .name = "calibration",
       .value = "FILE",
       .help = "Text to calibrate on and, behind that, to measure accuracy on; may be repeated "
               "(default: the model writes its own).",
       .target = &a->calibration},
      {.kind = BINQ_ARGUMENT_CHOICE,
       .name = "preset",
       .choices = "paper|balanced|rtn|gptq|billm",
       .help = "'paper': binary weights and 4 x 1 bit activations; 'balanced' (default): more "
               "planes; the others, to compare with: 2 bits by those methods.",
       .target = &a->preset},
      {.kind = BINQ_ARGUMENT_INTEGER,
       .name = "tune",
       .value = "N",
       .help = "Tunes for N epochs of calibration text (default: 0), half of them layer by layer, "
               "half on the whole model; 4 do well.",
       .target = &a->tune,
       .minimum = 0,
       .maximum = BINQ_TUNE_MAX},
      {.kind = BINQ_ARGUMENT_INTEGER,
       .name = "table-planes",
       .value = "N",
       .help = "Bit planes of the embedding table and the output head (default: INT8, or as a "
               "budget chooses).",
       .target = &a->table_planes,
       .minimum = 0,
       .maximum = BINQ_MAX_WEIGHT_PLANES},
      {.kind = BINQ_ARGUMENT_SIZE,
       .name = "size",
       .value = "SIZE",
       .help = "Chooses planes and outliers of every matrix so that the archive has at most this "
               "size (60MB).",
       .target = &a->size},
      {.kind = BINQ_ARGUMENT_NUMBER,
       .name = "bits",
       .value = "BITS",
       .help = "The same for an average number of bits a weight (2.7).",
       .target = &a->bits},
      {.kind = BINQ_ARGUMENT_NUMBER,
       .name = "max-kld",
       .value = "NATS",
       .help = "The same, in as few bytes as are expected to keep the KL divergence from the float "
               "model below this.",
       .target = &a->max_kld},
      {.kind = BINQ_ARGUMENT_CHOICE,
       .name = "kv",
       .choices = "float|int8|int4",
       .help = "What keys and values of a text are kept in (default: int8).",
       .target = &a->kv},
      {.kind = BINQ_ARGUMENT_CHOICE,
       .name = "lowering",
       .choices = "auto|popcount|lut|dot",
       .help = "How linears are computed; changes no result (default: auto, by instruction set and "
               "number of tokens).",
       .target = &a->lowering},
      {.kind = BINQ_ARGUMENT_FLAG,
       .name = "explain",
       .help = "Prints what the lowerings cost, and which was chosen for how many tokens.",
       .target = &a->explain},
      {.kind = BINQ_ARGUMENT_INTEGER,
       .name = "seed",
       .value = "N",
       .help = "Seed of the text that the model writes (default: 0).",
       .target = &a->seed,
       .minimum = 0,
       .maximum = INT64_MAX},
      {.kind = BINQ_ARGUMENT_INTEGER,
       .name = "threads",
       .value = "N",
       .help = "Threads to compile with (default: the number of CPUs); changes no result.",
       .target = &a->threads,
       .minimum = 1,
       .maximum = THREADS_MAX},
      {.kind = BINQ_ARGUMENT_FLAG,
       .name = "separate-weights",
       .help = "Puts the weights into a file NAME.weights (always so above 1 GiB).",
       .target = &a->separate_weights},
      {.kind = BINQ_ARGUMENT_FLAG,
       .name = "verbose",
       .help = "Writes a line for every step.",
       .target = &a->verbose},
  };
  const binq_command command = {tool, "Compiles a language model to a static library.", table,
                                sizeof table / sizeof *table};
  BINQ_TRY(binq_command_parse(&command, argc, argv, request));
  if (*request == BINQ_COMMAND_HELP)
    binq_command_help(&command, stdout);
  if (*request == BINQ_COMMAND_VERSION)
    binq_command_version(&command, stdout);
  return BINQ_OK;
}

int main(int argc, char **argv) {
  arguments a = {.target = "x86_64-linux-gnu",
                 .preset = "balanced",
                 .lowering = "auto",
                 .kv = "int8",
                 .threads = processors()};
  binq_command_request request = BINQ_COMMAND_RUN;
  int signal_number = 0;
  binq_status status = read_arguments(argc, argv, &a, &request);
  if (!status && request == BINQ_COMMAND_RUN) {
    binq_supervise_prepare();
    status = run(&a, &signal_number);
  }
  if (signal_number)
    binq_supervise_end(signal_number);
  return binq_command_finish(tool, status, stderr);
}

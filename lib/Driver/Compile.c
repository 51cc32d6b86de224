#include "binq/Driver/Compile.h"

#include "binq/Checkpoint/Model.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Driver/Diagnostics.h"
#include "binq/Driver/Measure.h"
#include "binq/Driver/Pipeline.h"
#include "binq/Driver/Report.h"
#include "binq/Pass/Arguments.h"
#include "binq/Support/File.h"
#include "binq/Support/Memory.h"
#include "binq/Target/Target.h"
#include "binq/Transforms/Quantize.h"
#include "runtime/Isa.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/// A compilation on its way.
typedef struct {
  const binq_compile_options *options;
  const char *directory;
  binq_pass_environment environment;
  MlirContext context;
  MlirModule module;
  binq_arena *arena;
  char *parameters; ///< path of the parameter file; NULL when there is no directory
  binq_quantize_report quantized;
  binq_measurement measured;
} compilation;

/// "DIRECTORY/lead NAME tail".
static binq_status output_path(const compilation *c, const char *lead, const char *tail,
                               char **out) {
  return binq_arena_format(c->arena, out, "%s/%s%s%s", c->directory, lead, c->options->name, tail);
}

typedef struct {
  const char *name, *value;
} pass_option;

/// Runs one pass over a module.
static binq_status run_pass(const compilation *c, MlirModule module, const char *flag,
                            const pass_option *options, size_t count) {
  binq_pipeline *pipeline = NULL;
  BINQ_TRY(binq_pipeline_create(c->context, &pipeline));
  binq_status status = binq_pipeline_add(pipeline, flag, NULL);
  for (size_t i = 0; i < count && !status; i++)
    status = binq_pipeline_set(pipeline, options[i].name, options[i].value);
  if (!status)
    status = binq_pipeline_run(pipeline, module, &c->environment, false);
  binq_pipeline_destroy(pipeline);
  return status;
}

/// The texts as the option `calibration` of binq-quantize lists them.
static binq_status calibration_list(compilation *c, const char **out) {
  char *list = "";
  for (size_t i = 0; i < c->options->calibration_count; i++) {
    const char *path = c->options->calibration[i];
    if (strchr(path, ','))
      return binq_errorf("%s: the name of a calibration text cannot have a comma", path);
    BINQ_TRY(binq_arena_format(c->arena, &list, "%s%s%s", list, i ? "," : "", path));
  }
  *out = list;
  return BINQ_OK;
}

/// Gives the pass binq-quantize what binqc has options for.
static binq_status set_quantize_arguments(compilation *c, binq_pass_arguments *arguments) {
  const char *texts = NULL;
  char seed[24], table_planes[24], tune[24];
  BINQ_TRY(calibration_list(c, &texts));
  (void)snprintf(seed, sizeof seed, "%lld", (long long)c->options->seed);
  (void)snprintf(table_planes, sizeof table_planes, "%lld", (long long)c->options->table_planes);
  (void)snprintf(tune, sizeof tune, "%lld", (long long)c->options->tune);
  const char *const values[][2] = {{"parameters", c->parameters},
                                   {"preset", c->options->preset},
                                   {"seed", seed},
                                   {"tune", tune},
                                   {"table-planes", table_planes},
                                   {"calibration", texts}};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++)
    BINQ_TRY(binq_pass_arguments_set(arguments, values[i][0], strlen(values[i][0]), values[i][1],
                                     strlen(values[i][1])));
  return BINQ_OK;
}

/// Runs binq-quantize by its function, which tells what became of the linears, and chooses the
/// cache.
static binq_status run_quantize(compilation *c) {
  binq_pass_arguments *arguments = NULL;
  static const char flag[] = "binq-quantize";
  BINQ_TRY(binq_pass_arguments_create(binq_pass_find(flag, sizeof flag - 1), &arguments));
  binq_status status = set_quantize_arguments(c, arguments);
  if (!status) {
    binq_quantize_options options = binq_quantize_options_of(arguments);
    options.size = c->options->size;
    options.bits = c->options->bits;
    options.max_kld = c->options->max_kld;
    options.code_bytes = binq_target_code_bytes;
    if (strcmp(c->options->kv, "float") != 0)
      options.fixed_bytes = BINQ_TARGET_CODED_CACHE_BYTES;
    status = binq_quantize_module(c->module, &options, &c->environment, &c->quantized);
  }
  binq_pass_arguments_free(arguments);
  BINQ_TRY(status);
  const pass_option format = {"format", c->options->kv};
  return run_pass(c, c->module, "binq-quantize-cache", &format, 1);
}

static MlirModule clone(MlirModule module) {
  return mlirModuleFromOperation(mlirOperationClone(mlirModuleGetOperation(module)));
}

/// Quantizes the module and measures how good it still is, where it becomes a library.
static binq_status quantize(compilation *c) {
  if (c->options->stage != BINQ_STAGE_LIBRARY)
    return run_quantize(c);
  MlirModule graph = clone(c->module);
  binq_status status = run_quantize(c);
  if (!status)
    status = binq_measure(graph, c->module, &c->quantized, &c->environment, &c->measured);
  mlirModuleDestroy(graph);
  return status;
}

static binq_status write_report(compilation *c) {
  const binq_model *model = NULL;
  BINQ_TRY(binq_model_open(c->options->model, &model));
  binq_report_input input = {model, c->options, &c->quantized, &c->measured, c->parameters};
  binq_report *report = NULL;
  binq_status status = binq_report_create(&input, &report);
  binq_model_close(model);
  static const struct {
    const char *what, *lead, *tail;
  } files[] = {{"archive", "lib", ".a"}, {"program", "", ""}, {"separate_weights", "", ".weights"}};
  for (size_t i = 0; !status && i < sizeof files / sizeof *files; i++) {
    char *path = NULL;
    status = output_path(c, files[i].lead, files[i].tail, &path);
    if (!status && access(path, F_OK) == 0)
      status = binq_report_add_size(report, files[i].what, path);
  }
  char *path = NULL;
  if (!status)
    status = binq_arena_format(c->arena, &path, "%s/report.json", c->directory);
  if (!status)
    status = binq_report_write(report, path);
  binq_report_destroy(report);
  return status;
}

/// What was set aside for code was enough, as a rule.
static binq_status check_size(compilation *c) {
  static const char *const files[][2] = {{"lib", ".a"}, {"", ".weights"}};
  int64_t size = 0;
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char *path = NULL;
    struct stat info;
    BINQ_TRY(output_path(c, files[i][0], files[i][1], &path));
    if (stat(path, &info) == 0)
      size += info.st_size;
  }
  if (c->options->size > 0 && size > c->options->size)
    return binq_errorf("the archive has come to %lld bytes, more than --size; ask for %lld less",
                       (long long)size, (long long)(size - c->options->size));
  return BINQ_OK;
}

static binq_status lower_for(const compilation *c, MlirModule module, const binq_isa *isa) {
  const pass_option options[] = {{"isa", isa->name}, {"lowering", c->options->lowering}};
  BINQ_TRY(run_pass(c, module, "binq-lower", options, 2));
  return run_pass(c, module, "binq-to-llvm", NULL, 0);
}

/// Lowers copies of the quantized module, one for every instruction set of the target, and makes
/// the library of them.
static binq_status emit(compilation *c, const binq_target_options *target) {
  MlirModule modules[BINQ_ISA_COUNT];
  binq_status status = BINQ_OK;
  size_t count = 0;
  for (size_t i = 0; i < BINQ_ISA_COUNT && !status; i++) {
    if (strcmp(binq_isas[i].target, c->options->target) != 0)
      continue;
    modules[count] = clone(c->module);
    status = lower_for(c, modules[count++], &binq_isas[i]);
  }
  if (!status)
    status = binq_target_emit(modules, count, target);
  while (count)
    mlirModuleDestroy(modules[--count]);
  return status;
}

static binq_status make_library(compilation *c) {
  binq_target_options target = {.name = c->options->name,
                                .directory = c->directory,
                                .separate_weights = c->options->separate_weights,
                                .progress = c->environment.progress};
  BINQ_TRY(emit(c, &target));
  BINQ_TRY(check_size(c));
  BINQ_TRY(write_report(c));
  if (unlink(c->parameters) != 0)
    return binq_errorf("%s: %s", c->parameters, strerror(errno));
  return BINQ_OK;
}

static void write_chunk(MlirStringRef chunk, void *user) {
  (void)fwrite(chunk.data, 1, chunk.length, user);
}

/// Prints the module, whose parameter file has its final name there.
static binq_status print_stage(compilation *c, FILE *out) {
  MlirOperation module = mlirModuleGetOperation(c->module);
  if (c->options->stage != BINQ_STAGE_GRAPH)
    mlirOperationSetAttributeByName(module, binq_str(BINQ_ATTR_PARAMETERS),
                                    binq_string_attribute(c->context, c->options->parameters));
  mlirOperationPrint(module, write_chunk, out);
  if (fflush(out) != 0 || ferror(out))
    return binq_errorf("cannot write to the standard output: %s", strerror(errno));
  return BINQ_OK;
}

/// A text that cannot be read is better known now than when the model is compiled.
static binq_status check_texts(const compilation *c) {
  for (size_t i = 0; i < c->options->calibration_count; i++) {
    binq_mapping *text = NULL;
    BINQ_TRY(binq_mapping_open(c->options->calibration[i], &text));
    binq_mapping_close(text);
  }
  return BINQ_OK;
}

/// The instruction set of stages that are printed.
static const char *stage_isa(const char *target) {
  return strcmp(target, "aarch64-linux-gnu") == 0 ? "armv8.2-a" : "x86-64-v3";
}

/// From the file to the stage that is wanted, for one instruction set; a library, which has more of
/// them, is made of the quantized module.
static binq_status run_passes(compilation *c) {
  binq_stage stage = c->options->stage;
  BINQ_TRY(check_texts(c));
  if (stage == BINQ_STAGE_LIBRARY)
    BINQ_TRY(binq_target_check_compiler(c->options->target));
  const pass_option model = {"model", c->options->model};
  const pass_option lowering[] = {{"isa", stage_isa(c->options->target)},
                                  {"lowering", c->options->lowering}};
  BINQ_TRY(run_pass(c, c->module, "binq-import", &model, 1));
  if (stage >= BINQ_STAGE_QUANTIZED)
    BINQ_TRY(quantize(c));
  if (stage == BINQ_STAGE_LOWERED || stage == BINQ_STAGE_LLVM)
    BINQ_TRY(run_pass(c, c->module, "binq-lower", lowering, 2));
  if (stage == BINQ_STAGE_LLVM)
    BINQ_TRY(run_pass(c, c->module, "binq-to-llvm", NULL, 0));
  return BINQ_OK;
}

static binq_status run_compilation(compilation *c, FILE *out) {
  BINQ_TRY(binq_arena_create(&c->arena));
  if (c->directory)
    BINQ_TRY(output_path(c, "", ".safetensors", &c->parameters));
  int error = binq_pool_create((int)c->options->threads, &c->environment.pool);
  if (error)
    return binq_errorf("cannot start %d threads: %s", (int)c->options->threads, strerror(error));
  BINQ_TRY(binq_dialect_load(c->context));
  c->module = mlirModuleCreateEmpty(mlirLocationUnknownGet(c->context));
  BINQ_TRY(run_passes(c));
  return c->options->stage == BINQ_STAGE_LIBRARY ? make_library(c) : print_stage(c, out);
}

binq_status binq_compile(const binq_compile_options *options, const char *directory, FILE *out,
                         const binq_progress *progress, binq_measurement *measured) {
  compilation c = {.options = options, .directory = directory};
  c.environment.progress = progress;
  c.context = mlirContextCreate();
  MlirDiagnosticHandlerID silence = binq_diagnostics_silence(c.context);
  binq_status status = run_compilation(&c, out);
  *measured = c.measured;
  binq_quantize_report_free(&c.quantized);
  if (c.module.ptr)
    mlirModuleDestroy(c.module);
  mlirContextDetachDiagnosticHandler(c.context, silence);
  mlirContextDestroy(c.context);
  if (c.environment.pool)
    binq_pool_destroy(c.environment.pool);
  binq_arena_destroy(c.arena);
  return status;
}

binq_status binq_compile_name(const char *path, char **out) {
  size_t end_of_path = strlen(path);
  while (end_of_path && path[end_of_path - 1] == '/')
    end_of_path--;
  const char *slash = memrchr(path, '/', end_of_path);
  const char *base = slash ? slash + 1 : path;
  size_t length = (size_t)(path + end_of_path - base);
  if (length > 5 && strncasecmp(base + length - 5, ".gguf", 5) == 0)
    length -= 5;
  static const char lead[] = "model_";
  char *name = NULL;
  BINQ_TRY(binq_allocate(length + sizeof lead, 1, "name", &name));
  size_t end = 0;
  if (!isalpha((unsigned char)base[0]))
    end = (size_t)(stpcpy(name, lead) - name);
  for (size_t i = 0; i < length; i++) {
    int letter = tolower((unsigned char)base[i]);
    bool fits = (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
    if (fits)
      name[end++] = (char)letter;
    else if (end && name[end - 1] != '_')
      name[end++] = '_';
  }
  while (end && name[end - 1] == '_')
    end--;
  name[end] = '\0';
  *out = name;
  return BINQ_OK;
}

#include "binq/Target/Target.h"
#include "Internal.h"
#include "binq/Dialect/IR.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// NAME.h would hide a header of C from the model's users, and from itself.
static bool is_standard_header(const char *name) {
  static const char *const headers[] = {
      "assert",    "complex", "ctype",  "errno",   "fenv",   "float",  "inttypes",    "iso646",
      "limits",    "locale",  "math",   "pthread", "setjmp", "signal", "stdalign",    "stdarg",
      "stdatomic", "stdbool", "stddef", "stdint",  "stdio",  "stdlib", "stdnoreturn", "string",
      "tgmath",    "threads", "time",   "uchar",   "unistd", "wchar",  "wctype"};
  for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
    if (strcmp(name, headers[i]) == 0)
      return true;
  return false;
}

binq_status binq_target_check_name(const char *name) {
  if (is_standard_header(name))
    return binq_errorf("'%s' cannot be a model's name: C has a header %s.h", name, name);
  size_t length = strlen(name), plain = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
  if (length && length == plain && length <= 64 && name[0] >= 'a' && name[0] <= 'z' &&
      !strstr(name, "__") && name[length - 1] != '_')
    return BINQ_OK;
  return binq_errorf("'%s' cannot be a model's name: it must be lower-case letters, digits and "
                     "single underscores, "
                     "beginning with a letter, 64 at most",
                     name);
}

enum { ARCHIVE, HEADER, WEIGHTS, PROGRAM, MAIN_OBJECT, FILE_COUNT };

/// One emission: where its files go.
typedef struct {
  const binq_target_options *options;
  char *paths[FILE_COUNT];
} emission;

static binq_status name_files(emission *e) {
  static const char *const formats[FILE_COUNT] = {"%s/lib%s.a", "%s/%s.h", "%s/%s.weights", "%s/%s",
                                                  "%s/%s.main.o"};
  for (int i = 0; i < FILE_COUNT; ++i)
    if (asprintf(&e->paths[i], formats[i], e->options->directory, e->options->name) < 0) {
      e->paths[i] = NULL;
      return binq_errorf("out of memory");
    }
  return BINQ_OK;
}

static void report(const emission *e, const char *step, double done) {
  binq_progress_report(e->options->progress, "writing the library", step, done);
}

static binq_status write_buffer(binq_output *output, const void *source) {
  LLVMMemoryBufferRef bytes = ((const binq_object *)source)->bytes;
  return binq_output_write(output, LLVMGetBufferStart(bytes), LLVMGetBufferSize(bytes));
}

static binq_status write_weights_object(binq_output *output, const void *source) {
  return binq_weights_object_write(output, source);
}

static binq_status write_weights(binq_output *output, const void *source) {
  return binq_weights_write(output, source);
}

/// Makes a file of what `write` appends.
static binq_status write_file(const char *path,
                              binq_status (*write)(binq_output *output, const void *source),
                              const void *source) {
  binq_output *output;
  BINQ_TRY(binq_output_create(path, &output));
  binq_status status = write(output, source);
  if (!status)
    return binq_output_commit(output);
  binq_output_discard(output);
  return status;
}

/// What an archive is made of.
typedef struct {
  const binq_object *code;
  const binq_target_model *model;
} contents;

static binq_status write_archive(binq_output *output, const void *source) {
  const contents *c = source;
  char symbol[96];
  char *symbols[] = {symbol};
  snprintf(symbol, sizeof symbol, "%s_weights", c->model->name);
  const binq_archive_member members[] = {
      {.name = "code.o",
       .size = LLVMGetBufferSize(c->code->bytes),
       .symbol_count = c->code->symbol_count,
       .symbols = c->code->symbols,
       .write = write_buffer,
       .source = c->code},
      {.name = "weights.o",
       .size = binq_weights_object_size(c->model),
       .symbol_count = 1,
       .symbols = symbols,
       .write = write_weights_object,
       .source = c->model},
  };
  return binq_archive_write(output, members, c->model->embedded ? 2 : 1);
}

/// The program is linked as any user's would be.
static binq_status emit_program(const emission *e, const binq_target_model *model) {
  binq_object object;
  binq_status status = binq_target_compile_program(model, &object);
  if (!status)
    status = write_file(e->paths[MAIN_OBJECT], write_buffer, &object);
  binq_object_free(&object);
  if (!status)
    status = binq_target_link(model->platform, e->paths[MAIN_OBJECT], e->paths[ARCHIVE],
                              e->paths[PROGRAM]);
  unlink(e->paths[MAIN_OBJECT]);
  return status;
}

static binq_status emit_library(const emission *e, const MlirModule *modules,
                                const binq_target_model *model) {
  binq_object code;
  report(e, "compiling", 0.1);
  binq_status status = binq_target_compile(modules, model, &code);
  report(e, "writing weights", 0.7);
  if (!status)
    status = write_file(e->paths[ARCHIVE], write_archive, &(contents){&code, model});
  binq_object_free(&code);
  if (!status && !model->embedded)
    status = write_file(e->paths[WEIGHTS], write_weights, model);
  if (!status)
    status = binq_target_write_header(e->paths[HEADER], model);
  return status;
}

static binq_status emit_files(const emission *e, const MlirModule *modules, size_t count,
                              const binq_parameters *parameters) {
  binq_target_model model;
  binq_status status = binq_target_model_read(modules, count, parameters, e->options->name, &model);
  if (!status) {
    report(e, "hashing weights", 0);
    model.embedded =
        !e->options->separate_weights && model.weights_size <= BINQ_TARGET_LARGEST_EMBEDDED;
    binq_weights_hash(&model, model.weights_hash);
    status = emit_library(e, modules, &model);
  }
  report(e, "linking the program", 0.9);
  if (!status)
    status = emit_program(e, &model);
  free(model.title);
  return status;
}

static binq_status open_parameters(MlirModule module, binq_parameters **out) {
  MlirStringRef attribute;
  BINQ_TRY(binq_get_string(mlirModuleGetOperation(module), "binq.parameters", &attribute));
  char *path = strndup(attribute.data, attribute.length);
  if (!path)
    return binq_errorf("out of memory");
  binq_status status = binq_parameters_open(path, out);
  free(path);
  return status;
}

binq_status binq_target_emit(const MlirModule *modules, size_t count,
                             const binq_target_options *options) {
  emission e = {.options = options};
  binq_parameters *parameters;
  BINQ_TRY(binq_target_check_name(options->name));
  BINQ_TRY(open_parameters(modules[0], &parameters));
  binq_status status = name_files(&e);
  if (!status)
    status = emit_files(&e, modules, count, parameters);
  binq_parameters_close(parameters);
  for (int i = 0; i < FILE_COUNT; ++i) {
    if (status && e.paths[i])
      unlink(e.paths[i]);
    free(e.paths[i]);
  }
  if (!status)
    report(&e, "done", 1);
  return status;
}

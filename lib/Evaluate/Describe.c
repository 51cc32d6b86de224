// What is known of a build besides its predictions: its size, and what its report tells.
#include "Open.h"

#include "binq/Dialect/Dialect.h"
#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/// 0 for what is not there.
static int64_t file_size(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISREG(info.st_mode) ? (int64_t)info.st_size : 0;
}

/// The weights and the descriptions of them in a folder.
static binq_status folder_size(binq_arena *arena, const char *path, int64_t *out) {
  DIR *folder = opendir(path);
  binq_status status = BINQ_OK;
  if (!folder)
    return BINQ_OK;
  for (struct dirent *entry; !status && (entry = readdir(folder));) {
    const char *end = strrchr(entry->d_name, '.');
    char *file;
    if (!end || (strcmp(end, ".safetensors") != 0 && strcmp(end, ".json") != 0))
      continue;
    status = binq_arena_format(arena, &file, "%s/%s", path, entry->d_name);
    if (!status)
      *out += file_size(file);
  }
  closedir(folder);
  return status;
}

static int64_t weights_of(const binq_model *model, int64_t *bytes) {
  int64_t weights = 0;
  for (size_t i = 0; i < model->tensor_count; i++) {
    weights += model->tensors[i].rows * model->tensors[i].columns;
    *bytes += (int64_t)model->tensors[i].size;
  }
  return weights;
}

/// The path in a module attribute, "" if there is none.
static binq_status path_of(binq_arena *arena, MlirModule module, const char *attribute,
                           char **out) {
  MlirStringRef text = {"", 0};
  binq_attribute_string(binq_attribute(mlirModuleGetOperation(module), attribute), &text);
  return binq_arena_copy_string(arena, text.data, text.length, out);
}

/// Of the file or folder that the weights are in.
static binq_status describe_float(binq_arena *arena, const binq_opened *open,
                                  binq_candidate *build) {
  char *source;
  int64_t bytes = 0;
  BINQ_TRY(path_of(arena, open->module, BINQ_ATTR_SOURCE, &source));
  if (!*source)
    BINQ_TRY(path_of(arena, open->module, BINQ_ATTR_PARAMETERS, &source));
  build->bytes = file_size(source);
  if (!build->bytes)
    BINQ_TRY(folder_size(arena, source, &build->bytes));
  int64_t weights = open->model ? weights_of(open->model, &bytes) : 0;
  build->bits_per_weight = weights ? 8 * (double)bytes / (double)weights : 0;
  return BINQ_OK;
}

static int64_t weight_bytes(const binq_parameters *parameters) {
  int64_t bytes = 0;
  for (size_t i = 0; i < binq_parameters_count(parameters); i++)
    bytes += (int64_t)binq_parameters_at(parameters, i)->size;
  const binq_parameter *tokenizer = binq_parameters_find(parameters, "tokenizer");
  return bytes - (tokenizer ? (int64_t)tokenizer->size : 0);
}

/// How many weights there are, only the model file tells; it need not be there any more.
static binq_status describe_quantized(binq_arena *arena, const binq_opened *open,
                                      binq_candidate *build) {
  char *parameters, *source;
  const binq_model *model;
  int64_t bytes = 0;
  BINQ_TRY(path_of(arena, open->module, BINQ_ATTR_PARAMETERS, &parameters));
  BINQ_TRY(path_of(arena, open->module, BINQ_ATTR_SOURCE, &source));
  build->bytes = file_size(parameters);
  binq_status status = *source ? binq_model_open(source, &model) : binq_errorf("no source");
  if (status) {
    binq_status_free(status);
    return BINQ_OK;
  }
  int64_t weights = weights_of(model, &bytes);
  build->bits_per_weight = 8 * (double)weight_bytes(open->parameters) / (double)weights;
  binq_model_close(model);
  return BINQ_OK;
}

/// The part of a weight's name that tells its kind: "attn_q" of "blk.7.attn_q.weight".
static binq_status kind_of(binq_arena *arena, const char *name, char **out) {
  const char *begin = name + strcspn(name, ".");
  begin += *begin == '.';
  begin += strcspn(begin, ".");
  begin += *begin == '.';
  return binq_arena_copy_string(arena, begin, strcspn(begin, "."), out);
}

/// The series of a kind, which is appended if it is new; there is room for it.
static binq_status series_of(binq_arena *arena, binq_candidate *build, const char *kind,
                             binq_error_series **out) {
  for (size_t i = 0; i < build->series_count; i++) {
    *out = &build->series[i];
    if (strcmp(build->series[i].kind, kind) == 0)
      return BINQ_OK;
  }
  *out = &build->series[build->series_count++];
  (*out)->kind = kind;
  BINQ_TRY(binq_arena_allocate(arena, (size_t)build->layer_count, sizeof *(*out)->errors,
                               &(*out)->errors));
  for (int64_t i = 0; i < build->layer_count; i++)
    (*out)->errors[i] = NAN;
  return BINQ_OK;
}

static binq_status add_error(binq_arena *arena, binq_candidate *build, size_t layer,
                             const json_t *linear) {
  const json_t *error = json_object_get(linear, "output_error");
  const char *name = json_string_value(json_object_get(linear, "name"));
  char *kind;
  binq_error_series *series;
  if (!name || !json_is_number(error))
    return BINQ_OK;
  BINQ_TRY(kind_of(arena, name, &kind));
  BINQ_TRY(series_of(arena, build, kind, &series));
  series->errors[layer] = json_number_value(error);
  return BINQ_OK;
}

static binq_status read_errors(binq_arena *arena, const json_t *layers, binq_candidate *build) {
  size_t most = 0;
  for (size_t i = 0; i < json_array_size(layers); i++)
    most += json_array_size(json_object_get(json_array_get(layers, i), "linears"));
  build->layer_count = (int64_t)json_array_size(layers);
  BINQ_TRY(binq_arena_allocate(arena, most, sizeof *build->series, (void *)&build->series));
  for (size_t i = 0; i < json_array_size(layers); i++) {
    const json_t *linears = json_object_get(json_array_get(layers, i), "linears");
    for (size_t j = 0; j < json_array_size(linears); j++)
      BINQ_TRY(add_error(arena, build, i, json_array_get(linears, j)));
  }
  return BINQ_OK;
}

/// What binqc wrote beside the program. A report of another program, or none, tells nothing.
static binq_status read_report(binq_arena *arena, const char *path, const char *name,
                               binq_candidate *build) {
  json_t *root = json_load_file(path, 0, NULL);
  const char *owner = json_string_value(json_object_get(json_object_get(root, "options"), "name"));
  binq_status status = BINQ_OK;
  if (owner && strcmp(owner, name) == 0) {
    const json_t *bits = json_object_get(json_object_get(root, "bits_per_weight"), "all");
    build->bits_per_weight = json_number_value(bits);
    status = read_errors(arena, json_object_get(root, "layers"), build);
  }
  json_decref(root);
  return status;
}

/// The archive counts, or else the program; weights beside them are added.
static binq_status describe_program(binq_arena *arena, binq_candidate *build) {
  const char *slash = strrchr(build->path, '/');
  const char *name = slash ? slash + 1 : build->path;
  int folder = (int)(name - build->path);
  char *archive, *weights, *report;
  BINQ_TRY(binq_arena_format(arena, &archive, "%.*slib%s.a", folder, build->path, name));
  BINQ_TRY(binq_arena_format(arena, &weights, "%s.weights", build->path));
  BINQ_TRY(binq_arena_format(arena, &report, "%.*sreport.json", folder, build->path));
  build->bytes = file_size(archive);
  if (!build->bytes)
    build->bytes = file_size(build->path);
  build->bytes += file_size(weights);
  return read_report(arena, report, name, build);
}

binq_status binq_candidate_describe(binq_arena *arena, const binq_opened *open,
                                    binq_candidate *build) {
  if (build->kind == BINQ_CANDIDATE_PROGRAM)
    return describe_program(arena, build);
  if (build->kind == BINQ_CANDIDATE_QUANTIZED)
    return describe_quantized(arena, open, build);
  return describe_float(arena, open, build);
}

const char *binq_candidate_kind_name(binq_candidate_kind kind) {
  static const char *const names[] = {"float model", "quantized graph", "compiled program"};
  return names[kind];
}

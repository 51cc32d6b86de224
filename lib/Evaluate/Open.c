#include "Open.h"

#include "binq/Dialect/Dialect.h"
#include "binq/Import/Import.h"
#include "binq/Support/File.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool ends_with(const char *text, const char *end) {
  size_t length = strlen(text), tail = strlen(end);
  return length >= tail && strcmp(text + length - tail, end) == 0;
}

static binq_status read_magic(const char *path, char magic[4]) {
  FILE *file = fopen(path, "rb");
  if (!file)
    return binq_errorf("%s: cannot open: %s", path, strerror(errno));
  memset(magic, 0, 4);
  (void)fread(magic, 1, 4, file);
  (void)fclose(file);
  return BINQ_OK;
}

/// What is to be found at the path, by its first bytes or its name.
static binq_status find_kind(const char *path, binq_candidate_kind *out) {
  struct stat info;
  char magic[4];
  if (stat(path, &info) != 0)
    return binq_errorf("%s: cannot open: %s", path, strerror(errno));
  *out = BINQ_CANDIDATE_FLOAT;
  if (S_ISDIR(info.st_mode))
    return BINQ_OK;
  if (!S_ISREG(info.st_mode))
    return binq_errorf("%s: is not a regular file", path);
  BINQ_TRY(read_magic(path, magic));
  if (memcmp(magic, "GGUF", 4) == 0)
    return BINQ_OK;
  *out = BINQ_CANDIDATE_PROGRAM;
  if (memcmp(magic,
             "\x7f"
             "ELF",
             4) == 0)
    return BINQ_OK;
  *out = BINQ_CANDIDATE_QUANTIZED;
  if (ends_with(path, ".mlir"))
    return BINQ_OK;
  return binq_errorf("%s: is no model file (GGUF), no folder, no graph (.mlir) and no program of a "
                     "compiled model",
                     path);
}

binq_status binq_candidate_identify(const char *text, binq_arena *arena, binq_candidate *out) {
  const char *equals = access(text, F_OK) == 0 ? NULL : strchr(text, '=');
  size_t length = equals ? (size_t)(equals - text) : strlen(text);
  char *name;
  if (equals && (length == 0 || !equals[1]))
    return binq_errorf("'%s' is neither PATH nor NAME=PATH", text);
  BINQ_TRY(binq_arena_copy_string(arena, text, length, &name));
  out->name = name;
  out->path = equals ? equals + 1 : text;
  return find_kind(out->path, &out->kind);
}

/// Whether the graph has quantized linears.
static binq_status is_quantized(MlirModule module, bool *out) {
  binq_op_list linears;
  BINQ_TRY(binq_collect(mlirModuleGetOperation(module), BINQ_LINEAR, &linears));
  *out = linears.count > 0;
  binq_op_list_free(&linears);
  return BINQ_OK;
}

static binq_status parse(MlirContext context, const char *path, MlirModule *out) {
  char *text;
  size_t size;
  BINQ_TRY(binq_read_file(path, &text, &size));
  *out = mlirModuleCreateParse(context, mlirStringRefCreate(text, size));
  free(text);
  if (mlirModuleIsNull(*out))
    return binq_errorf("%s: is not a module that can be read", path);
  return binq_annotate(binq_verify(*out), "%s", path);
}

static binq_status open_float(binq_opened *b, int64_t window, binq_pool *pool) {
  BINQ_TRY(binq_module_weights_open(b->module, &b->weights));
  b->model = binq_module_weights_model(b->weights);
  if (b->model)
    BINQ_TRY(binq_text_tokenizer_create(&b->model->vocabulary, &b->tokenizer));
  BINQ_TRY(binq_graph_create(b->module, binq_module_weights_view(b->weights), pool, &b->graph));
  return binq_graph_reader_create(b->graph, window, &b->reader);
}

static binq_status open_quantized(binq_opened *b, int64_t window, binq_pool *pool) {
  MlirStringRef text;
  char *path;
  BINQ_TRY(binq_quantized_graph_create(b->module, window, pool, &b->quantized));
  binq_attribute_string(binq_attribute(mlirModuleGetOperation(b->module), BINQ_ATTR_PARAMETERS),
                        &text);
  if (asprintf(&path, "%.*s", BINQ_STR_ARGS(text)) < 0)
    return binq_errorf("out of memory");
  binq_status status = binq_parameters_open(path, &b->parameters);
  free(path);
  BINQ_TRY(status);
  const binq_parameter *tables = binq_parameters_find(b->parameters, "tokenizer");
  return tables ? binq_text_tokenizer_open(tables->data, tables->size, &b->tokenizer) : BINQ_OK;
}

static binq_status open_graph(binq_opened *b, MlirContext context, int64_t window,
                              binq_pool *pool) {
  bool quantized = false;
  const char *path = b->build->path;
  binq_model_info info;
  if (b->build->kind == BINQ_CANDIDATE_QUANTIZED) {
    BINQ_TRY(parse(context, path, &b->module));
    BINQ_TRY(is_quantized(b->module, &quantized));
  } else {
    BINQ_TRY(binq_import(context, path, &b->module));
  }
  b->build->kind = quantized ? BINQ_CANDIDATE_QUANTIZED : BINQ_CANDIDATE_FLOAT;
  BINQ_TRY(binq_annotate(binq_model_info_get(b->module, &info), "%s", path));
  b->vocabulary = info.vocabulary_size;
  if (window > info.context_length)
    return binq_errorf("--window: %lld tokens are more than the context of %s, %lld",
                       (long long)window, path, (long long)info.context_length);
  if (quantized)
    return binq_annotate(open_quantized(b, window, pool), "%s", path);
  return open_float(b, window, pool);
}

binq_status binq_opened_create(binq_candidate *build, MlirContext context, int64_t window,
                               binq_pool *pool, binq_opened *out) {
  *out = (binq_opened){.build = build};
  return build->kind == BINQ_CANDIDATE_PROGRAM ? BINQ_OK : open_graph(out, context, window, pool);
}

void binq_opened_close(binq_opened *b) {
  binq_child_destroy(b->child);
  binq_text_tokenizer_destroy(b->tokenizer);
  binq_parameters_close(b->parameters);
  binq_quantized_graph_destroy(b->quantized);
  binq_graph_reader_destroy(b->reader);
  binq_graph_destroy(b->graph);
  binq_module_weights_close(b->weights);
  if (b->module.ptr)
    mlirModuleDestroy(b->module);
}

binq_predictor binq_opened_predictor(const binq_opened *b) {
  if (b->reader)
    return binq_graph_reader_predictor(b->reader, b->build->name);
  if (b->quantized)
    return binq_quantized_graph_predictor(b->quantized, b->build->name);
  return binq_child_predictor(b->child, b->build->name);
}

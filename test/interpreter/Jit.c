/// binq-jit-logits MODULE.mlir OUT THREADS TOKEN...: the logits after every token by the graph
/// compiled in memory, written as floats.
#include "binq/Calibrate/Quantized.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Support/File.h"
#include "binq/Support/Memory.h"
#include "runtime/Model.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct {
  int64_t count, vocabulary;
  int32_t *tokens;
} text;

static binq_status write_rows(const char *path, const float *logits, const text *t) {
  FILE *file = fopen(path, "wb");
  if (!file)
    return binq_errorf("%s cannot be written", path);
  int64_t stride = binq_round_up(t->vocabulary, BINQ_ROW_MULTIPLE);
  size_t written = 0;
  for (int64_t i = 0; i < t->count; i++)
    written += fwrite(logits + i * stride, sizeof(float), (size_t)t->vocabulary, file);
  if (fclose(file) != 0 || written != (size_t)(t->count * t->vocabulary))
    return binq_errorf("%s cannot be written", path);
  return BINQ_OK;
}

/// The head takes rows in pieces that do not fit anything else.
static binq_status compute(binq_quantized_graph *graph, const text *t, const char *path) {
  float *logits;
  int64_t stride = binq_round_up(t->vocabulary, BINQ_ROW_MULTIPLE);
  binq_predictor p = binq_quantized_graph_predictor(graph, "jit");
  BINQ_TRY(binq_allocate((size_t)(t->count * stride), sizeof(float), "logits", &logits));
  binq_status status = p.begin(p.user, t->tokens, t->count);
  for (int64_t done = 0, piece; done < t->count && !status; done += piece) {
    piece = t->count - done < 5 ? t->count - done : 5;
    status = p.next(p.user, piece, logits + done * stride);
  }
  if (!status)
    status = write_rows(path, logits, t);
  free(logits);
  return status;
}

static binq_status run(MlirContext context, char **argv, text *t) {
  char *source;
  size_t size;
  binq_pool *pool = NULL;
  BINQ_TRY(binq_dialect_load(context));
  BINQ_TRY(binq_read_file(argv[1], &source, &size));
  MlirModule module = mlirModuleCreateParse(context, mlirStringRefCreate(source, size));
  free(source);
  if (mlirModuleIsNull(module))
    return binq_errorf("%s is no module", argv[1]);
  binq_model_info model;
  binq_quantized_graph *graph = NULL;
  binq_status status = binq_model_info_get(module, &model);
  if (!status && binq_pool_create(atoi(argv[3]), &pool) != 0)
    status = binq_errorf("no threads");
  if (!status)
    status = binq_quantized_graph_create(module, t->count, pool, &graph);
  t->vocabulary = status ? 0 : model.vocabulary_size;
  if (!status)
    status = compute(graph, t, argv[2]);
  binq_quantized_graph_destroy(graph);
  binq_pool_destroy(pool);
  mlirModuleDestroy(module);
  return status;
}

int main(int argc, char **argv) {
  int32_t tokens[1024];
  if (argc < 5 || argc - 4 > 1024) {
    (void)fprintf(stderr, "usage: binq-jit-logits MODULE.mlir OUT THREADS TOKEN...\n");
    return 2;
  }
  text t = {.count = argc - 4, .tokens = tokens};
  for (int i = 4; i < argc; i++)
    tokens[i - 4] = atoi(argv[i]);
  MlirContext context = mlirContextCreate();
  binq_status status = run(context, argv, &t);
  mlirContextDestroy(context);
  if (status)
    (void)fprintf(stderr, "binq-jit-logits: %s\n", binq_status_message(status));
  int code = status ? 1 : 0;
  binq_status_free(status);
  return code;
}

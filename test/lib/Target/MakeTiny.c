// make_tiny MODULE.mlir NAME DIRECTORY BYTE [separate]
// Compiles a tiny model with the name; BYTE is the first one of its weights.
#include "binq/Checkpoint/Parameters.h"
#include "binq/Checkpoint/TokenizerTables.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Support/File.h"
#include "binq/Target/Target.h"
#include "mlir-c/Pass.h"
#include "mlir-c/RegisterEverything.h"
#include "runtime/Isa.h"
#include "runtime/Vocabulary.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char pipeline[] = "builtin.module(convert-scf-to-cf,expand-strided-metadata,lower-"
                               "affine,convert-to-llvm,reconcile-unrealized-casts)";

static binq_status write_tensors(binq_parameter_writer *writer, int byte) {
  binq_vocabulary vocabulary = test_vocabulary(0, 1);
  uint8_t *tables, weights[64] = {(uint8_t)byte};
  size_t size;
  binq_status status = binq_tokenizer_tables(&vocabulary, &tables, &size);
  test_vocabulary_free(&vocabulary);
  BINQ_TRY(status);
  int64_t padded = (int64_t)((size + 63) / 64 * 64);
  uint8_t *whole = calloc(1, (size_t)padded);
  if (whole)
    memcpy(whole, tables, size);
  else
    status = binq_errorf("out of memory");
  free(tables);
  if (!status)
    status =
        binq_parameter_writer_add(writer, "weights", BINQ_DTYPE_U8, 1, (int64_t[]){64}, weights);
  if (!status)
    status = binq_parameter_writer_add(writer, "tokenizer", BINQ_DTYPE_U8, 1, &padded, whole);
  free(whole);
  return status;
}

static binq_status write_parameters(const char *path, int byte) {
  binq_parameter_writer *writer;
  BINQ_TRY(binq_parameter_writer_create(path, &writer));
  binq_status status = write_tensors(writer, byte);
  if (!status)
    return binq_parameter_writer_commit(writer);
  binq_parameter_writer_discard(writer);
  return status;
}

static binq_status lower(MlirModule module) {
  mlirRegisterAllPasses();
  MlirPassManager passes = mlirPassManagerCreate(mlirModuleGetContext(module));
  MlirLogicalResult result = mlirParsePassPipeline(mlirPassManagerGetAsOpPassManager(passes),
                                                   binq_str(pipeline), NULL, NULL);
  if (mlirLogicalResultIsSuccess(result))
    result = mlirPassManagerRunOnOp(passes, mlirModuleGetOperation(module));
  mlirPassManagerDestroy(passes);
  return mlirLogicalResultIsSuccess(result) ? BINQ_OK : binq_errorf("the module cannot be lowered");
}

/// The module for every instruction set of x86-64.
static binq_status emit(MlirModule module, const binq_target_options *options) {
  MlirModule modules[BINQ_ISA_COUNT];
  MlirOperation op = mlirModuleGetOperation(module);
  size_t count = 0;
  for (int i = 0; i < BINQ_ISA_COUNT; ++i) {
    if (strcmp(binq_isas[i].target, "x86_64-linux-gnu") != 0)
      continue;
    mlirOperationSetAttributeByName(
        op, binq_str(BINQ_ATTR_ISA),
        binq_string_attribute(mlirModuleGetContext(module), binq_isas[i].name));
    modules[count++] = mlirModuleFromOperation(mlirOperationClone(op));
  }
  binq_status status = binq_target_emit(modules, count, options);
  while (count)
    mlirModuleDestroy(modules[--count]);
  return status;
}

static binq_status compile(MlirContext context, const char *source, const char *parameters,
                           const binq_target_options *options) {
  char *text;
  size_t size;
  BINQ_TRY(binq_dialect_load(context));
  BINQ_TRY(binq_read_file(source, &text, &size));
  MlirModule module = mlirModuleCreateParse(context, binq_str(text));
  free(text);
  if (mlirModuleIsNull(module))
    return binq_errorf("%s: cannot be parsed", source);
  mlirOperationSetAttributeByName(mlirModuleGetOperation(module), binq_str(BINQ_ATTR_PARAMETERS),
                                  binq_string_attribute(context, parameters));
  binq_status status = lower(module);
  if (!status)
    status = emit(module, options);
  mlirModuleDestroy(module);
  return status;
}

int main(int argc, char **argv) {
  char parameters[4096];
  if (argc < 5)
    return 2;
  const binq_target_options options = {.name = argv[2],
                                       .directory = argv[3],
                                       .separate_weights =
                                           argc > 5 && strcmp(argv[5], "separate") == 0};
  snprintf(parameters, sizeof parameters, "%s/%s.safetensors", argv[3], argv[2]);
  binq_status status = write_parameters(parameters, (int)strtol(argv[4], NULL, 10));
  MlirContext context = mlirContextCreate();
  if (!status)
    status = compile(context, argv[1], parameters, &options);
  mlirContextDestroy(context);
  remove(parameters);
  if (status)
    fprintf(stderr, "make_tiny: %s\n", binq_status_message(status));
  int code = status ? 1 : 0;
  binq_status_free(status);
  return code;
}

/// binq-interpret QUANTIZED.mlir LOGITS TOKEN...: runs a quantized graph over the tokens, one
/// scalar operation at a time, and writes the logits of every token as float32 to the file LOGITS.
/// What compiled models are compared with.
#include "Arithmetic.h"
#include "binq/Checkpoint/Parameters.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Support/File.h"
#include "mlir-c/BuiltinAttributes.h"
#include "mlir-c/BuiltinTypes.h"
#include "runtime/Rope.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VALUES = 256 };

/// What an SSA value stands for: rows of floats, quantized activations, or a parameter.
typedef struct {
  MlirValue value;
  matrix rows;
  activations quantized;
  const binq_parameter *parameter;
} binding;

typedef struct {
  const binq_parameters *parameters;
  const int32_t *tokens, *positions;
  int64_t token_count;
  const float *rope_table;
  binding bindings[MAX_VALUES];
  int count;
} frame;

_Noreturn static void die(const char *message, const char *detail) {
  (void)fprintf(stderr, "binq-interpret: %s: %s\n", message, detail);
  exit(1);
}

static MlirAttribute attribute(MlirOperation op, const char *name) {
  MlirAttribute found = mlirOperationGetAttributeByName(op, mlirStringRefCreateFromCString(name));
  if (mlirAttributeIsNull(found))
    die("attribute is missing", name);
  return found;
}

static int64_t integer(MlirOperation op, const char *name) {
  return mlirIntegerAttrGetValueInt(attribute(op, name));
}

/// A string attribute as text of its own, freed with free().
static char *string(MlirAttribute value) {
  MlirStringRef ref = mlirStringAttrGetValue(value);
  char *text = strndup(ref.data, ref.length);
  if (!text)
    die("out of memory", "text");
  return text;
}

static binding *bind(frame *f, MlirValue value) {
  if (f->count == MAX_VALUES)
    die("too many values in a function", "256");
  binding *b = &f->bindings[f->count++];
  *b = (binding){.value = value};
  return b;
}

static binding *operand(frame *f, MlirOperation op, intptr_t i) {
  MlirValue value = mlirOperationGetOperand(op, i);
  for (int k = 0; k < f->count; k++)
    if (mlirValueEqual(f->bindings[k].value, value))
      return &f->bindings[k];
  die("operand has no value", "a block argument that is not a tensor of floats?");
}

/// The bytes of an operand that is a parameter.
static const void *data(frame *f, MlirOperation op, intptr_t i) {
  const binq_parameter *parameter = operand(f, op, i)->parameter;
  if (!parameter)
    die("operand is no parameter", "it should be one");
  return parameter->data;
}

static int64_t result_columns(MlirOperation op) {
  return mlirShapedTypeGetDimSize(mlirValueGetType(mlirOperationGetResult(op, 0)), 1);
}

static void run_param(frame *f, MlirOperation op) {
  char *name = string(attribute(op, "name"));
  const binq_parameter *parameter = binq_parameters_find(f->parameters, name);
  if (!parameter)
    die("parameter is not in the file", name);
  free(name);
  bind(f, mlirOperationGetResult(op, 0))->parameter = parameter;
}

/// An attribute of a linear, or an entry of the dictionary `format` of an embedding.
static MlirAttribute format_entry(MlirOperation op, const char *name) {
  if (!binq_op_is(op, "binq.embedding"))
    return attribute(op, name);
  return mlirDictionaryAttrGetElementByName(attribute(op, "format"),
                                            mlirStringRefCreateFromCString(name));
}

/// The packed weights of a linear or an embedding; `form` is freed with free().
static linear weights_of(frame *f, MlirOperation op, char **form) {
  *form = string(format_entry(op, "form"));
  linear w = {.form = *form,
              .rows = mlirIntegerAttrGetValueInt(format_entry(op, "rows")),
              .columns = mlirIntegerAttrGetValueInt(format_entry(op, "columns")),
              .int8_columns = mlirIntegerAttrGetValueInt(format_entry(op, "int8_columns")),
              .planes = mlirIntegerAttrGetValueInt(format_entry(op, "planes")),
              .packed = data(f, op, 1)};
  MlirAttribute weights = format_entry(op, "plane_weights");
  for (intptr_t i = 0; i < mlirDenseArrayGetNumElements(weights) && i < 4; i++)
    w.plane_weights[i] = mlirDenseI32ArrayGetElement(weights, i);
  return w;
}

static void run_embedding(frame *f, MlirOperation op) {
  char *form;
  linear table = weights_of(f, op, &form);
  const uint16_t *order = mlirOperationGetNumOperands(op) > 2 ? data(f, op, 2) : NULL;
  matrix y = matrix_create(f->token_count, result_columns(op));
  for (int64_t t = 0; t < f->token_count; t++)
    embedding_row(&table, order, f->tokens[t], y.values + t * y.columns);
  free(form);
  bind(f, mlirOperationGetResult(op, 0))->rows = y;
}

static void run_quantize(frame *f, MlirOperation op) {
  matrix x = operand(f, op, 0)->rows;
  const uint16_t *order = data(f, op, 1);
  const int32_t *levels = data(f, op, 2);
  bind(f, mlirOperationGetResult(op, 0))->quantized =
      quantize(x, order, levels, integer(op, "int8_columns"));
}

static void run_linear(frame *f, MlirOperation op) {
  char *form;
  linear w = weights_of(f, op, &form);
  matrix y = apply(operand(f, op, 0)->quantized, f->token_count, &w);
  free(form);
  bind(f, mlirOperationGetResult(op, 0))->rows = y;
}

static matrix run_attention(frame *f, MlirOperation op) {
  matrix q = operand(f, op, 0)->rows, k = operand(f, op, 1)->rows, v = operand(f, op, 2)->rows;
  int64_t heads = integer(op, "head_count"), kv_heads = integer(op, "kv_head_count");
  if (mlirAttributeIsNull(
          mlirOperationGetAttributeByName(op, mlirStringRefCreateFromCString("cache_format"))))
    return attention(q, k, v, f->positions, heads, kv_heads);
  char *format = string(attribute(op, "cache_format"));
  int bits = strcmp(format, "int8") == 0 ? 8 : 4;
  free(format);
  return coded_attention(q, k, v, f->positions, heads, kv_heads, bits);
}

static matrix run_float_op(frame *f, MlirOperation op) {
  matrix x = operand(f, op, 0)->rows;
  if (binq_op_is(op, "binq.rms_norm"))
    return rms_norm(x, data(f, op, 1),
                    (float)mlirFloatAttrGetValueDouble(attribute(op, "epsilon")));
  if (binq_op_is(op, "binq.rope"))
    return rope(x, f->positions, integer(op, "head_size"), f->rope_table);
  if (binq_op_is(op, "binq.swiglu"))
    return swiglu(x, operand(f, op, 1)->rows);
  if (binq_op_is(op, "arith.addf"))
    return add(x, operand(f, op, 1)->rows);
  if (binq_op_is(op, "binq.attention"))
    return run_attention(f, op);
  die("operation is not known",
      string(mlirStringAttrGet(mlirOperationGetContext(op), binq_op_name(op))));
}

/// Runs a function on `x`; returns what it returns.
static matrix run_function(frame *f, MlirOperation function, matrix x) {
  MlirBlock block = mlirRegionGetFirstBlock(mlirOperationGetRegion(function, 0));
  f->count = 0;
  bind(f, mlirBlockGetArgument(block, 0))->rows = x;
  for (MlirOperation op = mlirBlockGetFirstOperation(block); !mlirOperationIsNull(op);
       op = mlirOperationGetNextInBlock(op)) {
    if (binq_op_is(op, "func.return"))
      return operand(f, op, 0)->rows;
    if (binq_op_is(op, "binq.param")) {
      run_param(f, op);
    } else if (binq_op_is(op, "binq.embedding")) {
      run_embedding(f, op);
    } else if (binq_op_is(op, "binq.quantize_activations")) {
      run_quantize(f, op);
    } else if (binq_op_is(op, "binq.linear")) {
      run_linear(f, op);
    } else {
      matrix y = run_float_op(f, op);
      bind(f, mlirOperationGetResult(op, 0))->rows = y;
    }
  }
  die("function returns nothing", "func.return");
}

/// Runs the functions of the module in their order: embed, the layers, head.
static matrix run_module(frame *f, MlirModule module) {
  matrix x = {0};
  MlirBlock body = mlirModuleGetBody(module);
  for (MlirOperation op = mlirBlockGetFirstOperation(body); !mlirOperationIsNull(op);
       op = mlirOperationGetNextInBlock(op))
    x = run_function(f, op, x);
  return x;
}

static int64_t model_integer(MlirModule module, const char *name) {
  MlirAttribute model = attribute(mlirModuleGetOperation(module), "binq.model");
  return mlirIntegerAttrGetValueInt(
      mlirDictionaryAttrGetElementByName(model, mlirStringRefCreateFromCString(name)));
}

static double model_rope_base(MlirModule module) {
  MlirAttribute model = attribute(mlirModuleGetOperation(module), "binq.model");
  return mlirFloatAttrGetValueDouble(
      mlirDictionaryAttrGetElementByName(model, mlirStringRefCreateFromCString("rope_base")));
}

static void try(binq_status status) {
  if (status)
    die("failed", binq_status_message(status));
}

static MlirModule parse(MlirContext context, const char *path) {
  char *text;
  size_t size;
  try(binq_read_file(path, &text, &size));
  MlirModule module = mlirModuleCreateParse(context, mlirStringRefCreate(text, size));
  free(text);
  if (mlirModuleIsNull(module))
    die("does not parse", path);
  return module;
}

int main(int argc, char **argv) {
  if (argc < 4)
    die("usage", "binq-interpret QUANTIZED.mlir LOGITS TOKEN...");
  MlirContext context = mlirContextCreate();
  try(binq_dialect_load(context));
  MlirModule module = parse(context, argv[1]);
  binq_parameters *parameters;
  char *path = string(attribute(mlirModuleGetOperation(module), "binq.parameters"));
  try(binq_parameters_open(path, &parameters));
  int64_t count = argc - 3, head_size = model_integer(module, "head_size");
  int32_t *tokens = calloc((size_t)count, 4), *positions = calloc((size_t)count, 4);
  float *table = calloc((size_t)(count * head_size), sizeof(float));
  frame *f = calloc(1, sizeof *f);
  if (!tokens || !positions || !table || !f)
    die("out of memory", argv[1]);
  for (int64_t i = 0; i < count; i++) {
    tokens[i] = (int32_t)strtol(argv[3 + i], NULL, 10);
    positions[i] = (int32_t)i;
  }
  binq_rope_table(table, count, head_size, model_rope_base(module));
  *f = (frame){.parameters = parameters,
               .tokens = tokens,
               .positions = positions,
               .token_count = count,
               .rope_table = table};
  matrix logits = run_module(f, module);
  FILE *out = fopen(argv[2], "wb");
  size_t values = (size_t)(logits.rows * logits.columns);
  if (!out || fwrite(logits.values, sizeof(float), values, out) != values || fclose(out) != 0)
    die("cannot write", argv[2]);
  free(f);
  free(table);
  free(positions);
  free(tokens);
  free(path);
  binq_parameters_close(parameters);
  mlirModuleDestroy(module);
  mlirContextDestroy(context);
  return 0;
}

#include "binq/Transforms/Weights.h"

#include "binq/Checkpoint/Parameters.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Support/Memory.h"
#include <stdlib.h>
#include <string.h>

/// A tensor of either file.
typedef struct {
  const binq_tensor *tensor; ///< NULL: the floats below
  const uint8_t *floats;
  int64_t columns;
} found_tensor;

typedef struct {
  int64_t rows, columns;
} shape;

struct binq_module_weights {
  binq_weights view;
  binq_arena *arena; ///< of found tensors
  const binq_model *model;
  binq_parameters *parameters;
};

static binq_status check_shape(const char *name, shape own, shape wanted) {
  if (own.rows == wanted.rows && own.columns == wanted.columns)
    return BINQ_OK;
  return binq_errorf("tensor '%s' is %lld x %lld where the graph has %lld x %lld", name,
                     (long long)own.rows, (long long)own.columns, (long long)wanted.rows,
                     (long long)wanted.columns);
}

static binq_status take_parameter(const binq_parameter *parameter, shape wanted,
                                  found_tensor *out) {
  bool matrix = parameter->rank == 2;
  if (parameter->dtype != BINQ_DTYPE_F32 || parameter->rank < 1 || parameter->rank > 2)
    return binq_errorf("parameter '%s' is no vector or matrix of f32", parameter->name);
  shape own = {matrix ? parameter->shape[0] : 1, parameter->shape[matrix ? 1 : 0]};
  *out = (found_tensor){NULL, parameter->data, own.columns};
  // Vectors are stored padded.
  if (!matrix && own.columns == binq_round_up(wanted.columns, BINQ_CHANNEL_STEP))
    out->columns = own.columns = wanted.columns;
  return check_shape(parameter->name, own, wanted);
}

static binq_status find(void *user, const char *name, int64_t rows, int64_t columns,
                        const void **tensor) {
  binq_module_weights *weights = user;
  found_tensor *out;
  shape wanted = {rows, columns};
  BINQ_TRY(binq_arena_allocate(weights->arena, 1, sizeof *out, (void *)&out));
  *tensor = out;
  const binq_parameter *parameter =
      weights->parameters ? binq_parameters_find(weights->parameters, name) : NULL;
  if (parameter)
    return take_parameter(parameter, wanted, out);
  out->tensor = weights->model ? binq_model_tensor(weights->model, name) : NULL;
  if (!out->tensor)
    return binq_errorf("no file of the module has a tensor '%s'", name);
  return check_shape(name, (shape){out->tensor->rows, out->tensor->columns}, wanted);
}

static void read(const void *tensor, int64_t begin, int64_t end, float *out) {
  const found_tensor *found = tensor;
  size_t row = (size_t)found->columns * sizeof *out;
  if (found->tensor)
    binq_tensor_dequantize(found->tensor, begin, end, out);
  else
    memcpy(out, found->floats + (size_t)begin * row, (size_t)(end - begin) * row);
}

/// The path in a module attribute, "" if there is none; freed with free().
static binq_status path_of(MlirModule module, const char *attribute, char **out) {
  MlirStringRef path = {"", 0};
  binq_attribute_string(binq_attribute(mlirModuleGetOperation(module), attribute), &path);
  BINQ_TRY(binq_allocate(path.length + 1, 1, "a path", (void *)out));
  memcpy(*out, path.data, path.length);
  return BINQ_OK;
}

static binq_status open_files(MlirModule module, binq_module_weights *weights) {
  char *source, *parameters;
  BINQ_TRY(binq_arena_create(&weights->arena));
  BINQ_TRY(path_of(module, BINQ_ATTR_SOURCE, &source));
  binq_status status = path_of(module, BINQ_ATTR_PARAMETERS, &parameters);
  if (status) {
    free(source);
    return status;
  }
  if (*source)
    status = binq_model_open(source, &weights->model);
  if (*parameters && !status)
    status = binq_parameters_open(parameters, &weights->parameters);
  if (!*source && !*parameters)
    status = binq_op_error(mlirModuleGetOperation(module),
                           "names no file that its parameters are in (%s or %s)", BINQ_ATTR_SOURCE,
                           BINQ_ATTR_PARAMETERS);
  free(source);
  free(parameters);
  return status;
}

binq_status binq_module_weights_open(MlirModule module, binq_module_weights **out) {
  *out = NULL;
  binq_module_weights *weights;
  BINQ_TRY(binq_allocate(1, sizeof *weights, "weights", (void *)&weights));
  weights->view = (binq_weights){find, read, weights};
  binq_status status = open_files(module, weights);
  if (status)
    binq_module_weights_close(weights);
  else
    *out = weights;
  return status;
}

void binq_module_weights_close(binq_module_weights *weights) {
  if (!weights)
    return;
  if (weights->model)
    binq_model_close(weights->model);
  if (weights->parameters)
    binq_parameters_close(weights->parameters);
  binq_arena_destroy(weights->arena);
  free(weights);
}

const binq_weights *binq_module_weights_view(const binq_module_weights *weights) {
  return &weights->view;
}

const binq_model *binq_module_weights_model(const binq_module_weights *weights) {
  return weights->model;
}

/// binq-move-constants: large constants leave the IR for a parameter file.
#include "binq/Checkpoint/Parameters.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Pass/Pass.h"
#include "binq/Support/Memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  MlirModule module;
  int64_t minimum;
  binq_parameter_writer *writer;
  int64_t written;
} mover;

/// A dense f32 constant of one or two dimensions, large enough. Splats say all they hold in one
/// number.
static bool is_movable(const mover *m, MlirOperation op) {
  MlirType type = mlirValueGetType(mlirOperationGetResult(op, 0));
  MlirAttribute value = binq_attribute(op, "value");
  bool matrix = binq_tensor_shape(type, 2, NULL);
  if ((!matrix && !binq_tensor_shape(type, 1, NULL)) ||
      !binq_type_is_f32(binq_element_type(type)) || !mlirAttributeIsADenseElements(value) ||
      mlirDenseElementsAttrIsSplat(value))
    return false;
  int64_t count = mlirElementsAttrGetNumElements(value);
  // Vectors are padded in the file, matrices are not.
  return count >= m->minimum &&
         (!matrix || count * (int64_t)sizeof(float) % BINQ_PARAMETER_ALIGNMENT == 0);
}

static binq_status write_vector(mover *m, const char *name, const float *values, int64_t size) {
  int64_t padded = binq_round_up(size, BINQ_CHANNEL_STEP);
  float *copy = NULL;
  BINQ_TRY(binq_allocate((size_t)padded, sizeof(*copy), "a constant", &copy));
  memcpy(copy, values, (size_t)size * sizeof(*copy));
  binq_status status = binq_parameter_writer_add(m->writer, name, BINQ_DTYPE_F32, 1, &padded, copy);
  free(copy);
  return status;
}

static binq_status write(mover *m, const char *name, MlirOperation op) {
  int64_t shape[2];
  MlirType type = mlirValueGetType(mlirOperationGetResult(op, 0));
  const float *values = mlirDenseElementsAttrGetRawData(binq_attribute(op, "value"));
  if (binq_tensor_shape(type, 2, shape))
    return binq_parameter_writer_add(m->writer, name, BINQ_DTYPE_F32, 2, shape, values);
  binq_tensor_shape(type, 1, shape);
  return write_vector(m, name, values, shape[0]);
}

static binq_status move(mover *m, MlirOperation op) {
  char name[48];
  snprintf(name, sizeof(name), "constant_%lld", (long long)m->written);
  BINQ_TRY(write(m, name, op));
  ++m->written;
  binq_builder b = binq_builder_before(op);
  MlirType type = mlirValueGetType(mlirOperationGetResult(op, 0));
  binq_replace_op(op, binq_build_param(&b, name, type));
  return BINQ_OK;
}

static binq_status move_all(mover *m) {
  binq_op_list list;
  BINQ_TRY(binq_collect(mlirModuleGetOperation(m->module), "arith.constant", &list));
  binq_status status = BINQ_OK;
  for (size_t i = 0; i < list.count && !status; ++i)
    if (is_movable(m, list.items[i]))
      status = move(m, list.items[i]);
  binq_op_list_free(&list);
  return status;
}

static binq_status run(MlirModule module, const binq_pass_arguments *arguments,
                       const binq_pass_environment *environment) {
  (void)environment;
  MlirOperation op = mlirModuleGetOperation(module);
  const char *path = binq_pass_string(arguments, "parameters");
  mover m = {.module = module, .minimum = binq_pass_integer(arguments, "minimum-size")};
  if (!mlirAttributeIsNull(binq_attribute(op, BINQ_ATTR_PARAMETERS)))
    return binq_op_error(op, "has its parameters in a file already (%s)", BINQ_ATTR_PARAMETERS);
  BINQ_TRY(binq_parameter_writer_create(path, &m.writer));
  binq_status status = move_all(&m);
  if (status || m.written == 0) {
    binq_parameter_writer_discard(m.writer);
    return status;
  }
  BINQ_TRY(binq_parameter_writer_commit(m.writer));
  mlirOperationSetAttributeByName(op, binq_str(BINQ_ATTR_PARAMETERS),
                                  binq_string_attribute(mlirModuleGetContext(module), path));
  return BINQ_OK;
}

static const binq_pass_option options[] = {
    {"parameters", BINQ_OPTION_STRING, NULL, "Parameter file to write."},
    {"minimum-size", BINQ_OPTION_INTEGER, "1024", "Fewest values of a constant that is moved."},
};

const binq_pass binq_move_constants_pass = {
    .flag = "binq-move-constants",
    .summary = "Move large constants to a parameter file",
    .description =
        "Dense f32 constants (`arith.constant`) of one or two dimensions become `binq.param`, and "
        "their values go to a parameter file, which `binq.parameters` of the module then names. "
        "Splats stay, and so do matrices whose size is not a multiple of 64 bytes. Where there is "
        "nothing to move, no file is written. Run `binq-normalize-linears` first: it wants to "
        "transpose constants.",
    .options = options,
    .option_count = sizeof(options) / sizeof(*options),
    .run = run,
};

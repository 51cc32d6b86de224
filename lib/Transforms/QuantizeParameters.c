// The parameter file: tensors are handed over function by function and written in the order in
// which the graph names them.
#include "QuantizeInternal.h"

#include <stdlib.h>
#include <string.h>

static bool is_written(const quantizer *q, const char *name) {
  for (size_t i = 0; i < q->written_count; i++)
    if (strcmp(q->written[i], name) == 0)
      return true;
  return false;
}

static new_parameter *find_pending(const quantizer *q, const char *name) {
  for (size_t i = 0; i < q->pending_count; i++)
    if (strcmp(q->pending[i].name, name) == 0)
      return &q->pending[i];
  return NULL;
}

const new_parameter *binq_pending_parameter(const quantizer *q, const char *name) {
  return find_pending(q, name);
}

bool binq_parameter_exists(const quantizer *q, const char *name) {
  return is_written(q, name) || find_pending(q, name);
}

binq_status binq_parameter_hand_over(quantizer *q, const new_parameter *parameter) {
  binq_status status = BINQ_OK;
  if (binq_parameter_exists(q, parameter->name))
    status = binq_errorf("two parameters of the quantized graph are called '%s'", parameter->name);
  if (status)
    free(parameter->data);
  else
    q->pending[q->pending_count++] = *parameter;
  return status;
}

static binq_status write_pending(quantizer *q, new_parameter *parameter) {
  binq_status status =
      binq_parameter_writer_add(q->writer, parameter->name, parameter->dtype, parameter->rank,
                                parameter->shape, parameter->data);
  free(parameter->data);
  *parameter = q->pending[--q->pending_count];
  return status;
}

/// A vector that stays as it is, such as the weights of a norm: padded with zeros.
static binq_status write_vector(quantizer *q, MlirOperation op, const char *name) {
  int64_t size;
  MlirType type = mlirValueGetType(mlirOperationGetResult(op, 0));
  if (!binq_tensor_shape(type, 1, &size) || !binq_type_is_f32(binq_element_type(type)))
    return binq_op_error(op,
                         "names '%s', which is neither a vector of f32 nor the weight of a "
                         "linear or an embedding, and has no quantized form",
                         name);
  const void *tensor;
  BINQ_TRY(q->tensors->find(q->tensors->user, name, 1, size, &tensor));
  int64_t padded = binq_round_up(size, BINQ_CHANNEL_STEP);
  float *values;
  BINQ_TRY(binq_allocate((size_t)padded, sizeof *values, name, &values));
  q->tensors->read(tensor, 0, 1, values);
  binq_status status =
      binq_parameter_writer_add(q->writer, name, BINQ_DTYPE_F32, 1, &padded, values);
  free(values);
  return status;
}

static binq_status write_parameter(MlirOperation op, void *user) {
  quantizer *q = user;
  if (!binq_op_is(op, BINQ_PARAM))
    return BINQ_OK;
  char *name;
  MlirStringRef text = binq_param_name(op);
  BINQ_TRY(binq_arena_copy_string(q->arena, text.data, text.length, &name));
  if (is_written(q, name))
    return BINQ_OK;
  new_parameter *pending = find_pending(q, name);
  BINQ_TRY(pending ? write_pending(q, pending) : write_vector(q, op, name));
  q->written[q->written_count++] = name;
  return BINQ_OK;
}

binq_status binq_write_parameters(quantizer *q, MlirOperation function) {
  return binq_walk(function, write_parameter, q);
}

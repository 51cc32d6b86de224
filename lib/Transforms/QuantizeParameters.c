// The parameter file: tensors are handed over function by function and written in the order in
// which the graph names them.
#include "QuantizeInternal.h"

#include "binq/Checkpoint/TokenizerTables.h"
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

/// Vectors of f32, each once, padded; `names` has room for all.
static void vector_bytes(const binq_op_list *params, MlirStringRef *names, int64_t *bytes) {
  size_t count = 0;
  for (size_t i = 0; i < params->count; i++) {
    MlirStringRef name = binq_param_name(params->items[i]);
    MlirType type = mlirValueGetType(mlirOperationGetResult(params->items[i], 0));
    int64_t size;
    bool is_new = binq_tensor_shape(type, 1, &size);
    for (size_t k = 0; k < count && is_new; k++)
      is_new = !mlirStringRefEqual(names[k], name);
    if (!is_new)
      continue;
    names[count++] = name;
    *bytes += binq_round_up(size, BINQ_CHANNEL_STEP) * (int64_t)sizeof(float);
  }
}

/// Order and levels of every input, and an order for each table that is looked up.
static binq_status input_bytes(const quantizer *q, int64_t *bytes) {
  binq_linear_sites sites;
  BINQ_TRY(binq_linear_sites_find(mlirModuleGetOperation(q->module), q->arena, &sites));
  int64_t input = -1;
  for (int64_t i = 0; i < sites.linear_count; i++) {
    if (sites.linears[i].input <= input)
      continue;
    input = sites.linears[i].input;
    *bytes +=
        binq_round_up(sites.linears[i].columns, BINQ_CHANNEL_STEP) * (int64_t)sizeof(uint16_t) +
        (int64_t)sizeof(binq_level_table);
  }
  for (size_t i = 0; i < q->table_count; i++)
    if (q->tables[i].embedded && q->tables[i].readers == 0)
      *bytes +=
          binq_round_up(q->tables[i].format.columns, BINQ_CHANNEL_STEP) * (int64_t)sizeof(uint16_t);
  return BINQ_OK;
}

binq_status binq_unquantized_bytes(const quantizer *q, int64_t *out) {
  const binq_model *model = binq_module_weights_model(q->weights);
  binq_op_list params;
  MlirStringRef *names;
  *out = 0;
  BINQ_TRY(input_bytes(q, out));
  BINQ_TRY(binq_collect(mlirModuleGetOperation(q->module), BINQ_PARAM, &params));
  binq_status status =
      binq_allocate(params.count, sizeof *names, "names of parameters", (void *)&names);
  if (!status) {
    vector_bytes(&params, names, out);
    free(names);
  }
  binq_op_list_free(&params);
  BINQ_TRY(status);
  if (!model)
    return BINQ_OK;
  uint8_t *tables;
  size_t size;
  BINQ_TRY(binq_tokenizer_tables(&model->vocabulary, &tables, &size));
  free(tables);
  *out += binq_round_up((int64_t)size, BINQ_PARAMETER_ALIGNMENT);
  return BINQ_OK;
}

binq_status binq_write_parameters(quantizer *q, MlirOperation function) {
  return binq_walk(function, write_parameter, q);
}

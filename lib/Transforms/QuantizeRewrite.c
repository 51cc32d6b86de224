// The graph's side of quantization: linears become binq.linear on activations that those of one
// input share.
#include "QuantizeInternal.h"

#include <stdlib.h>
#include <string.h>

static int64_t padded_columns(int64_t columns) {
  return binq_round_up(columns, BINQ_CHANNEL_STEP);
}

/// Hands over a copy of `bytes` as parameter `name`.
static binq_status hand_over_copy(quantizer *q, const char *name, binq_dtype dtype, int64_t count,
                                  const void *bytes, size_t size) {
  void *data;
  BINQ_TRY(binq_allocate(size, 1, name, &data));
  memcpy(data, bytes, size);
  return binq_parameter_hand_over(q, &(new_parameter){name, dtype, 1, {count, 0}, data});
}

/// The parameters of an input, unless an earlier function left them.
static binq_status hand_over_input(quantizer *q, const planned_input *input, const char *order,
                                   const char *levels) {
  int64_t padded = padded_columns(input->columns);
  int64_t entries = sizeof input->levels / sizeof(int32_t);
  if (!binq_parameter_exists(q, order))
    BINQ_TRY(hand_over_copy(q, order, BINQ_DTYPE_U16, padded, input->order,
                            (size_t)padded * sizeof *input->order));
  if (binq_parameter_exists(q, levels))
    return BINQ_OK;
  return hand_over_copy(q, levels, BINQ_DTYPE_I32, entries, &input->levels, sizeof input->levels);
}

/// Quantized activations of input `number`, made before the linear that reads it first.
static binq_status build_activations(quantizer *q, quantized_function *function, int64_t linear,
                                     MlirValue *out) {
  const binq_linear_site *site = &function->sites.linears[linear];
  const planned_input *input = &function->inputs[site->input];
  char *order, *levels;
  BINQ_TRY(binq_arena_format(q->arena, &order, "%s.order", input->name));
  BINQ_TRY(binq_arena_format(q->arena, &levels, "%s.levels", input->name));
  BINQ_TRY(hand_over_input(q, input, order, levels));
  binq_builder b = binq_builder_before(site->matmul);
  MlirType order_type =
      binq_vector_type(binq_integer(b.context, 16), padded_columns(input->columns));
  MlirType levels_type =
      binq_vector_type(binq_integer(b.context, 32), sizeof input->levels / sizeof(int32_t));
  binq_activation_format format = {function->plan.activation_planes[linear], input->columns,
                                   function->plan.formats[linear].int8_columns};
  MlirValue order_value = binq_build_param(&b, order, order_type);
  MlirValue levels_value = binq_build_param(&b, levels, levels_type);
  *out = binq_build_quantize_activations(&b, site->x, order_value, levels_value, &format);
  return BINQ_OK;
}

/// Weights that are read twice are stored once; calibrated, they are made for one input only.
static binq_status hand_over_weights(quantizer *q, const quantized_function *function,
                                     int64_t linear, int64_t bytes) {
  const char *name = function->sites.linears[linear].name;
  const binq_linear_format *format = &function->plan.formats[linear];
  if (function->plan.tables[linear])
    return BINQ_OK;
  if (format->form == BINQ_FORM_INT8)
    return binq_quantize_int8(q, name, format);
  if (binq_parameter_exists(q, name))
    return function->errors[linear] < 0
               ? BINQ_OK
               : binq_op_error(function->sites.linears[linear].matmul,
                               "reads the weights '%s' of another calibrated linear", name);
  uint8_t *packed;
  BINQ_TRY(binq_allocate((size_t)bytes, 1, name, &packed));
  binq_pack(&function->linears[linear], packed);
  return binq_parameter_hand_over(q, &(new_parameter){name, BINQ_DTYPE_U8, 1, {bytes, 0}, packed});
}

static void add_report(quantizer *q, const quantized_function *function, int64_t linear,
                       int64_t bytes) {
  const binq_linear_site *site = &function->sites.linears[linear];
  binq_quantized_linear_report *report = &q->linears[q->linear_count++];
  const budgeted_format *budgeted = binq_find_budgeted(q, site->name);
  *report =
      (binq_quantized_linear_report){.name = site->name,
                                     .format = function->plan.formats[linear],
                                     .bytes = bytes,
                                     .activation_planes = function->plan.activation_planes[linear],
                                     .relative_error = function->errors[linear],
                                     .divergence = budgeted ? budgeted->divergence : -1};
  memcpy(report->plane_scales, function->inputs[site->input].levels.plane_scale,
         sizeof report->plane_scales);
}

static void replace(MlirOperation matmul, MlirValue value) {
  mlirValueReplaceAllUsesOfWith(mlirOperationGetResult(matmul, 0), value);
  binq_erase_unused(matmul);
}

static binq_status rewrite_linear(quantizer *q, quantized_function *function, int64_t linear,
                                  MlirValue activations) {
  const binq_linear_site *site = &function->sites.linears[linear];
  const binq_linear_format *format = &function->plan.formats[linear];
  binq_layout layout;
  BINQ_TRY(binq_layout_of(format, &layout));
  bool shared = binq_parameter_exists(q, site->name);
  BINQ_TRY(hand_over_weights(q, function, linear, layout.bytes));
  if (!shared)
    add_report(q, function, linear, layout.bytes);
  binq_builder b = binq_builder_before(site->matmul);
  MlirType type = binq_vector_type(binq_integer(b.context, 8), layout.bytes);
  MlirValue packed = binq_build_param(&b, site->name, type);
  MlirValue value =
      binq_build_linear(&b, activations, packed, format, function->plan.activation_planes[linear],
                        mlirValueGetType(mlirOperationGetResult(site->matmul, 0)));
  replace(site->matmul, value);
  return BINQ_OK;
}

static binq_status rewrite_linears(quantizer *q, quantized_function *function,
                                   MlirValue *activations) {
  for (int64_t i = 0; i < function->sites.linear_count; i++) {
    MlirValue *shared = &activations[function->sites.linears[i].input];
    if (mlirValueIsNull(*shared))
      BINQ_TRY(build_activations(q, function, i, shared));
    BINQ_TRY(rewrite_linear(q, function, i, *shared));
  }
  return BINQ_OK;
}

/// The order of a table's channels, which its head shares.
static binq_status build_order(quantizer *q, const binq_builder *b, const quantized_table *table,
                               MlirValue *out) {
  const char *base;
  char *name;
  int64_t padded = padded_columns(table->format.columns);
  BINQ_TRY(binq_base_name(q, table->name, &base));
  BINQ_TRY(binq_arena_format(q->arena, &name, "%s.order", base));
  if (!binq_parameter_exists(q, name))
    BINQ_TRY(hand_over_copy(q, name, BINQ_DTYPE_U16, padded, table->order,
                            (size_t)padded * sizeof *table->order));
  *out = binq_build_param(b, name, binq_vector_type(binq_integer(b->context, 16), padded));
  return BINQ_OK;
}

static binq_status rewrite_embedding(quantizer *q, MlirOperation op) {
  if (binq_embedding_is_quantized(op))
    return BINQ_OK;
  MlirOperation parameter = binq_param_of(mlirOperationGetOperand(op, 1));
  int64_t shape[2];
  if (mlirOperationIsNull(parameter) ||
      !binq_tensor_shape(mlirValueGetType(mlirOperationGetOperand(op, 1)), 2, shape))
    return binq_op_error(op, "needs a binq.param as its table to be quantized");
  MlirStringRef text = binq_param_name(parameter);
  char *name;
  BINQ_TRY(binq_arena_copy_string(q->arena, text.data, text.length, &name));
  const quantized_table *table = binq_find_table(q, name);
  binq_layout layout;
  BINQ_TRY(binq_layout_of(&table->format, &layout));
  binq_builder b = binq_builder_before(op);
  MlirValue order = {NULL};
  if (table->order)
    BINQ_TRY(build_order(q, &b, table, &order));
  MlirType type = binq_vector_type(binq_integer(b.context, 8), layout.bytes);
  MlirValue bytes = binq_build_param(&b, name, type);
  MlirValue tokens = mlirOperationGetOperand(op, 0);
  replace(op, binq_build_quantized_embedding(&b, tokens, bytes, order, &table->format));
  return BINQ_OK;
}

static binq_status rewrite_embeddings(quantizer *q, MlirOperation function) {
  binq_op_list embeddings;
  BINQ_TRY(binq_collect(function, BINQ_EMBEDDING, &embeddings));
  binq_status status = BINQ_OK;
  for (size_t i = 0; i < embeddings.count && !status; i++)
    status = rewrite_embedding(q, embeddings.items[i]);
  binq_op_list_free(&embeddings);
  return status;
}

binq_status binq_rewrite_function(quantizer *q, quantized_function *function) {
  MlirValue *activations;
  BINQ_TRY(rewrite_embeddings(q, function->op));
  BINQ_TRY(binq_allocate((size_t)function->sites.input_count, sizeof *activations,
                         "quantized activations", &activations));
  binq_status status = rewrite_linears(q, function, activations);
  free(activations);
  return status;
}

/// What the dialect's text cannot say, of the operations of a quantized graph.
#include "Verify.h"

/// The layout of a format, whose error is put to `op`.
static binq_status layout_of(MlirOperation op, const binq_linear_format *format,
                             binq_layout *layout) {
  binq_status status = binq_layout_of(format, layout);
  if (!status)
    return BINQ_OK;
  binq_status error =
      binq_op_error(op, "has an impossible format: %s", binq_status_message(status));
  binq_status_free(status);
  return error;
}

/// `value` holds exactly the bytes of the layout.
static binq_status verify_bytes(MlirOperation op, MlirValue value, const binq_layout *layout) {
  int64_t bytes;
  MlirType i8 = binq_integer(mlirOperationGetContext(op), 8);
  BINQ_TRY(binq_verify_vector(op, value, "packed bytes (i8)", i8, &bytes));
  if (bytes != layout->bytes)
    return binq_op_error(op, "has %lld packed bytes where its format has %lld", (long long)bytes,
                         (long long)layout->bytes);
  return BINQ_OK;
}

/// Operand `index` is the order of so many channels.
static binq_status verify_order(MlirOperation op, int index, int64_t columns) {
  int64_t size, padded = binq_round_up(columns, BINQ_CHANNEL_STEP);
  MlirType i16 = binq_integer(mlirOperationGetContext(op), 16);
  MlirValue order = mlirOperationGetOperand(op, index);
  BINQ_TRY(binq_verify_vector(op, order, "channels (i16)", i16, &size));
  if (size != padded)
    return binq_op_error(op, "has an order of %lld channels where there are %lld", (long long)size,
                         (long long)padded);
  return BINQ_OK;
}

binq_status binq_verify_table(MlirOperation op, int64_t columns) {
  binq_linear_format format;
  binq_layout layout;
  BINQ_TRY(binq_linear_format_of(op, &format));
  BINQ_TRY(layout_of(op, &format, &layout));
  if (format.form == BINQ_FORM_GROUPED_BINARY)
    return binq_op_error(op, "needs a table of form \"planes\" or \"int8\"");
  if (format.columns != columns)
    return binq_op_error(op, "has rows of %lld values from a table %lld wide", (long long)columns,
                         (long long)format.columns);
  bool has_order = mlirOperationGetNumOperands(op) > 2;
  if (has_order != (format.form == BINQ_FORM_PLANES))
    return binq_op_error(op, has_order ? "has an order of channels for a table of form \"int8\""
                                       : "needs the order of its table's channels");
  if (has_order)
    BINQ_TRY(verify_order(op, 2, columns));
  return verify_bytes(op, mlirOperationGetOperand(op, 1), &layout);
}

static binq_status verify_planes(MlirOperation op, const binq_activation_format *format) {
  int64_t padded = binq_round_up(format->columns, BINQ_CHANNEL_STEP);
  if (format->int8_columns > padded || format->int8_columns % BINQ_CHANNEL_STEP != 0)
    return binq_op_error(op, "has int8_columns %lld, which is not a multiple of %d up to %lld",
                         (long long)format->int8_columns, BINQ_CHANNEL_STEP, (long long)padded);
  bool has_planes = format->int8_columns < padded;
  if (has_planes && format->planes != 4 && format->planes != 8)
    return binq_op_error(op, "has %lld planes, which is not 4 or 8", (long long)format->planes);
  if (!has_planes && format->planes != 0)
    return binq_op_error(op, "has %lld planes though every column is INT8",
                         (long long)format->planes);
  return BINQ_OK;
}

binq_status binq_verify_quantize_activations(MlirOperation op) {
  binq_activation_format format;
  int64_t shape[2], size;
  MlirContext context = mlirOperationGetContext(op);
  BINQ_TRY(binq_activation_format_of(op, &format));
  BINQ_TRY(verify_planes(op, &format));
  BINQ_TRY(binq_verify_matrix(op, mlirOperationGetOperand(op, 0), "input", shape));
  if (shape[1] != format.columns)
    return binq_op_error(op, "has columns %lld for rows of %lld values", (long long)format.columns,
                         (long long)shape[1]);
  MlirType i32 = binq_integer(context, 32);
  BINQ_TRY(verify_order(op, 1, format.columns));
  BINQ_TRY(binq_verify_vector(op, mlirOperationGetOperand(op, 2), "levels (i32)", i32, &size));
  if (size != (int64_t)(sizeof(binq_level_table) / sizeof(int32_t)))
    return binq_op_error(op, "has a level table of %lld entries where it takes 64",
                         (long long)size);
  return BINQ_OK;
}

/// The activations are coded as the linear reads them.
static binq_status verify_producer(MlirOperation op, const binq_linear_format *format,
                                   MlirValue result) {
  MlirOperation producer = binq_defining_op(mlirOperationGetOperand(op, 0));
  binq_activation_format activations;
  int64_t planes, rows[2], input[2];
  if (!binq_op_is(producer, BINQ_QUANTIZE_ACTIVATIONS))
    return binq_op_error(op, "needs activations made by binq.quantize_activations");
  BINQ_TRY(binq_get_integer(op, "activation_planes", &planes));
  BINQ_TRY(binq_activation_format_of(producer, &activations));
  if (activations.columns != format->columns || activations.int8_columns != format->int8_columns)
    return binq_op_error(op,
                         "reads %lld columns, %lld of them INT8, of activations with %lld, %lld",
                         (long long)format->columns, (long long)format->int8_columns,
                         (long long)activations.columns, (long long)activations.int8_columns);
  if (activations.planes != planes)
    return binq_op_error(op, "reads %lld planes of activations with %lld", (long long)planes,
                         (long long)activations.planes);
  MlirValue x = mlirOperationGetOperand(producer, 0);
  if (binq_tensor_shape(mlirValueGetType(x), 2, input) &&
      binq_tensor_shape(mlirValueGetType(result), 2, rows) && rows[0] != input[0])
    return binq_op_error(op, "has a result with other rows than its activations");
  return BINQ_OK;
}

binq_status binq_verify_linear(MlirOperation op) {
  binq_linear_format format;
  binq_layout layout;
  int64_t shape[2];
  MlirValue result = mlirOperationGetResult(op, 0);
  BINQ_TRY(binq_linear_format_of(op, &format));
  BINQ_TRY(layout_of(op, &format, &layout));
  BINQ_TRY(verify_bytes(op, mlirOperationGetOperand(op, 1), &layout));
  BINQ_TRY(binq_verify_matrix(op, result, "result", shape));
  if (shape[1] != format.rows)
    return binq_op_error(op, "has a result %lld wide where its weights have %lld rows",
                         (long long)shape[1], (long long)format.rows);
  return verify_producer(op, &format, result);
}

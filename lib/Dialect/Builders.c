#include "binq/Dialect/Dialect.h"

static const char *const form_names[] = {"grouped_binary", "planes", "int8"};

const char *binq_form_name(binq_form form) {
  return form_names[form];
}

/// The attributes that a linear and a quantized embedding share. `out` has room for 6.
static void format_attributes(MlirContext context, const binq_linear_format *format,
                              MlirNamedAttribute *out) {
  int weights = format->form == BINQ_FORM_PLANES ? format->planes : 0;
  out[0] =
      binq_named(context, "form", binq_string_attribute(context, binq_form_name(format->form)));
  out[1] = binq_named(context, "rows", binq_i64_attribute(context, format->rows));
  out[2] = binq_named(context, "columns", binq_i64_attribute(context, format->columns));
  out[3] = binq_named(context, "int8_columns", binq_i64_attribute(context, format->int8_columns));
  out[4] = binq_named(context, "plane_weights",
                      mlirDenseI32ArrayGet(context, weights, format->plane_weights));
  out[5] = binq_named(context, "planes", binq_i64_attribute(context, format->planes));
}

MlirValue binq_build_param(const binq_builder *b, const char *name, MlirType type) {
  MlirNamedAttribute attribute =
      binq_named(b->context, "name", binq_string_attribute(b->context, name));
  return binq_build_value(b, &(binq_op_parts){.name = BINQ_PARAM,
                                              .result_count = 1,
                                              .results = &type,
                                              .attribute_count = 1,
                                              .attributes = &attribute});
}

/// tensor<rows of `like` x columns x f32>
static MlirType rows_like(MlirValue like, int64_t columns) {
  MlirType type = mlirValueGetType(like);
  int64_t rows =
      mlirShapedTypeIsDynamicDim(type, 0) ? BINQ_DYNAMIC : mlirShapedTypeGetDimSize(type, 0);
  return binq_matrix_type(mlirTypeGetContext(type), rows, columns);
}

MlirValue binq_build_embedding(const binq_builder *b, MlirValue tokens, MlirValue table,
                               int64_t columns) {
  MlirType type = rows_like(tokens, columns);
  return binq_build_value(b, &(binq_op_parts){.name = BINQ_EMBEDDING,
                                              .operand_count = 2,
                                              .operands = (MlirValue[]){tokens, table},
                                              .result_count = 1,
                                              .results = &type});
}

MlirValue binq_build_quantized_embedding(const binq_builder *b, MlirValue tokens, MlirValue table,
                                         MlirValue order, const binq_linear_format *format) {
  MlirType type = rows_like(tokens, format->columns);
  MlirNamedAttribute entries[6];
  format_attributes(b->context, format, entries);
  MlirNamedAttribute attribute =
      binq_named(b->context, "format", mlirDictionaryAttrGet(b->context, 6, entries));
  return binq_build_value(b, &(binq_op_parts){.name = BINQ_EMBEDDING,
                                              .operand_count = mlirValueIsNull(order) ? 2 : 3,
                                              .operands = (MlirValue[]){tokens, table, order},
                                              .result_count = 1,
                                              .results = &type,
                                              .attribute_count = 1,
                                              .attributes = &attribute});
}

/// An operation whose result has the type of its first operand.
static MlirValue build_like(const binq_builder *b, const char *name, intptr_t operand_count,
                            const MlirValue *operands, intptr_t attribute_count,
                            const MlirNamedAttribute *attributes) {
  MlirType type = mlirValueGetType(operands[0]);
  return binq_build_value(b, &(binq_op_parts){.name = name,
                                              .operand_count = operand_count,
                                              .operands = operands,
                                              .result_count = 1,
                                              .results = &type,
                                              .attribute_count = attribute_count,
                                              .attributes = attributes});
}

MlirValue binq_build_rms_norm(const binq_builder *b, MlirValue x, MlirValue weight, float epsilon) {
  MlirNamedAttribute attribute =
      binq_named(b->context, "epsilon", binq_f32_attribute(b->context, epsilon));
  return build_like(b, BINQ_RMS_NORM, 2, (MlirValue[]){x, weight}, 1, &attribute);
}

MlirValue binq_build_rope(const binq_builder *b, MlirValue x, MlirValue positions,
                          int64_t head_size, double base) {
  MlirNamedAttribute attributes[] = {
      binq_named(b->context, "head_size", binq_i64_attribute(b->context, head_size)),
      binq_named(b->context, "base", binq_f64_attribute(b->context, base))};
  return build_like(b, BINQ_ROPE, 2, (MlirValue[]){x, positions}, 2, attributes);
}

MlirValue binq_build_attention(const binq_builder *b, MlirValue q, MlirValue k, MlirValue v,
                               MlirValue positions, MlirValue cache, int64_t head_count,
                               int64_t kv_head_count) {
  MlirNamedAttribute attributes[] = {
      binq_named(b->context, "head_count", binq_i64_attribute(b->context, head_count)),
      binq_named(b->context, "kv_head_count", binq_i64_attribute(b->context, kv_head_count))};
  return build_like(b, BINQ_ATTENTION, 5, (MlirValue[]){q, k, v, positions, cache}, 2, attributes);
}

MlirValue binq_build_swiglu(const binq_builder *b, MlirValue gate, MlirValue up) {
  return build_like(b, BINQ_SWIGLU, 2, (MlirValue[]){gate, up}, 0, NULL);
}

MlirValue binq_build_quantize_activations(const binq_builder *b, MlirValue x, MlirValue order,
                                          MlirValue levels, const binq_activation_format *format) {
  MlirContext context = b->context;
  MlirType type = binq_activations_type(context);
  MlirNamedAttribute attributes[] = {
      binq_named(context, "planes", binq_i64_attribute(context, format->planes)),
      binq_named(context, "columns", binq_i64_attribute(context, format->columns)),
      binq_named(context, "int8_columns", binq_i64_attribute(context, format->int8_columns))};
  return binq_build_value(b, &(binq_op_parts){.name = BINQ_QUANTIZE_ACTIVATIONS,
                                              .operand_count = 3,
                                              .operands = (MlirValue[]){x, order, levels},
                                              .result_count = 1,
                                              .results = &type,
                                              .attribute_count = 3,
                                              .attributes = attributes});
}

MlirValue binq_build_linear(const binq_builder *b, MlirValue activations, MlirValue packed,
                            const binq_linear_format *format, int64_t activation_planes,
                            MlirType result) {
  MlirNamedAttribute attributes[7];
  format_attributes(b->context, format, attributes);
  attributes[6] = binq_named(b->context, "activation_planes",
                             binq_i64_attribute(b->context, activation_planes));
  return binq_build_value(b, &(binq_op_parts){.name = BINQ_LINEAR,
                                              .operand_count = 2,
                                              .operands = (MlirValue[]){activations, packed},
                                              .result_count = 1,
                                              .results = &result,
                                              .attribute_count = 7,
                                              .attributes = attributes});
}

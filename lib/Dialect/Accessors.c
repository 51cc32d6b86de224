#include "binq/Dialect/Dialect.h"

#include <string.h>

MlirStringRef binq_param_name(MlirOperation op) {
  MlirStringRef name = {"", 0};
  binq_attribute_string(binq_attribute(op, "name"), &name);
  return name;
}

MlirOperation binq_param_of(MlirValue value) {
  MlirOperation op = binq_defining_op(value);
  return binq_op_is(op, BINQ_PARAM) ? op : (MlirOperation){NULL};
}

bool binq_op_only_tells(MlirOperation op) {
  static const char *const names[] = {BINQ_PARAM, "tensor.dim", "tensor.empty", "linalg.fill",
                                      "arith.constant"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (binq_op_is(op, names[i]))
      return true;
  return false;
}

bool binq_embedding_is_quantized(MlirOperation op) {
  return !mlirAttributeIsNull(binq_attribute(op, "format"));
}

// --- formats

/// The attribute of an operation, or the entry of its dictionary `format`.
static MlirAttribute format_entry(MlirOperation op, const char *name) {
  if (binq_op_is(op, BINQ_EMBEDDING))
    return binq_dictionary_entry(binq_attribute(op, "format"), name);
  return binq_attribute(op, name);
}

static binq_status format_integer(MlirOperation op, const char *name, int64_t limit, int64_t *out) {
  if (!binq_attribute_integer(format_entry(op, name), out))
    return binq_op_error(op, "needs an integer '%s' in its format", name);
  if (*out < 0 || *out > limit)
    return binq_op_error(op, "has '%s' = %lld, which is not from 0 to %lld", name, (long long)*out,
                         (long long)limit);
  return BINQ_OK;
}

static binq_status format_form(MlirOperation op, binq_form *out) {
  MlirStringRef name;
  if (!binq_attribute_string(format_entry(op, "form"), &name))
    return binq_op_error(op, "needs a string 'form' in its format");
  for (int form = BINQ_FORM_GROUPED_BINARY; form <= BINQ_FORM_INT8; ++form) {
    if (binq_str_equal(name, binq_form_name((binq_form)form))) {
      *out = (binq_form)form;
      return BINQ_OK;
    }
  }
  return binq_op_error(op, "has form \"%.*s\", which is not grouped_binary, planes or int8",
                       BINQ_STR_ARGS(name));
}

static binq_status format_plane_weights(MlirOperation op, binq_linear_format *format) {
  MlirAttribute weights = format_entry(op, "plane_weights");
  if (mlirAttributeIsNull(weights) || !mlirAttributeIsADenseI32Array(weights))
    return binq_op_error(op, "needs an array<i32> 'plane_weights' in its format");
  intptr_t expected = format->form == BINQ_FORM_PLANES ? format->planes : 0;
  if (mlirDenseArrayGetNumElements(weights) != expected)
    return binq_op_error(op, "has %lld plane weights where its form has %lld",
                         (long long)mlirDenseArrayGetNumElements(weights), (long long)expected);
  memset(format->plane_weights, 0, sizeof(format->plane_weights));
  for (intptr_t i = 0; i < expected; ++i)
    format->plane_weights[i] = mlirDenseI32ArrayGetElement(weights, i);
  return BINQ_OK;
}

binq_status binq_linear_format_of(MlirOperation op, binq_linear_format *out) {
  int64_t planes;
  BINQ_TRY(format_form(op, &out->form));
  BINQ_TRY(format_integer(op, "rows", INT32_MAX, &out->rows));
  BINQ_TRY(format_integer(op, "columns", INT32_MAX, &out->columns));
  BINQ_TRY(format_integer(op, "int8_columns", INT32_MAX, &out->int8_columns));
  BINQ_TRY(format_integer(op, "planes", BINQ_MAX_WEIGHT_PLANES, &planes));
  out->planes = (int)planes;
  return format_plane_weights(op, out);
}

binq_status binq_activation_format_of(MlirOperation op, binq_activation_format *out) {
  BINQ_TRY(format_integer(op, "planes", BINQ_MAX_ACTIVATION_PLANES, &out->planes));
  BINQ_TRY(format_integer(op, "columns", INT32_MAX, &out->columns));
  return format_integer(op, "int8_columns", INT32_MAX, &out->int8_columns);
}

binq_status binq_cache_format_of(MlirOperation op, binq_cache_format *out) {
  MlirStringRef name;
  MlirAttribute attribute = binq_attribute(op, BINQ_ATTR_CACHE_FORMAT);
  *out = BINQ_CACHE_FLOAT;
  if (mlirAttributeIsNull(attribute))
    return BINQ_OK;
  bool is_string = binq_attribute_string(attribute, &name);
  if (is_string && binq_str_equal(name, "int8"))
    *out = BINQ_CACHE_INT8;
  else if (is_string && binq_str_equal(name, "int4"))
    *out = BINQ_CACHE_INT4;
  else
    return binq_op_error(op, "has a '%s' that is not \"int8\" or \"int4\"", BINQ_ATTR_CACHE_FORMAT);
  return BINQ_OK;
}

// --- binq.model

/// The integer fields of binq.model and the ranges they are in.
#define MODEL_INTEGERS(X)                                                                          \
  X(hidden_size, 1)                                                                                \
  X(ffn_size, 1)                                                                                   \
  X(layer_count, 1)                                                                                \
  X(head_count, 1)                                                                                 \
  X(kv_head_count, 1)                                                                              \
  X(head_size, 1)                                                                                  \
  X(vocabulary_size, 1)                                                                            \
  X(context_length, 1)                                                                             \
  X(bos, -1)                                                                                       \
  X(eos, -1)

void binq_model_info_set(MlirModule module, const binq_model_info *info) {
  MlirContext context = mlirModuleGetContext(module);
  MlirNamedAttribute entries[16];
  intptr_t count = 0;
#define SET(field, minimum)                                                                        \
  entries[count++] = binq_named(context, #field, binq_i64_attribute(context, info->field));
  MODEL_INTEGERS(SET)
#undef SET
  entries[count++] =
      binq_named(context, "norm_epsilon", binq_f32_attribute(context, info->norm_epsilon));
  entries[count++] = binq_named(context, "rope_base", binq_f64_attribute(context, info->rope_base));
  entries[count++] = binq_named(context, "name", mlirStringAttrGet(context, info->name));
  entries[count++] = binq_named(context, "license", mlirStringAttrGet(context, info->license));
  mlirOperationSetAttributeByName(mlirModuleGetOperation(module), binq_str(BINQ_ATTR_MODEL),
                                  mlirDictionaryAttrGet(context, count, entries));
}

static binq_status model_integer(MlirOperation module, const char *name, int64_t minimum,
                                 int64_t *out) {
  MlirAttribute model = binq_attribute(module, BINQ_ATTR_MODEL);
  if (!binq_attribute_integer(binq_dictionary_entry(model, name), out))
    return binq_op_error(module, "needs an integer '%s' in its attribute binq.model", name);
  if (*out < minimum || *out > INT32_MAX)
    return binq_op_error(module, "has %s = %lld in binq.model, which is not from %lld to %d", name,
                         (long long)*out, (long long)minimum, INT32_MAX);
  return BINQ_OK;
}

static binq_status model_number(MlirOperation module, const char *name, double *out) {
  MlirAttribute model = binq_attribute(module, BINQ_ATTR_MODEL);
  if (!binq_attribute_number(binq_dictionary_entry(model, name), out))
    return binq_op_error(module, "needs a number '%s' in its attribute binq.model", name);
  if (!(*out > 0 && *out < 1e30))
    return binq_op_error(module, "has %s = %g in binq.model, which is not positive", name, *out);
  return BINQ_OK;
}

static binq_status model_string(MlirOperation module, const char *name, MlirStringRef *out) {
  MlirAttribute model = binq_attribute(module, BINQ_ATTR_MODEL);
  if (!binq_attribute_string(binq_dictionary_entry(model, name), out))
    return binq_op_error(module, "needs a string '%s' in its attribute binq.model", name);
  return BINQ_OK;
}

binq_status binq_model_info_get(MlirModule module, binq_model_info *out) {
  MlirOperation op = mlirModuleGetOperation(module);
  double epsilon;
#define GET(field, minimum) BINQ_TRY(model_integer(op, #field, minimum, &out->field));
  MODEL_INTEGERS(GET)
#undef GET
  BINQ_TRY(model_number(op, "norm_epsilon", &epsilon));
  out->norm_epsilon = (float)epsilon;
  BINQ_TRY(model_number(op, "rope_base", &out->rope_base));
  BINQ_TRY(model_string(op, "name", &out->name));
  return model_string(op, "license", &out->license);
}

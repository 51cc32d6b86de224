/// What the dialect's text cannot say, of the operations of a float graph and of the module.
#include "Verify.h"

#include <stdlib.h>
#include <string.h>

binq_status binq_verify_matrix(MlirOperation op, MlirValue value, const char *what,
                               int64_t shape[2]) {
  MlirType type = mlirValueGetType(value);
  if (binq_tensor_shape(type, 2, shape) && binq_type_is_f32(binq_element_type(type)) &&
      shape[1] > 0 && shape[1] <= INT32_MAX)
    return BINQ_OK;
  return binq_op_error(op, "needs a tensor of rows of f32, of known width, as its %s", what);
}

binq_status binq_verify_vector(MlirOperation op, MlirValue value, const char *what,
                               MlirType element, int64_t *size) {
  MlirType type = mlirValueGetType(value);
  if (!binq_tensor_shape(type, 1, size) || !mlirTypeEqual(binq_element_type(type), element))
    return binq_op_error(op, "needs a vector of %s", what);
  return BINQ_OK;
}

static binq_status verify_indices(MlirOperation op, MlirValue value, const char *what,
                                  int64_t rows) {
  int64_t count;
  MlirType i32 = binq_integer(mlirOperationGetContext(op), 32);
  BINQ_TRY(binq_verify_vector(op, value, what, i32, &count));
  if (count != rows)
    return binq_op_error(op, "needs one of its %s a row", what);
  return BINQ_OK;
}

/// Names are looked up as C strings.
static bool has_nul(MlirStringRef text) {
  return memchr(text.data, '\0', text.length) != NULL;
}

static binq_status verify_param(MlirOperation op) {
  MlirType type = mlirValueGetType(mlirOperationGetResult(op, 0));
  if (binq_param_name(op).length == 0)
    return binq_op_error(op, "has an empty name");
  if (has_nul(binq_param_name(op)))
    return binq_op_error(op, "has a name with a NUL character in it");
  if (!binq_tensor_shape(type, 1, NULL) && !binq_tensor_shape(type, 2, NULL))
    return binq_op_error(op, "needs a result of one or two dimensions");
  if (!mlirShapedTypeHasStaticShape(type))
    return binq_op_error(op, "needs a result whose size is known");
  MlirType element = binq_element_type(type);
  if (!binq_type_is_f32(element) && !binq_type_is_integer(element, 8) &&
      !binq_type_is_integer(element, 16) && !binq_type_is_integer(element, 32))
    return binq_op_error(op, "needs a result of f32, i8, i16 or i32");
  return BINQ_OK;
}

static binq_status verify_embedding(MlirOperation op) {
  int64_t result[2], table[2];
  BINQ_TRY(binq_verify_matrix(op, mlirOperationGetResult(op, 0), "result", result));
  BINQ_TRY(verify_indices(op, mlirOperationGetOperand(op, 0), "tokens", result[0]));
  if (binq_embedding_is_quantized(op))
    return binq_verify_table(op, result[1]);
  if (mlirOperationGetNumOperands(op) > 2)
    return binq_op_error(op, "has an order of channels for a table of f32");
  BINQ_TRY(binq_verify_matrix(op, mlirOperationGetOperand(op, 1), "table", table));
  if (table[0] == BINQ_DYNAMIC)
    return binq_op_error(op, "needs a table with a known number of rows");
  if (table[1] != result[1])
    return binq_op_error(op, "has rows of %lld values from a table %lld wide", (long long)result[1],
                         (long long)table[1]);
  return BINQ_OK;
}

static binq_status verify_rms_norm(MlirOperation op) {
  int64_t shape[2], size;
  double epsilon;
  BINQ_TRY(binq_verify_matrix(op, mlirOperationGetOperand(op, 0), "input", shape));
  BINQ_TRY(binq_verify_vector(op, mlirOperationGetOperand(op, 1), "f32 weights",
                              binq_f32(mlirOperationGetContext(op)), &size));
  BINQ_TRY(binq_get_number(op, "epsilon", &epsilon));
  if (size != shape[1] && size != binq_round_up(shape[1], BINQ_CHANNEL_STEP))
    return binq_op_error(op, "has %lld weights for rows of %lld values", (long long)size,
                         (long long)shape[1]);
  if (!(epsilon >= 0 && epsilon < 1))
    return binq_op_error(op, "has epsilon %g, which is not from 0 to 1", epsilon);
  return BINQ_OK;
}

static binq_status verify_rope(MlirOperation op) {
  int64_t shape[2], head_size;
  double base;
  BINQ_TRY(binq_verify_matrix(op, mlirOperationGetOperand(op, 0), "input", shape));
  BINQ_TRY(verify_indices(op, mlirOperationGetOperand(op, 1), "positions", shape[0]));
  BINQ_TRY(binq_get_integer(op, "head_size", &head_size));
  BINQ_TRY(binq_get_number(op, "base", &base));
  if (head_size < 2 || head_size % 2 != 0 || shape[1] % head_size != 0)
    return binq_op_error(op, "has head_size %lld, which is odd or does not divide the width %lld",
                         (long long)head_size, (long long)shape[1]);
  if (!(base > 0 && base < 1e30))
    return binq_op_error(op, "has base %g, which is not positive", base);
  return BINQ_OK;
}

static binq_status verify_heads(MlirOperation op) {
  int64_t q[2], kv[2], heads, kv_heads;
  binq_cache_format format;
  BINQ_TRY(binq_verify_matrix(op, mlirOperationGetOperand(op, 0), "queries", q));
  BINQ_TRY(binq_verify_matrix(op, mlirOperationGetOperand(op, 1), "keys", kv));
  BINQ_TRY(binq_get_integer(op, "head_count", &heads));
  BINQ_TRY(binq_get_integer(op, "kv_head_count", &kv_heads));
  if (heads < 1 || q[1] % heads != 0)
    return binq_op_error(op, "has head_count %lld, which does not divide the width %lld",
                         (long long)heads, (long long)q[1]);
  if (kv_heads < 1 || heads % kv_heads != 0)
    return binq_op_error(op, "has kv_head_count %lld, which does not divide head_count %lld",
                         (long long)kv_heads, (long long)heads);
  int64_t kv_width = q[1] / heads * kv_heads;
  if (kv[1] != kv_width)
    return binq_op_error(op, "has keys %lld wide where its queries ask for %lld", (long long)kv[1],
                         (long long)kv_width);
  if (kv[0] != q[0])
    return binq_op_error(op, "has queries and keys of different row counts");
  return binq_cache_format_of(op, &format);
}

static binq_status verify_attention(MlirOperation op) {
  int64_t q[2];
  BINQ_TRY(verify_heads(op));
  BINQ_TRY(binq_verify_matrix(op, mlirOperationGetOperand(op, 0), "queries", q));
  return verify_indices(op, mlirOperationGetOperand(op, 3), "positions", q[0]);
}

static binq_status verify_rows(MlirOperation op) {
  int64_t shape[2];
  return binq_verify_matrix(op, mlirOperationGetOperand(op, 0), "first operand", shape);
}

static binq_status verify_linear_gradient(MlirOperation op) {
  int64_t x[2], weight[2], dy[2];
  BINQ_TRY(binq_verify_matrix(op, mlirOperationGetOperand(op, 0), "input", x));
  BINQ_TRY(binq_verify_matrix(op, mlirOperationGetOperand(op, 1), "weight", weight));
  BINQ_TRY(binq_verify_matrix(op, mlirOperationGetOperand(op, 2), "gradient", dy));
  if (weight[0] != dy[1] || weight[1] != x[1])
    return binq_op_error(op, "has a weight that does not take rows of %lld values to %lld",
                         (long long)x[1], (long long)dy[1]);
  if (x[0] != dy[0])
    return binq_op_error(op, "has an input and a gradient of different row counts");
  return BINQ_OK;
}

typedef struct {
  const char *name;
  binq_status (*verify)(MlirOperation op);
} op_verifier;

static const op_verifier verifiers[] = {
    {BINQ_PARAM, verify_param},
    {BINQ_EMBEDDING, verify_embedding},
    {BINQ_RMS_NORM, verify_rms_norm},
    {BINQ_ROPE, verify_rope},
    {BINQ_ATTENTION, verify_attention},
    {BINQ_SWIGLU, verify_rows},
    {BINQ_QUANTIZE_ACTIVATIONS, binq_verify_quantize_activations},
    {BINQ_LINEAR, binq_verify_linear},
    {BINQ_OUTPUT_GRADIENT, verify_rows},
    {BINQ_LINEAR_GRADIENT, verify_linear_gradient},
    {BINQ_RMS_NORM_GRADIENT, verify_rms_norm},
    {BINQ_ROPE_GRADIENT, verify_rope},
    {BINQ_ATTENTION_GRADIENT, verify_heads},
    {BINQ_SWIGLU_GRADIENT, verify_rows},
};

/// Keeps the first error and goes on, so that every violation is emitted.
static binq_status verify_op(MlirOperation op, void *user) {
  binq_status *first = user;
  for (size_t i = 0; i < sizeof(verifiers) / sizeof(*verifiers); ++i)
    if (binq_op_is(op, verifiers[i].name))
      *first = binq_status_join(*first, verifiers[i].verify(op));
  return BINQ_OK;
}

static int compare_params(const void *left, const void *right) {
  MlirStringRef a = binq_param_name(*(const MlirOperation *)left);
  MlirStringRef b = binq_param_name(*(const MlirOperation *)right);
  size_t shared = a.length < b.length ? a.length : b.length;
  int order = shared ? memcmp(a.data, b.data, shared) : 0;
  if (order != 0)
    return order;
  return a.length < b.length ? -1 : a.length > b.length;
}

/// A parameter has one type wherever it is read.
static binq_status verify_param_types(MlirOperation module) {
  binq_op_list params;
  BINQ_TRY(binq_collect(module, BINQ_PARAM, &params));
  if (params.count > 1)
    qsort(params.items, params.count, sizeof(*params.items), compare_params);
  binq_status status = BINQ_OK;
  for (size_t i = 1; i < params.count; ++i) {
    MlirOperation op = params.items[i];
    MlirType type = mlirValueGetType(mlirOperationGetResult(op, 0));
    MlirType before = mlirValueGetType(mlirOperationGetResult(params.items[i - 1], 0));
    if (compare_params(&params.items[i - 1], &op) == 0 && !mlirTypeEqual(type, before))
      status = binq_status_join(status,
                                binq_op_error(op, "reads '%.*s', which has another type elsewhere",
                                              BINQ_STR_ARGS(binq_param_name(op))));
  }
  binq_op_list_free(&params);
  return status;
}

static binq_status verify_path(MlirOperation module, const char *name) {
  MlirStringRef path;
  MlirAttribute attribute = binq_attribute(module, name);
  if (mlirAttributeIsNull(attribute))
    return BINQ_OK;
  if (!binq_attribute_string(attribute, &path) || path.length == 0 || has_nul(path))
    return binq_op_error(module, "has an attribute '%s' that is no file name", name);
  return BINQ_OK;
}

static binq_status verify_roles(MlirModule module) {
  binq_op_list functions;
  BINQ_TRY(binq_functions(module, NULL, &functions));
  binq_status status = BINQ_OK;
  for (size_t i = 0; i < functions.count; ++i) {
    MlirStringRef role;
    MlirAttribute attribute = binq_attribute(functions.items[i], BINQ_ATTR_ROLE);
    if (mlirAttributeIsNull(attribute))
      continue;
    if (!binq_attribute_string(attribute, &role) ||
        !(binq_str_equal(role, "embed") || binq_str_equal(role, "layer") ||
          binq_str_equal(role, "head") || binq_str_equal(role, "gradient")))
      status = binq_status_join(status,
                                binq_op_error(functions.items[i],
                                              "has a binq.role that is not \"embed\", \"layer\", "
                                              "\"head\" or \"gradient\""));
  }
  binq_op_list_free(&functions);
  return status;
}

binq_status binq_verify(MlirModule module) {
  MlirOperation op = mlirModuleGetOperation(module);
  binq_status status = verify_path(op, BINQ_ATTR_SOURCE);
  status = binq_status_join(status, verify_path(op, BINQ_ATTR_PARAMETERS));
  binq_model_info info;
  if (!mlirAttributeIsNull(binq_attribute(op, BINQ_ATTR_MODEL)))
    status = binq_status_join(status, binq_model_info_get(module, &info));
  status = binq_status_join(status, verify_roles(module));
  binq_status violations = BINQ_OK;
  status = binq_status_join(status, binq_walk(op, verify_op, &violations));
  status = binq_status_join(status, violations);
  return binq_status_join(status, verify_param_types(op));
}

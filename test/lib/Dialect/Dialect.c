/// The dialect from C: what is built verifies, what is set is read back, what is unused goes.
#include "Check.h"

#include "binq/Dialect/Dialect.h"

static MlirLogicalResult swallow(MlirDiagnostic diagnostic, void *user) {
  (void)diagnostic;
  ++*(int *)user;
  return mlirLogicalResultSuccess();
}

static MlirModule empty_module(MlirContext context) {
  return mlirModuleCreateEmpty(mlirLocationUnknownGet(context));
}

static void test_load(MlirContext context) {
  CHECK_STATUS_OK(binq_dialect_load(context));
  CHECK(mlirContextIsRegisteredOperation(context, binq_str(BINQ_LINEAR)));
  CHECK(!mlirTypeIsNull(binq_cache_type(context)));
  CHECK(!mlirTypeEqual(binq_cache_type(context), binq_activations_type(context)));
}

static void test_model_info(MlirContext context) {
  MlirModule module = empty_module(context);
  binq_model_info in = {.hidden_size = 64,
                        .ffn_size = 96,
                        .layer_count = 2,
                        .head_count = 4,
                        .kv_head_count = 2,
                        .head_size = 16,
                        .vocabulary_size = 288,
                        .context_length = 128,
                        .norm_epsilon = 1e-5F,
                        .rope_base = 1e5,
                        .bos = -1,
                        .eos = 2,
                        .name = binq_str("a \"model\"\n"),
                        .license = binq_str("")};
  binq_model_info out;
  binq_model_info_set(module, &in);
  CHECK_STATUS_OK(binq_model_info_get(module, &out));
  CHECK_EQ_INT(out.hidden_size, 64);
  CHECK_EQ_INT(out.kv_head_count, 2);
  CHECK_EQ_INT(out.bos, -1);
  CHECK(out.norm_epsilon == 1e-5F);
  CHECK(out.rope_base == 1e5);
  CHECK(binq_str_equal(out.name, "a \"model\"\n"));
  CHECK_EQ_INT(out.license.length, 0);
  in.rope_base = -1;
  binq_model_info_set(module, &in);
  CHECK_STATUS_FAILS(binq_model_info_get(module, &out), "rope_base = -1");
  mlirModuleDestroy(module);
}

static void check_same_format(const binq_linear_format *a, const binq_linear_format *b) {
  CHECK_EQ_INT(a->form, b->form);
  CHECK_EQ_INT(a->rows, b->rows);
  CHECK_EQ_INT(a->columns, b->columns);
  CHECK_EQ_INT(a->planes, b->planes);
  CHECK_EQ_INT(a->int8_columns, b->int8_columns);
  CHECK(memcmp(a->plane_weights, b->plane_weights, sizeof(a->plane_weights)) == 0);
}

/// A function with a quantized linear of every form, built by the typed builders.
static void test_builders(MlirContext context) {
  MlirModule module = empty_module(context);
  MlirLocation location = mlirLocationUnknownGet(context);
  MlirType x_type = binq_matrix_type(context, BINQ_DYNAMIC, 64);
  MlirType y_type = binq_matrix_type(context, BINQ_DYNAMIC, 20);
  MlirType i8 = binq_integer(context, 8);
  MlirOperation function =
      binq_build_function(module, "f", "layer", location, 1, &x_type, 1, &y_type);
  MlirBlock body = binq_function_body(function);
  binq_builder b = binq_builder_at_end(body, location);
  binq_linear_format formats[] = {
      {20, 64, 32, BINQ_FORM_GROUPED_BINARY, 2, {0}},
      {20, 64, 32, BINQ_FORM_PLANES, 3, {1, 2, 4}},
      {20, 64, 64, BINQ_FORM_INT8, 0, {0}},
  };
  MlirValue y = {NULL};
  for (int i = 0; i < 3; ++i) {
    char name[16];
    binq_layout layout;
    binq_linear_format read;
    CHECK_STATUS_OK(binq_layout_of(&formats[i], &layout));
    binq_activation_format coded = {i == 2 ? 0 : 4, 64, formats[i].int8_columns};
    MlirValue order =
        binq_build_param(&b, "order", binq_vector_type(binq_integer(context, 16), 64));
    MlirValue levels =
        binq_build_param(&b, "levels", binq_vector_type(binq_integer(context, 32), 64));
    MlirValue activations =
        binq_build_quantize_activations(&b, mlirBlockGetArgument(body, 0), order, levels, &coded);
    snprintf(name, sizeof(name), "w%d", i);
    MlirValue packed = binq_build_param(&b, name, binq_vector_type(i8, layout.bytes));
    y = binq_build_linear(&b, activations, packed, &formats[i], coded.planes, y_type);
    CHECK_STATUS_OK(binq_linear_format_of(binq_defining_op(y), &read));
    check_same_format(&read, &formats[i]);
    CHECK(binq_str_equal(binq_param_name(binq_param_of(packed)), name));
  }
  binq_build_return(&b, 1, &y);
  CHECK(mlirOperationVerify(mlirModuleGetOperation(module)));
  CHECK_STATUS_OK(binq_verify(module));
  binq_op_list functions;
  CHECK_STATUS_OK(binq_functions(module, "layer", &functions));
  CHECK_EQ_INT(functions.count, 1);
  binq_op_list_free(&functions);
  CHECK_STATUS_OK(binq_functions(module, "head", &functions));
  CHECK_EQ_INT(functions.count, 0);
  binq_op_list_free(&functions);
  CHECK(mlirOperationEqual(binq_function(module, "f"), function));
  CHECK(mlirOperationIsNull(binq_function(module, "g")));
  mlirModuleDestroy(module);
}

static int count_operations(MlirBlock block) {
  int count = 0;
  MlirOperation op = mlirBlockGetFirstOperation(block);
  for (; !mlirOperationIsNull(op); op = mlirOperationGetNextInBlock(op))
    ++count;
  return count;
}

static void test_matmul(MlirContext context) {
  MlirModule module = empty_module(context);
  MlirLocation location = mlirLocationUnknownGet(context);
  MlirType x_type = binq_matrix_type(context, BINQ_DYNAMIC, 64);
  MlirOperation function = binq_build_function(module, "f", NULL, location, 1, &x_type, 0, NULL);
  MlirBlock body = binq_function_body(function);
  binq_builder b = binq_builder_at_end(body, location);
  MlirValue found_x, found_weight, x = mlirBlockGetArgument(body, 0);
  MlirValue weight = binq_build_param(&b, "w", binq_matrix_type(context, 20, 64));
  MlirValue y = binq_build_matmul(&b, x, weight);
  binq_build_return(&b, 0, NULL);
  CHECK(mlirOperationVerify(mlirModuleGetOperation(module)));
  CHECK(binq_match_matmul(binq_defining_op(y), &found_x, &found_weight));
  CHECK(mlirValueEqual(found_x, x));
  CHECK(mlirValueEqual(found_weight, weight));
  CHECK(!binq_match_matmul(binq_defining_op(weight), NULL, NULL));
  // Nothing reads the product: it goes, and all that was there for it.
  binq_erase_unused(binq_defining_op(y));
  CHECK_EQ_INT(count_operations(body), 1);
  mlirModuleDestroy(module);
}

static void test_errors(MlirContext context, const int *emitted) {
  int before = *emitted;
  MlirLocation place = mlirLocationFileLineColGet(context, binq_str("a.mlir"), 3, 5);
  MlirModule module = mlirModuleCreateEmpty(mlirLocationNameGet(context, binq_str("n"), place));
  MlirOperation op = mlirModuleGetOperation(module);
  int64_t value;
  CHECK_STATUS_FAILS(binq_op_error(op, "is %s", "wrong"),
                     "a.mlir:3:5: 'builtin.module' op is wrong");
  CHECK_STATUS_FAILS(binq_get_integer(op, "size", &value), "needs an integer attribute 'size'");
  CHECK_EQ_INT(*emitted, before + 2);
  mlirOperationSetAttributeByName(op, binq_str("size"),
                                  mlirIntegerAttrGet(mlirIntegerTypeUnsignedGet(context, 64), 1));
  CHECK(!binq_attribute_integer(binq_attribute(op, "size"), &value));
  mlirModuleDestroy(module);
}

int main(void) {
  int emitted = 0;
  MlirContext context = mlirContextCreateWithThreading(false);
  mlirContextAttachDiagnosticHandler(context, swallow, &emitted, NULL);
  CHECK_STATUS_OK(binq_dialect_load(context));
  test_load(context);
  test_model_info(context);
  test_builders(context);
  test_matmul(context);
  test_errors(context, &emitted);
  mlirContextDestroy(context);
  return check_result();
}

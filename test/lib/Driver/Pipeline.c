/// Pipelines from C: how the tools put them together, and what a caller learns of errors.
#include "Check.h"

#include "binq/Dialect/Dialect.h"
#include "binq/Driver/Diagnostics.h"
#include "binq/Driver/Pipeline.h"

static const binq_pass_environment environment = {0};

static binq_status run_text(MlirContext context, binq_pipeline *pipeline, const char *text) {
  MlirModule module = mlirModuleCreateParse(context, binq_str(text));
  REQUIRE(!mlirModuleIsNull(module));
  binq_status status = binq_pipeline_run(pipeline, module, &environment, false);
  mlirModuleDestroy(module);
  return status;
}

static void test_building(MlirContext context) {
  binq_pipeline *pipeline;
  CHECK_STATUS_OK(binq_pipeline_create(context, &pipeline));
  CHECK_STATUS_FAILS(binq_pipeline_set(pipeline, "model", "x"), "no pass of binq");
  CHECK_STATUS_FAILS(binq_pipeline_add(pipeline, "cse", NULL), "'cse' is not a pass of binq");
  CHECK_STATUS_OK(binq_pipeline_add(pipeline, "binq-import", NULL));
  CHECK_STATUS_FAILS(binq_pipeline_set(pipeline, "modle", "x"), "no option 'modle'");
  // A value that would need quotes in a text is taken as it is, and used.
  CHECK_STATUS_OK(binq_pipeline_set(pipeline, "model", "/no where/'x' {y}.gguf"));
  CHECK_STATUS_FAILS(binq_pipeline_set(pipeline, "model", "z"), "given twice");
  CHECK_STATUS_FAILS(run_text(context, pipeline, "module {}"), "/no where/'x' {y}.gguf");
  binq_pipeline_destroy(pipeline);
  binq_pipeline_destroy(NULL);
}

static const char bufferless[] = "func.func @f() -> tensor<8xf32> {\n"
                                 "%0 = \"binq.param\"() {name = \"a\"} : () -> tensor<8xf32>\n"
                                 "return %0 : tensor<8xf32>\n}";

/// An error of an operation tells its place, that of a pass of MLIR too.
static void test_errors(MlirContext context) {
  binq_pipeline *pipeline;
  CHECK_STATUS_OK(binq_pipeline_create(context, &pipeline));
  CHECK_STATUS_OK(binq_pipeline_add(pipeline, "binq-import", "model=x"));
  CHECK_STATUS_FAILS(run_text(context, pipeline, "\nfunc.func private @f()"),
                     "-:2:1: 'func.func' op is in the module");
  binq_pipeline_destroy(pipeline);
  CHECK_STATUS_OK(binq_pipeline_create(context, &pipeline));
  CHECK_STATUS_OK(binq_pipeline_add(pipeline, "binq-import", NULL));
  CHECK_STATUS_FAILS(run_text(context, pipeline, "module {}"),
                     "binq-import needs its option 'model'");
  binq_pipeline_destroy(pipeline);
  CHECK_STATUS_OK(binq_pipeline_create(context, &pipeline));
  CHECK_STATUS_OK(binq_pipeline_parse(pipeline, "builtin.module(one-shot-bufferize)"));
  CHECK_STATUS_FAILS(run_text(context, pipeline, bufferless), "-:2:6: op was not bufferized");
  binq_pipeline_destroy(pipeline);
}

/// One pipeline serves many modules.
static void test_reuse(MlirContext context) {
  binq_pipeline *pipeline;
  CHECK_STATUS_OK(binq_pipeline_create(context, &pipeline));
  CHECK_STATUS_OK(binq_pipeline_parse(
      pipeline, "builtin.module(cse,binq-normalize-linears,func.func(canonicalize),symbol-dce)"));
  for (int i = 0; i < 3; ++i)
    CHECK_STATUS_OK(run_text(context, pipeline, "func.func private @f()"));
  binq_pipeline_destroy(pipeline);
}

static void test_table(void) {
  size_t count;
  const binq_pass *const *passes = binq_passes(&count);
  CHECK(count > 0);
  for (size_t i = 0; i < count; ++i) {
    CHECK(binq_pass_find(passes[i]->flag, strlen(passes[i]->flag)) == passes[i]);
    CHECK(strncmp(passes[i]->flag, "binq-", 5) == 0);
    CHECK(passes[i]->summary[0] && passes[i]->description[0]);
    for (size_t j = 0; j < passes[i]->option_count; ++j)
      CHECK(passes[i]->options[j].help[0]);
  }
  CHECK(!binq_pass_find("binq-", 5));
}

int main(void) {
  MlirContext context = mlirContextCreateWithThreading(false);
  CHECK_STATUS_OK(binq_dialect_load(context));
  MlirDiagnosticHandlerID handler = binq_diagnostics_silence(context);
  test_building(context);
  test_errors(context);
  test_reuse(context);
  test_table();
  mlirContextDetachDiagnosticHandler(context, handler);
  mlirContextDestroy(context);
  return check_result();
}

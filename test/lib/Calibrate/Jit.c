#include "binq/Calibrate/Jit.h"
#include "Check.h"
#include "binq/Conversion/Conversion.h"
#include "binq/Dialect/Dialect.h"

#define TEN "abcdefghij"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define LONG_NAME HUNDRED HUNDRED HUNDRED

static const char module_text[] =
    "func.func private @host(i64) attributes {llvm.emit_c_interface}\n"
    "func.func @twice(%x: i64) attributes {llvm.emit_c_interface} {\n"
    "  %sum = arith.addi %x, %x : i64\n"
    "  func.call @host(%sum) : (i64) -> ()\n"
    "  return\n"
    "}\n"
    "func.func @" LONG_NAME "(%x: i64) attributes {llvm.emit_c_interface} {\n"
    "  func.call @host(%x) : (i64) -> ()\n"
    "  return\n"
    "}\n";

static int64_t told;

static void host(int64_t value) {
  told = value;
}

static binq_jit *compile(MlirContext context, const binq_jit_symbol *symbols, size_t count) {
  binq_jit *jit = NULL;
  MlirModule module = mlirModuleCreateParse(context, binq_str(module_text));
  REQUIRE(!mlirModuleIsNull(module));
  CHECK_STATUS_OK(binq_to_llvm(module));
  CHECK_STATUS_OK(binq_jit_create(module, symbols, count, &jit));
  mlirModuleDestroy(module);
  return jit;
}

int main(void) {
  MlirContext context = mlirContextCreate();
  CHECK_STATUS_OK(binq_dialect_load(context));
  const binq_jit_symbol symbol = {"_mlir_ciface_host", (void *)host};
  void (*entry)(void **) = NULL;

  binq_jit *jit = compile(context, &symbol, 1);
  CHECK_STATUS_OK(binq_jit_find(jit, "twice", &entry));
  int64_t value = 21;
  void *arguments[] = {&value};
  entry(arguments);
  CHECK_EQ_INT(told, 42);
  CHECK_STATUS_FAILS(binq_jit_find(jit, "thrice", &entry), "thrice");
  CHECK_STATUS_OK(binq_jit_find(jit, LONG_NAME, &entry));
  entry(arguments);
  CHECK_EQ_INT(told, 21);
  CHECK_STATUS_FAILS(binq_jit_find(jit, LONG_NAME "k", &entry), LONG_NAME "k");
  binq_jit_destroy(jit);

  // A function that the module calls and nobody has.
  jit = compile(context, NULL, 0);
  CHECK_STATUS_FAILS(binq_jit_find(jit, "twice", &entry), "twice");
  binq_jit_destroy(jit);
  mlirContextDestroy(context);
  return check_result();
}

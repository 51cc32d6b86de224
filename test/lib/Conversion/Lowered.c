#include "Lowered.h"

#include "Check.h"
#include "binq/Calibrate/Jit.h"
#include "binq/Conversion/Conversion.h"
#include "binq/Dialect/Dialect.h"
#include "binq/Support/Memory.h"
#include "runtime/Pool.h"

struct lowered {
  MlirContext context;
  MlirModule module;
  binq_jit *jit;
};

static void barrier(void *pool) {
  binq_pool_barrier(pool);
}

bool lowered_runs(const binq_isa *isa) {
  if (strcmp(isa->target, "x86_64-linux-gnu") != 0)
    return false;
  binq_cpu cpu = binq_cpu_read();
  bool runs = binq_cpu_has(&cpu, &isa->needs);
  if (!runs)
    printf("%s: skipped, the CPU lacks instructions\n", isa->name);
  return runs;
}

lowered *lowered_create(const char *text, const char *isa, binq_lowering lowering) {
  lowered *l;
  CHECK_STATUS_OK(binq_allocate(1, sizeof *l, "a module", &l));
  l->context = mlirContextCreate();
  CHECK_STATUS_OK(binq_dialect_load(l->context));
  l->module = mlirModuleCreateParse(l->context, binq_str(text));
  REQUIRE(!mlirModuleIsNull(l->module));
  CHECK_STATUS_OK(binq_lower(l->module, isa, lowering));
  REQUIRE(mlirOperationVerify(mlirModuleGetOperation(l->module)));
  CHECK_STATUS_OK(binq_to_llvm(l->module));
  const binq_jit_symbol symbol = {"_mlir_ciface_binq_barrier", (void *)barrier};
  CHECK_STATUS_OK(binq_jit_create(l->module, &symbol, 1, &l->jit));
  return l;
}

void lowered_destroy(lowered *l) {
  binq_jit_destroy(l->jit);
  mlirModuleDestroy(l->module);
  mlirContextDestroy(l->context);
  free(l);
}

/// The name of the function that `name` was lowered to.
static MlirStringRef callee_of(const lowered *l, const char *name) {
  MlirAttribute all = binq_attribute(mlirModuleGetOperation(l->module), BINQ_ATTR_FUNCTIONS);
  for (intptr_t i = 0; i < mlirArrayAttrGetNumElements(all); i++) {
    MlirAttribute entry = mlirArrayAttrGetElement(all, i);
    MlirStringRef found;
    REQUIRE(binq_attribute_string(binq_dictionary_entry(entry, "name"), &found));
    if (binq_str_equal(found, name))
      return mlirFlatSymbolRefAttrGetValue(binq_dictionary_entry(entry, "callee"));
  }
  CHECK_FAIL("no function %s", name);
  exit(1);
}

enum { MAX_ARGUMENTS = 8, ENVIRONMENT_MEMREFS = 4 };

typedef struct {
  void (*function)(void **);
  lowered_memref memrefs[ENVIRONMENT_MEMREFS + MAX_ARGUMENTS];
  int memref_count;
  int64_t numbers[4];
  binq_pool *pool;
} call;

/// Compiled functions take an array with the address of each argument; memrefs are passed by
/// address.
static void run(void *argument, int64_t thread, int64_t threads) {
  call *c = argument;
  lowered_memref *memrefs[ENVIRONMENT_MEMREFS + MAX_ARGUMENTS];
  void *arguments[ENVIRONMENT_MEMREFS + 7 + MAX_ARGUMENTS];
  int count = 0;
  for (int i = 0; i < c->memref_count; i++) {
    memrefs[i] = &c->memrefs[i];
    if (i == ENVIRONMENT_MEMREFS) {
      for (int n = 0; n < 4; n++)
        arguments[count++] = &c->numbers[n];
      arguments[count++] = &c->pool;
      arguments[count++] = &thread;
      arguments[count++] = &threads;
    }
    arguments[count++] = (void *)&memrefs[i];
  }
  c->function(arguments);
}

void *lowered_call(const lowered *l, const char *name, const lowered_environment *environment,
                   int argument_count, const lowered_memref *arguments) {
  int64_t per_token;
  CHECK_STATUS_OK(binq_get_integer(mlirModuleGetOperation(l->module), BINQ_ATTR_WORKSPACE_PER_TOKEN,
                                   &per_token));
  size_t bytes = (size_t)(per_token * environment->count);
  void *workspace;
  CHECK_STATUS_OK(binq_allocate(bytes + 1, 1, "the workspace", &workspace));
  memset(workspace, 0xA5, bytes);
  call c = {.memrefs = {lowered_memref_of(workspace, (int64_t)bytes),
                        lowered_memref_of(environment->weights, INT64_MAX / 64),
                        lowered_memref_of(environment->cache, INT64_MAX / 64),
                        lowered_memref_of(environment->rope, INT64_MAX / 64)},
            .memref_count = ENVIRONMENT_MEMREFS + argument_count,
            .numbers = {environment->base, environment->count, environment->sequences,
                        environment->capacity}};
  for (int i = 0; i < argument_count; i++)
    c.memrefs[ENVIRONMENT_MEMREFS + i] = arguments[i];
  char entry[128];
  snprintf(entry, sizeof entry, "%.*s", BINQ_STR_ARGS(callee_of(l, name)));
  CHECK_STATUS_OK(binq_jit_find(l->jit, entry, &c.function));
  REQUIRE(binq_pool_create((int)environment->threads, &c.pool) == 0);
  binq_pool_run(c.pool, run, &c);
  binq_pool_destroy(c.pool);
  return workspace;
}

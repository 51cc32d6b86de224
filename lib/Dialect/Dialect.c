#include "binq/Dialect/Dialect.h"

#include "mlir-c/Dialect/IRDL.h"
#include "mlir-c/RegisterEverything.h"

extern const char binq_dialect_text[];

binq_status binq_dialect_load(MlirContext context) {
  if (mlirContextIsRegisteredOperation(context, binq_str(BINQ_PARAM)))
    return BINQ_OK;
  MlirDialectRegistry registry = mlirDialectRegistryCreate();
  mlirRegisterAllDialects(registry);
  mlirContextAppendDialectRegistry(context, registry);
  mlirDialectRegistryDestroy(registry);
  mlirRegisterAllLLVMTranslations(context);
  mlirContextLoadAllAvailableDialects(context);

  MlirModule text = mlirModuleCreateParse(context, binq_str(binq_dialect_text));
  if (mlirModuleIsNull(text))
    return binq_errorf("the text of the binq dialect does not parse");
  MlirLogicalResult loaded = mlirLoadIRDLDialects(text);
  mlirModuleDestroy(text);
  if (mlirLogicalResultIsFailure(loaded))
    return binq_errorf("the binq dialect does not load");
  return BINQ_OK;
}

MlirType binq_cache_type(MlirContext context) {
  return mlirTypeParseGet(context, binq_str("!binq.cache"));
}

MlirType binq_activations_type(MlirContext context) {
  return mlirTypeParseGet(context, binq_str("!binq.activations"));
}

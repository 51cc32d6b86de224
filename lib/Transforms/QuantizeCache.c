// The format of the KV cache: an attribute of every attention.
#include "binq/Dialect/Dialect.h"
#include "binq/Pass/Pass.h"

#include <string.h>

static binq_status check_format(const char *format) {
  static const char *const formats[] = {"float", "int8", "int4"};
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
    if (strcmp(format, formats[i]) == 0)
      return BINQ_OK;
  return binq_errorf("format '%s' is not 'float', 'int8' or 'int4'", format);
}

static binq_status run(MlirModule module, const binq_pass_arguments *arguments,
                       const binq_pass_environment *environment) {
  const char *format = binq_pass_string(arguments, "format");
  BINQ_TRY(check_format(format));
  binq_op_list attentions;
  BINQ_TRY(binq_collect(mlirModuleGetOperation(module), BINQ_ATTENTION, &attentions));
  MlirAttribute attribute = binq_string_attribute(mlirModuleGetContext(module), format);
  for (size_t i = 0; i < attentions.count; i++)
    if (strcmp(format, "float") == 0)
      mlirOperationRemoveAttributeByName(attentions.items[i], binq_str(BINQ_ATTR_CACHE_FORMAT));
    else
      mlirOperationSetAttributeByName(attentions.items[i], binq_str(BINQ_ATTR_CACHE_FORMAT),
                                      attribute);
  binq_op_list_free(&attentions);
  return BINQ_OK;
}

static const binq_pass_option options[] = {
    {"format", BINQ_OPTION_STRING, NULL, "'float', 'int8' or 'int4'."},
};

const binq_pass binq_quantize_cache_pass = {
    .flag = "binq-quantize-cache",
    .summary = "Choose what the KV cache holds",
    .description =
        "Gives every `binq.attention` the attribute `cache_format`, \"int8\" or \"int4\", or takes "
        "it away. Keys and values then go to the cache in whole numbers of 8 or 4 bits, with a "
        "scale and a low a token and head, and attention computes with them as they are: the "
        "cache is 3.8 or 7 times smaller than one of floats. It needs no calibration, so it may "
        "run before or after `binq-quantize`; before, text that calibrates sees what the cache "
        "makes of keys and values.",
    .options = options,
    .option_count = sizeof(options) / sizeof(*options),
    .run = run,
};

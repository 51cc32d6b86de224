#include "binq/Import/Import.h"

#include "binq/Pass/Pass.h"

static binq_status run(MlirModule module, const binq_pass_arguments *arguments,
                       const binq_pass_environment *environment) {
  (void)environment;
  return binq_import_into(module, binq_pass_string(arguments, "model"));
}

static const binq_pass_option options[] = {
    {"model", BINQ_OPTION_STRING, NULL,
     "GGUF file or Hugging Face folder of a dense llama-architecture model."},
};

const binq_pass binq_import_pass = {
    .flag = "binq-import",
    .summary = "Import a model file into an empty module",
    .description =
        "Makes a graph of functions: `@embed` from tokens to hidden states, one `@layer_N` for "
        "each "
        "decoder layer, and `@head` from hidden states to logits. Linears are `linalg.matmul` with "
        "weights `[N, K]`; the rest of a layer are operations of the binq dialect. Weights stay in "
        "the file: a `binq.param` names each.",
    .options = options,
    .option_count = sizeof(options) / sizeof(*options),
    .run = run,
};

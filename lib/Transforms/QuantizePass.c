#include "binq/Transforms/Quantize.h"

binq_quantize_options binq_quantize_options_of(const binq_pass_arguments *arguments) {
  return (binq_quantize_options){
      .parameters = binq_pass_string(arguments, "parameters"),
      .preset = binq_pass_string(arguments, "preset"),
      .calibration = binq_pass_string(arguments, "calibration"),
      .windows = binq_pass_integer(arguments, "windows"),
      .window = binq_pass_integer(arguments, "window"),
      .held_back = binq_pass_integer(arguments, "held-back"),
      .seed = binq_pass_integer(arguments, "seed"),
      .damping = binq_pass_number(arguments, "damping"),
      .aim = binq_pass_number(arguments, "aim"),
      .refine = binq_pass_integer(arguments, "refine"),
      .tune = binq_pass_integer(arguments, "tune"),
      .planes = binq_pass_integer(arguments, "planes"),
      .activation_planes = binq_pass_integer(arguments, "activation-planes"),
      .int8_columns = binq_pass_integer(arguments, "int8-columns"),
      .table_planes = binq_pass_integer(arguments, "table-planes"),
      .size = binq_pass_integer(arguments, "size"),
      .bits = binq_pass_number(arguments, "bits"),
      .max_kld = binq_pass_number(arguments, "max-kld"),
  };
}

static binq_status run(MlirModule module, const binq_pass_arguments *arguments,
                       const binq_pass_environment *environment) {
  binq_quantize_options options = binq_quantize_options_of(arguments);
  return binq_quantize_module(module, &options, environment, NULL);
}

static const binq_pass_option options[] = {
    {"parameters", BINQ_OPTION_STRING, NULL, "Parameter file to write."},
    {"preset", BINQ_OPTION_STRING, "balanced",
     "'paper' (binary weights in two fine groups, activations of four planes) or 'balanced' (as "
     "many planes as keep a small model fluent); or, to compare with, 'rtn', 'gptq' and 'billm' "
     "(two planes of weights and four of activations, no outliers)."},
    {"calibration", BINQ_OPTION_STRING, "",
     "Text files, separated by commas, that calibrate with equal shares; without one the model "
     "writes its own text."},
    {"windows", BINQ_OPTION_INTEGER, "24",
     "Windows of calibration text; 0 takes every Hessian for the identity."},
    {"window", BINQ_OPTION_INTEGER, "1024",
     "Tokens of a window; the model's context where that is shorter, and more windows then."},
    {"held-back", BINQ_OPTION_INTEGER, "4",
     "Windows of the text behind those that calibrate, which are kept out for binqc to measure on; "
     "a text that is too short for both is shared."},
    {"seed", BINQ_OPTION_INTEGER, "0", "Seed of the text that the model writes."},
    {"damping", BINQ_OPTION_NUMBER, "-1",
     "What is added to the diagonal of a Hessian, times its mean; -1 leaves it to the preset."},
    {"aim", BINQ_OPTION_NUMBER, "-1",
     "How far weights move, before they are quantized, towards those with which what is quantized "
     "so far gives the float model's outputs best: from 0 (not at all) to 1 (all the way); -1 "
     "leaves it to the preset."},
    {"refine", BINQ_OPTION_INTEGER, "-1",
     "Rounds of refinement of codes and levels against the whole Hessian, after GPTQ; -1 leaves it "
     "to the preset."},
    {"tune", BINQ_OPTION_INTEGER, "0",
     "Epochs of text: in half of them each layer is tuned to give what its float form gives, in "
     "the others the whole model is distilled, on further text if there is some."},
    {"planes", BINQ_OPTION_INTEGER, "0",
     "Bit planes of weights with scales 1, 2, 4, ..: 1 to 4; 0 leaves it to the preset."},
    {"activation-planes", BINQ_OPTION_INTEGER, "0",
     "Bit planes of activations: 4 or 8; 0 leaves it to the preset."},
    {"int8-columns", BINQ_OPTION_INTEGER, "-1",
     "Outlier channels of a linear that stay INT8, a multiple of 32; -1 leaves it to the preset."},
    {"table-planes", BINQ_OPTION_INTEGER, "0",
     "Bit planes of the embedding table and the output head, 1 to 4; 0 stores them as INT8, or "
     "leaves them to the budget."},
    {"size", BINQ_OPTION_INTEGER, "0",
     "Budget: bytes of data that the parameter file may have; 0: none."},
    {"bits", BINQ_OPTION_NUMBER, "0",
     "Budget: bits a weight of linears and tables may have on average; 0: none."},
    {"max-kld", BINQ_OPTION_NUMBER, "0",
     "Budget: KL divergence from the float model, in nats, that may be expected; 0: none."},
};

const binq_pass binq_quantize_pass = {
    .flag = "binq-quantize",
    .summary = "Quantize the linears and embeddings of a graph",
    .description =
        "Turns every linear (`linalg.matmul` with a `binq.param` of weights `[N, K]`, onto zeros) "
        "into a `binq.linear` on `binq.quantize_activations`, which linears that read the same "
        "value share, and every `binq.embedding` into one with a quantized table. The quantized "
        "weights go to a parameter file, with whatever else the graph needs: norms, orders and "
        "levels of activations, the tokenizer's tables.\n\n"
        "The layers of a model graph are calibrated: text runs through the graph a layer at a "
        "time; each linear's codes are chosen against the Hessian of what it reads, then the "
        "quantized layer moves the text on. With `tune`, gradients move levels, scales, codes, "
        "INT8 "
        "columns and norms of a layer before it does so; in the end they move levels, scales, "
        "INT8 columns and norms of the whole model, towards the float model's predictions. "
        "Linears of any other function are quantized with the identity as their Hessian.\n\n"
        "The embedding table and the output head, one matrix in many models, come first: as INT8 "
        "rows or, with `table-planes`, in bit planes, whose codes are chosen against the Hessian "
        "of "
        "what the head of the float model reads, activations then taking eight planes.",
    .options = options,
    .option_count = sizeof(options) / sizeof(*options),
    .run = run,
};

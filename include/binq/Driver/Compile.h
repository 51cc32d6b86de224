/// The road of binqc: from a model file through the passes to a stage of the graph or to the
/// finished library.
#ifndef BINQ_DRIVER_COMPILE_H
#define BINQ_DRIVER_COMPILE_H

#include "binq/Driver/Measure.h"
#include "binq/Support/Progress.h"
#include "binq/Support/Status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum {
  BINQ_STAGE_GRAPH,     ///< as imported
  BINQ_STAGE_QUANTIZED, ///< linears quantized, weights in the parameter file
  BINQ_STAGE_LOWERED,   ///< memrefs, vectors and calls of kernels
  BINQ_STAGE_LLVM,      ///< the LLVM dialect
  BINQ_STAGE_LIBRARY,   ///< archive, header, program, report
} binq_stage;

typedef struct {
  const char *model;  ///< GGUF file or Hugging Face folder
  const char *name;   ///< of the library
  const char *target; ///< of the library: "x86_64-linux-gnu" or "aarch64-linux-gnu"
  binq_stage stage;   ///< where to stop
  const char *preset;
  const char *lowering;           ///< of linears: "auto", "popcount", "lut" or "dot"
  const char *kv;                 ///< format of the KV cache: "float", "int8" or "int4"
  const char *const *calibration; ///< text files; none: the model writes its own text
  size_t calibration_count;
  int64_t seed, threads;
  int64_t tune;         ///< epochs of tuning
  int64_t table_planes; ///< of embedding and head; 0: INT8, or as a budget chooses
  /// A budget; at most one is not 0.
  int64_t size;         ///< bytes of the archive, with the weights beside it if they are separate
  double bits, max_kld; ///< as the options of binq-quantize
  bool separate_weights;
  const char *parameters; ///< what a printed stage calls the parameter file
} binq_compile_options;

/// Writes libNAME.a, NAME.h, NAME, report.json, and NAME.weights where the weights are separate, to
/// `directory`, and tells the accuracy that was measured; or, for any other stage, prints the
/// module of that stage to `out` and leaves NAME.safetensors in `directory`, which a stage before
/// quantization does without (NULL).
binq_status binq_compile(const binq_compile_options *options, const char *directory, FILE *out,
                         const binq_progress *progress, binq_measurement *measured);

/// The name of a library from the path of a model: its base name in lower case, everything
/// that has no place in a C identifier an underscore; freed with free().
binq_status binq_compile_name(const char *path, char **out);

#endif

/// From modules in the LLVM dialect, one for every instruction set, to what a user links: an
/// archive, its header, and a ready program.
#ifndef BINQ_TARGET_TARGET_H
#define BINQ_TARGET_TARGET_H

#include "binq/Quantize/Budget.h"
#include "binq/Support/Progress.h"
#include "binq/Support/Status.h"
#include "mlir-c/IR.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Weights above this size become a file of their own.
#define BINQ_TARGET_LARGEST_EMBEDDED ((uint64_t)1 << 30)

typedef struct {
  const char *name;      ///< prefix of every symbol and file: binq_target_check_name accepts it
  const char *directory; ///< where the files go; it exists
  bool separate_weights; ///< a weights file also below BINQ_TARGET_LARGEST_EMBEDDED
  const binq_progress *progress; ///< may be NULL
} binq_target_options;

/// An error if `name` cannot be the prefix of C identifiers: it is a lower-case letter, then
/// lower-case letters, digits and single underscores, at most 64 in all.
binq_status binq_target_check_name(const char *name);

/// An error if there is no C compiler to link programs for `target` ("x86_64-linux-gnu" or
/// "aarch64-linux-gnu"): better known before a model is quantized than after.
binq_status binq_target_check_compiler(const char *target);

/// What kernels of a cache of codes, instead of one of floats, add to an archive, at most.
enum { BINQ_TARGET_CODED_CACHE_BYTES = 34500 };

/// Bytes that an archive has, at most, besides that and its weights.
int64_t binq_target_code_bytes(const binq_code_amount *amount);

/// Writes libNAME.a, NAME.h, the program NAME and, where weights are not embedded, NAME.weights.
/// `modules` are one model for `count` instruction sets, from the least to the most. They are in
/// the LLVM dialect, define binq_forward and binq_head and carry the attributes binq.isa,
/// binq.model, binq.parameters, binq.workspace_per_token and binq.cache_per_position. The program
/// is linked by the C compiler `cc`, or what the environment variable CC names. The same modules
/// and parameters give the same bytes. After an error none of the files is left.
binq_status binq_target_emit(const MlirModule *modules, size_t count,
                             const binq_target_options *options);

#endif

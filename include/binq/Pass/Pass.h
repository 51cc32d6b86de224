/// Passes over a module. `binq-opt` and `binqc` share one table of them (Passes.def).
#ifndef BINQ_PASS_PASS_H
#define BINQ_PASS_PASS_H

#include "binq/Support/Progress.h"
#include "binq/Support/Status.h"
#include "mlir-c/IR.h"
#include "runtime/Pool.h"
#include <stddef.h>
#include <stdint.h>

typedef enum { BINQ_OPTION_STRING, BINQ_OPTION_INTEGER, BINQ_OPTION_NUMBER } binq_option_type;

typedef struct {
  const char *name;
  binq_option_type type;
  const char *default_value; ///< as it would be written; NULL: the option must be given
  const char *help;          ///< one sentence
} binq_pass_option;

/// Option values of one use of a pass: every option of the pass has one, checked against its type.
typedef struct binq_pass_arguments binq_pass_arguments;
/// The value of an option, which is of that type. Strings live as long as the arguments.
const char *binq_pass_string(const binq_pass_arguments *arguments, const char *name);
int64_t binq_pass_integer(const binq_pass_arguments *arguments, const char *name);
double binq_pass_number(const binq_pass_arguments *arguments, const char *name);

/// What a pass may use besides the module.
typedef struct {
  binq_pool *pool;
  const binq_progress *progress; ///< may be NULL
} binq_pass_environment;

typedef struct {
  const char *flag;        ///< "binq-quantize"
  const char *summary;     ///< one line
  const char *description; ///< paragraphs for docs/passes.md
  const binq_pass_option *options;
  size_t option_count;
  /// Rewrites the module. An error that belongs to an operation is also emitted there
  /// (mlirEmitError), once.
  binq_status (*run)(MlirModule module, const binq_pass_arguments *arguments,
                     const binq_pass_environment *environment);
} binq_pass;

/// Every pass of Passes.def.
#define BINQ_PASS(symbol) extern const binq_pass symbol;
#include "binq/Pass/Passes.def"
#undef BINQ_PASS

#endif

/// Command lines by a table: the tools describe their arguments, one parser reads them and one
/// printer explains them.
#ifndef BINQ_DRIVER_OPTIONS_H
#define BINQ_DRIVER_OPTIONS_H

#include "binq/Support/Status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum {
  BINQ_ARGUMENT_POSITIONAL,  ///< in the order of the table; required unless its target holds a
                             ///< default. `const char **`
  BINQ_ARGUMENT_POSITIONALS, ///< what comes behind them: one or more. `binq_argument_list *`
  BINQ_ARGUMENT_FLAG,        ///< --name. `bool *`
  BINQ_ARGUMENT_STRING,      ///< --name VALUE or --name=VALUE. `const char **`
  BINQ_ARGUMENT_CHOICE,      ///< likewise, one of `choices`. `const char **`
  BINQ_ARGUMENT_INTEGER,     ///< likewise, from `minimum` to `maximum`. `int64_t *`
  BINQ_ARGUMENT_NUMBER,      ///< likewise, above 0. `double *`
  BINQ_ARGUMENT_SIZE,        ///< likewise, bytes: 60MB, 1.5GiB or a plain number. `int64_t *`
  BINQ_ARGUMENT_LIST,        ///< a string that may be given several times. `binq_argument_list *`
  BINQ_ARGUMENT_CALL, ///< --name or --name=VALUE, handed to `call` in the order of the command
                      ///< line. `void *`
} binq_argument_kind;

enum { BINQ_ARGUMENT_LIST_MAX = 64 };

typedef struct {
  const char *items[BINQ_ARGUMENT_LIST_MAX];
  size_t count;
} binq_argument_list;

/// One argument. Names of one letter are written -o, longer ones --name (or -name, as LLVM's tools
/// allow).
typedef struct {
  binq_argument_kind kind;
  const char *name;  ///< without dashes; what the help calls a positional
  const char *value; ///< what the help calls the value ("FILE"); NULL for flags
  const char *help;  ///< one sentence
  void *target; ///< of the type that the kind says; keeps its value when the argument is not given
  const char *choices; ///< "paper|balanced"
  int64_t minimum, maximum;
  /// `value` is NULL when there is none.
  binq_status (*call)(void *target, const char *name, const char *value);
} binq_argument;

typedef struct {
  const char *tool;    ///< "binqc"
  const char *summary; ///< what it does, one line
  const binq_argument *arguments;
  size_t count;
} binq_command;

typedef enum {
  BINQ_COMMAND_RUN,
  BINQ_COMMAND_HELP,    ///< --help was given
  BINQ_COMMAND_VERSION, ///< --version was given
} binq_command_request;

/// Reads a command line into the targets of the table. Strings point into argv. With --help or
/// --version the rest of the line is not checked.
binq_status binq_command_parse(const binq_command *command, int argc, char **argv,
                               binq_command_request *request);

/// Writes the usage line and every argument of the table.
void binq_command_help(const binq_command *command, FILE *out);

/// Writes "binqc 0.1.0 (LLVM 22.1.8)".
void binq_command_version(const binq_command *command, FILE *out);

/// Writes "tool: message" as one line and frees the error; the exit code of a tool that ends so: 1,
/// or 0 on a success.
int binq_command_finish(const char *tool, binq_status status, FILE *err);

#endif

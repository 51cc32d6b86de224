/// Option values of one use of a pass, for those who parse them; passes read them by Pass.h.
#ifndef BINQ_PASS_ARGUMENTS_H
#define BINQ_PASS_ARGUMENTS_H

#include "binq/Pass/Pass.h"

/// Every option with its default value. The arguments refer to `pass`.
binq_status binq_pass_arguments_create(const binq_pass *pass, binq_pass_arguments **out);
/// NULL is ignored.
void binq_pass_arguments_free(binq_pass_arguments *arguments);

/// Gives an option a value, once, checked against its type; NULL, a name without one, is an error.
/// The strings need not end in NUL.
binq_status binq_pass_arguments_set(binq_pass_arguments *arguments, const char *name,
                                    size_t name_length, const char *value, size_t value_length);

/// Every option that has no default value was given one.
binq_status binq_pass_arguments_check(const binq_pass_arguments *arguments);

/// How a type is called in messages and documentation: "string", "integer", "number".
const char *binq_option_type_name(binq_option_type type);

#endif

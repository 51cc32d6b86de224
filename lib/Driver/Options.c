#include "binq/Driver/Options.h"

#include "binq/Driver/Version.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const binq_command *command;
  int argc;
  char **argv;
  int next;             ///< index of the next word
  size_t positionals;   ///< how many of them were read
  bool only_positional; ///< after a "--"
} cursor;

static bool is_positional(const binq_argument *argument) {
  return argument->kind == BINQ_ARGUMENT_POSITIONAL || argument->kind == BINQ_ARGUMENT_POSITIONALS;
}

static const binq_argument *find(const binq_command *command, const char *name, size_t length) {
  for (size_t i = 0; i < command->count; i++) {
    const binq_argument *argument = &command->arguments[i];
    if (!is_positional(argument) && strlen(argument->name) == length &&
        memcmp(argument->name, name, length) == 0)
      return argument;
  }
  return NULL;
}

static bool is_name(const char *word, size_t length, const char *name) {
  return strlen(name) == length && memcmp(word, name, length) == 0;
}

static const char *dashes(const char *name) {
  return name[1] ? "--" : "-";
}

static bool is_choice(const char *choices, const char *value) {
  size_t length = strlen(value);
  for (const char *at = choices; at; at = strchr(at, '|')) {
    at += *at == '|';
    if (length && !strchr(value, '|') && strncmp(at, value, length) == 0 &&
        (at[length] == '|' || at[length] == '\0'))
      return true;
  }
  return false;
}

static binq_status set_integer(const binq_argument *argument, const char *value) {
  char *end = NULL;
  errno = 0;
  intmax_t number = strtoimax(value, &end, 10);
  if (errno || end == value || *end || number < argument->minimum || number > argument->maximum)
    return binq_errorf("%s%s takes a whole number from %" PRId64 " to %" PRId64 ", not '%s'",
                       dashes(argument->name), argument->name, argument->minimum, argument->maximum,
                       value);
  *(int64_t *)argument->target = number;
  return BINQ_OK;
}

/// A number above 0; *end is what follows it.
static double positive_number(const char *value, const char **end) {
  char *rest = NULL;
  double number = strtod(value, &rest);
  *end = rest;
  return rest == value + strspn(value, "0123456789.") && isfinite(number) ? number : 0;
}

static binq_status set_number(const binq_argument *argument, const char *value) {
  const char *end;
  double number = positive_number(value, &end);
  if (!(number > 0) || *end)
    return binq_errorf("%s%s takes a number above 0, not '%s'", dashes(argument->name),
                       argument->name, value);
  *(double *)argument->target = number;
  return BINQ_OK;
}

static binq_status set_size(const binq_argument *argument, const char *value) {
  static const struct {
    const char *name;
    double bytes;
  } units[] = {{"", 1},         {"kB", 1e3},     {"MB", 1e6},    {"GB", 1e9},
               {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}};
  const char *end;
  double number = positive_number(value, &end), bytes = 0;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (strcmp(end, units[i].name) == 0)
      bytes = number * units[i].bytes;
  if (!(bytes >= 1 && bytes < 0x1p62))
    return binq_errorf("%s%s takes a size such as 60MB or 1.5GiB, not '%s'", dashes(argument->name),
                       argument->name, value);
  *(int64_t *)argument->target = (int64_t)bytes;
  return BINQ_OK;
}

static binq_status add_to_list(const binq_argument *argument, const char *value) {
  binq_argument_list *list = argument->target;
  if (list->count == BINQ_ARGUMENT_LIST_MAX)
    return binq_errorf("%s%s may be given at most %d times",
                       is_positional(argument) ? "" : dashes(argument->name), argument->name,
                       BINQ_ARGUMENT_LIST_MAX);
  list->items[list->count++] = value;
  return BINQ_OK;
}

static binq_status set_value(const binq_argument *argument, const char *value) {
  if (!*value)
    return binq_errorf("%s%s needs a value that is not empty",
                       is_positional(argument) ? "" : dashes(argument->name), argument->name);
  switch (argument->kind) {
  case BINQ_ARGUMENT_INTEGER:
    return set_integer(argument, value);
  case BINQ_ARGUMENT_NUMBER:
    return set_number(argument, value);
  case BINQ_ARGUMENT_SIZE:
    return set_size(argument, value);
  case BINQ_ARGUMENT_LIST:
  case BINQ_ARGUMENT_POSITIONALS:
    return add_to_list(argument, value);
  case BINQ_ARGUMENT_CHOICE:
    if (!is_choice(argument->choices, value))
      return binq_errorf("%s%s takes one of %s, not '%s'", dashes(argument->name), argument->name,
                         argument->choices, value);
    break;
  default:
    break;
  }
  *(const char **)argument->target = value;
  return BINQ_OK;
}

static binq_status read_option(cursor *at, const binq_argument *argument, const char *value) {
  const char *name = argument->name;
  if (argument->kind == BINQ_ARGUMENT_CALL)
    return argument->call(argument->target, name, value);
  if (argument->kind == BINQ_ARGUMENT_FLAG) {
    if (value)
      return binq_errorf("%s%s takes no value", dashes(name), name);
    *(bool *)argument->target = true;
    return BINQ_OK;
  }
  if (!value) {
    if (at->next == at->argc)
      return binq_errorf("%s%s needs a value", dashes(name), name);
    value = at->argv[at->next++];
  }
  return set_value(argument, value);
}

static binq_status read_positional(cursor *at, const char *word) {
  size_t number = 0;
  for (size_t i = 0; i < at->command->count; i++) {
    const binq_argument *argument = &at->command->arguments[i];
    if (!is_positional(argument) ||
        (argument->kind == BINQ_ARGUMENT_POSITIONAL && number++ < at->positionals))
      continue;
    at->positionals++;
    return set_value(argument, word);
  }
  return binq_errorf("'%s' is one argument too many; see --help", word);
}

static binq_status read_word(cursor *at, binq_command_request *request) {
  const char *word = at->argv[at->next++];
  if (at->only_positional || word[0] != '-' || !word[1])
    return read_positional(at, word);
  if (strcmp(word, "--") == 0) {
    at->only_positional = true;
    return BINQ_OK;
  }
  const char *name = word + 1 + (word[1] == '-');
  size_t length = strcspn(name, "=");
  const char *value = name[length] ? name + length + 1 : NULL;
  const binq_argument *argument = find(at->command, name, length);
  if (argument)
    return read_option(at, argument, value);
  if (is_name(name, length, "help") || is_name(name, length, "h"))
    *request = BINQ_COMMAND_HELP;
  else if (is_name(name, length, "version"))
    *request = BINQ_COMMAND_VERSION;
  else
    return binq_errorf("unknown option '%s'; see --help", word);
  return BINQ_OK;
}

static binq_status check_positionals(const cursor *at) {
  size_t number = 0;
  for (size_t i = 0; i < at->command->count; i++) {
    const binq_argument *argument = &at->command->arguments[i];
    if (!is_positional(argument) || number++ < at->positionals)
      continue;
    if (argument->kind == BINQ_ARGUMENT_POSITIONALS || !*(const char **)argument->target)
      return binq_errorf("%s is missing; see --help", argument->name);
  }
  return BINQ_OK;
}

binq_status binq_command_parse(const binq_command *command, int argc, char **argv,
                               binq_command_request *request) {
  cursor at = {.command = command, .argc = argc, .argv = argv, .next = 1};
  *request = BINQ_COMMAND_RUN;
  while (at.next < argc) {
    BINQ_TRY(read_word(&at, request));
    if (*request != BINQ_COMMAND_RUN)
      return BINQ_OK;
  }
  return check_positionals(&at);
}

static void describe(const char *left, const char *help, FILE *out) {
  enum { COLUMN = 30 };
  int written = fprintf(out, "  %s", left);
  if (written >= COLUMN - 1) {
    (void)fputc('\n', out);
    written = 0;
  }
  (void)fprintf(out, "%*s%s\n", COLUMN - written, "", help);
}

static void describe_argument(const binq_argument *argument, FILE *out) {
  char left[128];
  const char *name = argument->name;
  const char *value = argument->kind == BINQ_ARGUMENT_CHOICE ? argument->choices : argument->value;
  if (is_positional(argument))
    (void)snprintf(left, sizeof left, "%s", name);
  else if (value)
    (void)snprintf(left, sizeof left, "%s%s%c%s", dashes(name), name, name[1] ? '=' : ' ', value);
  else
    (void)snprintf(left, sizeof left, "%s%s", dashes(name), name);
  describe(left, argument->help, out);
}

void binq_command_help(const binq_command *command, FILE *out) {
  (void)fprintf(out, "usage: %s", command->tool);
  for (size_t i = 0; i < command->count; i++) {
    const binq_argument *argument = &command->arguments[i];
    if (argument->kind == BINQ_ARGUMENT_POSITIONALS)
      (void)fprintf(out, " %s...", argument->name);
    else if (argument->kind == BINQ_ARGUMENT_POSITIONAL)
      (void)fprintf(out, *(const char **)argument->target ? " [%s]" : " %s", argument->name);
  }
  (void)fprintf(out, " [options]\n\n%s\n\n", command->summary);
  for (size_t i = 0; i < command->count; i++)
    describe_argument(&command->arguments[i], out);
  describe("--help", "Prints this text.", out);
  describe("--version", "Prints the versions of binq and LLVM.", out);
}

void binq_command_version(const binq_command *command, FILE *out) {
  char llvm[BINQ_VERSION_TEXT];
  binq_llvm_version(llvm);
  (void)fprintf(out, "%s %s (LLVM %s)\n", command->tool, BINQ_VERSION, llvm);
}

int binq_command_finish(const char *tool, binq_status status, FILE *err) {
  if (!status && (fflush(stdout) != 0 || ferror(stdout)))
    status = binq_errorf("cannot write to the standard output");
  if (!status)
    return 0;
  (void)fprintf(err, "%s: %s\n", tool, binq_status_message(status));
  binq_status_free(status);
  return 1;
}

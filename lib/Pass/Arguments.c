#include "binq/Pass/Arguments.h"

#include "binq/Support/Memory.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  const char *text;
  int64_t integer;
  double number;
  bool given;
} option_value;

struct binq_pass_arguments {
  const binq_pass *pass;
  binq_arena *arena;
  option_value *values;
};

const char *binq_option_type_name(binq_option_type type) {
  static const char *const names[] = {"string", "integer", "number"};
  return names[type];
}

static binq_status bad_value(const binq_pass *pass, const binq_pass_option *option,
                             const char *text) {
  static const char *const wanted[] = {"a string", "an integer", "a number"};
  return binq_errorf("%s: option '%s' takes %s, not '%s'", pass->flag, option->name,
                     wanted[option->type], text);
}

static binq_status parse(const binq_pass *pass, const binq_pass_option *option, const char *text,
                         option_value *value) {
  char *end = NULL;
  value->text = text;
  errno = 0;
  switch (option->type) {
  case BINQ_OPTION_STRING:
    return BINQ_OK;
  case BINQ_OPTION_INTEGER:
    value->integer = strtoll(text, &end, 10);
    break;
  case BINQ_OPTION_NUMBER:
    value->number = strtod(text, &end);
    if (!isfinite(value->number))
      return bad_value(pass, option, text);
    break;
  }
  return end == text || *end != '\0' || errno ? bad_value(pass, option, text) : BINQ_OK;
}

static binq_status set_defaults(binq_pass_arguments *arguments) {
  const binq_pass *pass = arguments->pass;
  BINQ_TRY(binq_arena_allocate(arguments->arena, pass->option_count + 1, sizeof(option_value),
                               &arguments->values));
  for (size_t i = 0; i < pass->option_count; ++i)
    if (pass->options[i].default_value)
      BINQ_TRY(
          parse(pass, &pass->options[i], pass->options[i].default_value, &arguments->values[i]));
  return BINQ_OK;
}

binq_status binq_pass_arguments_create(const binq_pass *pass, binq_pass_arguments **out) {
  binq_pass_arguments *arguments = NULL;
  BINQ_TRY(binq_allocate(1, sizeof(*arguments), "options of a pass", &arguments));
  arguments->pass = pass;
  binq_status status = binq_arena_create(&arguments->arena);
  if (!status)
    status = set_defaults(arguments);
  if (status)
    binq_pass_arguments_free(arguments);
  else
    *out = arguments;
  return status;
}

void binq_pass_arguments_free(binq_pass_arguments *arguments) {
  if (!arguments)
    return;
  binq_arena_destroy(arguments->arena);
  free(arguments);
}

/// The index of an option; option_count if there is none of that name.
static size_t find(const binq_pass *pass, const char *name, size_t length) {
  size_t i = 0;
  while (i < pass->option_count && (strlen(pass->options[i].name) != length ||
                                    memcmp(pass->options[i].name, name, length) != 0))
    ++i;
  return i;
}

static binq_status unknown_option(const binq_pass *pass, const char *name, size_t length) {
  char known[256] = "";
  size_t used = 0;
  for (size_t i = 0; i < pass->option_count && used < sizeof(known); ++i)
    used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "",
                             pass->options[i].name);
  if (pass->option_count == 0)
    return binq_errorf("%s has no options, but '%.*s' was given", pass->flag, (int)length, name);
  return binq_errorf("%s has no option '%.*s'; it has: %s", pass->flag, (int)length, name, known);
}

binq_status binq_pass_arguments_set(binq_pass_arguments *arguments, const char *name,
                                    size_t name_length, const char *value, size_t value_length) {
  const binq_pass *pass = arguments->pass;
  size_t index = find(pass, name, name_length);
  if (index == pass->option_count)
    return unknown_option(pass, name, name_length);
  const binq_pass_option *option = &pass->options[index];
  if (!value)
    return binq_errorf("%s: option '%s' needs a value: %s=...", pass->flag, option->name,
                       option->name);
  if (arguments->values[index].given)
    return binq_errorf("%s: option '%s' is given twice", pass->flag, option->name);
  char *text = NULL;
  BINQ_TRY(binq_arena_copy_string(arguments->arena, value, value_length, &text));
  BINQ_TRY(parse(pass, option, text, &arguments->values[index]));
  arguments->values[index].given = true;
  return BINQ_OK;
}

binq_status binq_pass_arguments_check(const binq_pass_arguments *arguments) {
  const binq_pass *pass = arguments->pass;
  for (size_t i = 0; i < pass->option_count; ++i)
    if (!arguments->values[i].text)
      return binq_errorf("%s needs its option '%s': %s{%s=...}", pass->flag, pass->options[i].name,
                         pass->flag, pass->options[i].name);
  return BINQ_OK;
}

/// The value of an option; all zero for a name that the pass does not have.
static option_value get(const binq_pass_arguments *arguments, const char *name) {
  size_t index = find(arguments->pass, name, strlen(name));
  return index < arguments->pass->option_count ? arguments->values[index] : (option_value){0};
}

const char *binq_pass_string(const binq_pass_arguments *arguments, const char *name) {
  const char *text = get(arguments, name).text;
  return text ? text : "";
}

int64_t binq_pass_integer(const binq_pass_arguments *arguments, const char *name) {
  return get(arguments, name).integer;
}

double binq_pass_number(const binq_pass_arguments *arguments, const char *name) {
  return get(arguments, name).number;
}

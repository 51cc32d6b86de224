#include "runtime/Program/Program.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_THREADS = 1024 }; // of a context

/// A number written in full, within [least, most].
static bool read_integer(const char *option, const char *text, int64_t least, int64_t most,
                         int64_t *out) {
  char *end;
  errno = 0;
  long long value = strtoll(text, &end, 10);
  if (end == text || *end || errno || value < least || value > most) {
    program_fail("%s takes an integer from %lld to %lld, not '%s'", option, (long long)least,
                 (long long)most, text);
    return false;
  }
  *out = value;
  return true;
}

static bool read_number(const char *option, const char *text, float most, float *out) {
  char *end;
  float value = strtof(text, &end);
  if (end == text || *end || !(value >= 0 && value <= most)) { // not for a NaN either
    program_fail("%s takes a number from 0 to %g, not '%s'", option, (double)most, text);
    return false;
  }
  *out = value;
  return true;
}

static bool read_option(const char *option, const char *value, program_options *out) {
  int64_t number;
  const int64_t context = binq_constants.context_length;
  if (strcmp(option, "--weights") == 0 && !binq_constants.weights) {
    out->weights = value;
    return true;
  }
  if (strcmp(option, "--temperature") == 0)
    return read_number(option, value, 1e6f, &out->sampling.temperature);
  if (strcmp(option, "--top-p") == 0)
    return read_number(option, value, 1, &out->sampling.top_p);
  if (strcmp(option, "--max-tokens") == 0)
    return read_integer(option, value, 1, context, &out->max_tokens);
  if (strcmp(option, "--window") == 0)
    return read_integer(option, value, 2, context, &out->window);
  if (strcmp(option, "--windows") == 0)
    return read_integer(option, value, 1, INT64_MAX, &out->windows);
  if (strcmp(option, "--top-k") == 0) {
    bool is_valid = read_integer(option, value, 0, INT32_MAX, &number);
    out->sampling.top_k = is_valid ? (int32_t)number : 0;
    return is_valid;
  }
  if (strcmp(option, "--seed") == 0) {
    bool is_valid = read_integer(option, value, 0, INT64_MAX, &number);
    out->sampling.seed = is_valid ? (uint64_t)number : 0;
    return is_valid;
  }
  if (strcmp(option, "--threads") == 0) {
    bool is_valid = read_integer(option, value, 1, MAX_THREADS, &number);
    out->threads = is_valid ? (int)number : 1;
    return is_valid;
  }
  program_fail("unknown option '%s'; see --help", option);
  return false;
}

/// "--option VALUE" or "--option=VALUE"; *taken is the number of arguments read.
static bool parse_option(int count, char **arguments, program_options *out, int *taken) {
  char option[32];
  const char *equals = strchr(arguments[0], '=');
  size_t length = equals ? (size_t)(equals - arguments[0]) : strlen(arguments[0]);
  if (length >= sizeof option) {
    program_fail("unknown option '%s'; see --help", arguments[0]);
    return false;
  }
  memcpy(option, arguments[0], length);
  option[length] = 0;
  if (!equals && count < 2) {
    program_fail("%s needs a value", option);
    return false;
  }
  *taken = equals ? 1 : 2;
  return read_option(option, equals ? equals + 1 : arguments[1], out);
}

bool program_parse(int count, char **arguments, bool takes_argument, program_options *out) {
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  *out = (program_options){.threads = (int)(processors < 1 ? 1 : processors)};
  if (out->threads > MAX_THREADS)
    out->threads = MAX_THREADS;
  bool only_arguments = false; // after "--"
  for (int i = 0, taken = 1; i < count; i += taken, taken = 1) {
    if (!only_arguments && strcmp(arguments[i], "--") == 0) {
      only_arguments = true;
    } else if (!only_arguments && strncmp(arguments[i], "--", 2) == 0) {
      if (!parse_option(count - i, arguments + i, out, &taken))
        return false;
    } else if (!takes_argument || out->argument) {
      program_fail("one argument too many: '%s'", arguments[i]);
      return false;
    } else {
      out->argument = arguments[i];
    }
  }
  if (takes_argument && !out->argument)
    program_fail("an argument is missing; see --help");
  return !takes_argument || out->argument;
}

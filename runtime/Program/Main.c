#include "runtime/Program/Program.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char usage[] =
    "Usage: %s COMMAND [OPTIONS]\n"
    "\n"
    "Commands:\n"
    "  generate PROMPT      write how the model goes on from a text; control tokens may be written "
    "by name\n"
    "    --temperature T    how varied: 0 takes the likeliest token every time (default 0)\n"
    "    --top-k N          choose among the N likeliest tokens; 0 is all (default 0)\n"
    "    --top-p P          choose among the likeliest tokens that together have probability P "
    "(default 1)\n"
    "    --seed N           of the choices (default 0)\n"
    "    --max-tokens N     stop after N tokens (default 256)\n"
    "  perplexity FILE      how well the model foretells a text, as one window of tokens after "
    "another\n"
    "    --window N         tokens a window (default 1024)\n"
    "    --windows N        measure the first N windows (default: all)\n"
    "  logits FILE          write to the standard output what the model foretells of a text: for "
    "each "
    "window\n"
    "                       its tokens (int32), then a logit (float32) a token of the vocabulary "
    "after each\n"
    "    --window N --windows N  as above\n"
    "  bench                measure the speed of reading a prompt and of writing\n"
    "    --max-tokens N     tokens to write (default 64)\n"
    "\n"
    "Options of every command:\n"
    "  --threads N          default: the number of CPUs\n"
    "%s"
    "  --help, --version\n";

static const char weights_option[] =
    "  --weights FILE       default: the file %s.weights beside this program\n";

static void print_usage(void) {
  char line[512] = "";
  if (!binq_constants.weights)
    snprintf(line, sizeof line, weights_option, binq_constants.name);
  printf(usage, binq_constants.name, line);
}

int program_fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "%s: ", binq_constants.name);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  return 1;
}

int program_fail_with(binq_error error, const char *doing) {
  return program_fail("%s: %s", doing, binq_error_message(error));
}

double program_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static const struct {
  const char *name;
  bool takes_argument;
  int (*run)(const program_options *options);
} commands[] = {
    {"generate", true, program_generate},
    {"perplexity", true, program_perplexity},
    {"logits", true, program_logits},
    {"bench", false, program_bench},
};

/// The exit code of the program, once what it wrote has arrived.
static int finish(int code) {
  if (fflush(stdout) || ferror(stdout))
    return program_fail("cannot write to the standard output");
  return code;
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; ++i) {
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
      print_usage();
    else if (strcmp(argv[i], "--version") == 0)
      printf("%s, compiled by binq %s\n", binq_constants.name, BINQ_VERSION);
    else
      continue;
    return finish(0);
  }
  if (argc < 2)
    return program_fail("no command given; see --help");
  for (size_t i = 0; i < sizeof commands / sizeof *commands; ++i) {
    program_options options;
    if (strcmp(argv[1], commands[i].name) != 0)
      continue;
    if (!program_parse(argc - 2, argv + 2, commands[i].takes_argument, &options))
      return 1;
    return finish(commands[i].run(&options));
  }
  return program_fail("unknown command '%s'; see --help", argv[1]);
}

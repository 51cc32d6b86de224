#include "binq/Driver/Options.h"
#include "Check.h"

typedef struct {
  const char *input, *extra, *output, *preset;
  int64_t seed, size;
  double bits;
  bool verbose;
  binq_argument_list texts;
  char calls[128];
} values;

static binq_status note(void *target, const char *name, const char *value) {
  char *calls = target;
  size_t used = strlen(calls);
  (void)snprintf(calls + used, 128 - used, "%s=%s;", name, value ? value : "(none)");
  return strcmp(name, "bad") == 0 ? binq_errorf("bad was called") : BINQ_OK;
}

/// Parses `line`, whose words are separated by single spaces.
static binq_status parse(values *v, const char *line, binq_command_request *request) {
  static char words[512];
  char *argv[32] = {"tool"};
  int argc = 1;
  (void)snprintf(words, sizeof words, "%s", line);
  for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
    argv[argc++] = word;
  *v = (values){.extra = "-", .preset = "balanced"};
  const binq_argument table[] = {
      {.kind = BINQ_ARGUMENT_POSITIONAL, .name = "IN", .help = "h", .target = &v->input},
      {.kind = BINQ_ARGUMENT_POSITIONAL, .name = "EXTRA", .help = "h", .target = &v->extra},
      {.kind = BINQ_ARGUMENT_STRING, .name = "o", .value = "DIR", .target = &v->output},
      {.kind = BINQ_ARGUMENT_CHOICE,
       .name = "preset",
       .choices = "paper|balanced",
       .target = &v->preset},
      {.kind = BINQ_ARGUMENT_INTEGER, .name = "seed", .target = &v->seed, .maximum = 99},
      {.kind = BINQ_ARGUMENT_NUMBER, .name = "bits", .target = &v->bits},
      {.kind = BINQ_ARGUMENT_SIZE, .name = "size", .target = &v->size},
      {.kind = BINQ_ARGUMENT_FLAG, .name = "verbose", .target = &v->verbose},
      {.kind = BINQ_ARGUMENT_LIST, .name = "text", .value = "FILE", .target = &v->texts},
      {.kind = BINQ_ARGUMENT_CALL, .name = "run", .target = v->calls, .call = note},
      {.kind = BINQ_ARGUMENT_CALL, .name = "bad", .target = v->calls, .call = note},
  };
  const binq_command command = {"tool", "Does things.", table, sizeof table / sizeof *table};
  return binq_command_parse(&command, argc, argv, request);
}

static void check_values(void) {
  values v;
  binq_command_request request;
  CHECK_STATUS_OK(
      parse(&v, "in.gguf -o out --preset=paper --seed 7 --verbose --text a --text=b", &request));
  CHECK_EQ_INT(request, BINQ_COMMAND_RUN);
  CHECK_EQ_STR(v.input, "in.gguf");
  CHECK_EQ_STR(v.extra, "-");
  CHECK_EQ_STR(v.output, "out");
  CHECK_EQ_STR(v.preset, "paper");
  CHECK_EQ_INT(v.seed, 7);
  CHECK(v.verbose);
  CHECK_EQ_INT(v.texts.count, 2);
  CHECK_EQ_STR(v.texts.items[1], "b");
  CHECK_STATUS_OK(parse(&v, "- second -preset paper", &request)); // as LLVM's tools take options
  CHECK_EQ_STR(v.input, "-");
  CHECK_EQ_STR(v.extra, "second");
  CHECK_EQ_STR(v.preset, "paper");
  CHECK_STATUS_OK(parse(&v, "in --bits 2.75 --size=60MB", &request));
  CHECK(v.bits == 2.75);
  CHECK_EQ_INT(v.size, 60000000);
  CHECK_STATUS_OK(parse(&v, "in --size 1.5KiB --bits=3", &request));
  CHECK_EQ_INT(v.size, 1536);
  CHECK_STATUS_OK(parse(&v, "in --size 123", &request));
  CHECK_EQ_INT(v.size, 123);
  CHECK_STATUS_OK(parse(&v, "--verbose -- --seed", &request));
  CHECK_EQ_STR(v.input, "--seed");
  CHECK_STATUS_OK(parse(&v, "in --run --run=a=b", &request));
  CHECK_EQ_STR(v.calls, "run=(none);run=a=b;");
}

static void check_requests(void) {
  values v;
  binq_command_request request;
  CHECK_STATUS_OK(parse(&v, "--help", &request));
  CHECK_EQ_INT(request, BINQ_COMMAND_HELP);
  CHECK_STATUS_OK(parse(&v, "in --version --nonsense", &request));
  CHECK_EQ_INT(request, BINQ_COMMAND_VERSION);
}

static void check_errors(void) {
  static const struct {
    const char *line, *message;
  } cases[] = {
      {"", "IN is missing"},
      {"-o out", "IN is missing"},
      {"a b c", "'c' is one argument too many"},
      {"a --nonsense", "unknown option '--nonsense'"},
      {"a --presets=paper", "unknown option '--presets=paper'"},
      {"a -o", "-o needs a value"},
      {"a --text=", "--text needs a value"},
      {"a --verbose=yes", "--verbose takes no value"},
      {"a --preset=pap", "--preset takes one of paper|balanced, not 'pap'"},
      {"a --preset=", "--preset needs a value"},
      {"a --preset=paper|balanced", "--preset takes one of"},
      {"a --seed=100", "--seed takes a whole number from 0 to 99, not '100'"},
      {"a --seed=-1", "not '-1'"},
      {"a --seed=1x", "not '1x'"},
      {"a --seed=", "--seed needs a value that is not empty"},
      {"a --seed=99999999999999999999", "not '99999999999999999999'"},
      {"a --bits=0", "--bits takes a number above 0, not '0'"},
      {"a --bits=-1", "not '-1'"},
      {"a --bits=nan", "not 'nan'"},
      {"a --bits=2.5x", "not '2.5x'"},
      {"a --bits=.", "not '.'"},
      {"a --size=60mb", "--size takes a size such as 60MB or 1.5GiB, not '60mb'"},
      {"a --size=MB", "not 'MB'"},
      {"a --size=0", "not '0'"},
      {"a --size=99999999999GB", "not '99999999999GB'"},
      {"a --bad", "bad was called"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    values v;
    binq_command_request request;
    CHECK_STATUS_FAILS(parse(&v, cases[i].line, &request), cases[i].message);
  }
}

/// Positionals behind others: as many as there are, one at least.
static void check_many(void) {
  const char *first = NULL;
  binq_argument_list rest = {0};
  const binq_argument table[] = {
      {.kind = BINQ_ARGUMENT_POSITIONAL, .name = "IN", .help = "h", .target = &first},
      {.kind = BINQ_ARGUMENT_POSITIONALS, .name = "REST", .help = "h", .target = &rest},
  };
  const binq_command command = {"tool", "Does things.", table, 2};
  binq_command_request request;
  char *words[BINQ_ARGUMENT_LIST_MAX + 3] = {"tool", "a", "b", "--", "-c"};
  CHECK_STATUS_OK(binq_command_parse(&command, 5, words, &request));
  CHECK_EQ_STR(first, "a");
  CHECK_EQ_INT(rest.count, 2);
  CHECK_EQ_STR(rest.items[0], "b");
  CHECK_EQ_STR(rest.items[1], "-c");
  rest.count = 0;
  CHECK_STATUS_FAILS(binq_command_parse(&command, 2, words, &request), "REST is missing");
  for (int i = 1; i < BINQ_ARGUMENT_LIST_MAX + 3; i++)
    words[i] = "x";
  CHECK_STATUS_OK(binq_command_parse(&command, BINQ_ARGUMENT_LIST_MAX + 2, words, &request));
  rest.count = 0;
  CHECK_STATUS_FAILS(binq_command_parse(&command, BINQ_ARGUMENT_LIST_MAX + 3, words, &request),
                     "REST may be given at most 64 times");
}

static void check_help(void) {
  const char *input = NULL;
  const char *extra = "-";
  bool flag = false;
  const binq_argument table[] = {
      {.kind = BINQ_ARGUMENT_POSITIONAL, .name = "IN", .help = "What to read.", .target = &input},
      {.kind = BINQ_ARGUMENT_POSITIONAL, .name = "OUT", .help = "What to write.", .target = &extra},
      {.kind = BINQ_ARGUMENT_FLAG, .name = "v", .help = "Says more.", .target = &flag},
      {.kind = BINQ_ARGUMENT_CHOICE,
       .name = "a-name-that-is-longer-than-most",
       .choices = "x|y",
       .help = "Chooses.",
       .target = &input},
  };
  const binq_command command = {"tool", "Does things.", table, sizeof table / sizeof *table};
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  REQUIRE(out != NULL);
  binq_command_help(&command, out);
  (void)fclose(out);
  CHECK(strstr(text, "usage: tool IN [OUT] [options]\n\nDoes things.\n\n") == text);
  CHECK(strstr(text, "\n  -v                          Says more.\n") != NULL);
  CHECK(strstr(text, "\n  --a-name-that-is-longer-than-most=x|y\n") != NULL);
  CHECK(strstr(text, "\n                              Chooses.\n") != NULL);
  CHECK(strstr(text, "--version") != NULL);
  free(text);
}

int main(void) {
  check_values();
  check_requests();
  check_errors();
  check_many();
  check_help();
  return check_result();
}

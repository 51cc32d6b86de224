#include "Command.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/// As it was written.
typedef struct {
  binq_argument_list shapes, tokens, threads;
  int64_t rounds, slice;
} texts;

enum { ROWS_MAX = 1 << 20, TOKENS_MAX = 1 << 16, THREADS_MAX = 256, VALUES_MAX = 1 << 28 };

static void set_default(binq_argument_list *list, size_t count, const char *const *items) {
  if (list->count == 0)
    for (size_t i = 0; i < count; i++)
      list->items[list->count++] = items[i];
}

static void set_defaults(texts *t, bench_command *out) {
  static const char *const shapes[] = {"4096x4096", "11008x4096", "4096x11008",
                                       "576x576",   "1536x576",   "576x1536"};
  static const char *const tokens[] = {"1", "2", "4", "16", "128"}, *const threads[] = {"1", "2"};
  static const char *const formats[] = {"w1+1a4", "w3a4", "w3a8"}, *const options[] = {"-"};
  static const char *const types[] = {"Q2_K", "TQ2_0", "Q4_0", "Q8_0"};
  set_default(&t->shapes, 6, shapes);
  set_default(&t->tokens, 5, tokens);
  set_default(&t->threads, 2, threads);
  set_default(&out->formats, 3, formats);
  set_default(&out->lower_options, 1, options);
  set_default(&out->types, 4, types);
}

/// Reads digits, and what must follow them; the text behind that, or NULL.
static const char *read_number(const char *text, char follows, int64_t most, int64_t *out) {
  char *end;
  errno = 0;
  *out = strtoll(text, &end, 10);
  if (end == text || errno || *end != follows || *out < 1 || *out > most)
    return NULL;
  return follows ? end + 1 : end;
}

static binq_status read_numbers(const char *option, const binq_argument_list *list, int64_t most,
                                int64_t *out, size_t *count) {
  for (size_t i = 0; i < list->count; i++)
    if (!read_number(list->items[i], 0, most, &out[i]))
      return binq_errorf("%s takes a number from 1 to %lld, not '%s'", option, (long long)most,
                         list->items[i]);
  *count = list->count;
  return BINQ_OK;
}

static binq_status read_shapes(const binq_argument_list *list, bench_command *out) {
  for (size_t i = 0; i < list->count; i++) {
    bench_shape *shape = &out->shapes[i];
    const char *columns = read_number(list->items[i], 'x', ROWS_MAX, &shape->rows);
    if (!columns || !read_number(columns, 0, UINT16_MAX, &shape->columns) || shape->rows % 32 ||
        shape->columns % 32)
      return binq_errorf("--shape takes ROWSxCOLUMNS, multiples of 32 up to %dx%d, not '%s'",
                         ROWS_MAX, UINT16_MAX / 32 * 32, list->items[i]);
  }
  out->shape_count = list->count;
  return BINQ_OK;
}

/// Inputs and outputs have to fit in memory, several times.
static binq_status check_sizes(const bench_command *c) {
  for (size_t i = 0; i < c->shape_count; i++)
    for (size_t k = 0; k < c->token_count; k++)
      if (c->shapes[i].rows * c->tokens[k] > VALUES_MAX ||
          c->shapes[i].columns * c->tokens[k] > VALUES_MAX)
        return binq_errorf("%lld tokens are too many for --shape %lldx%lld",
                           (long long)c->tokens[k], (long long)c->shapes[i].rows,
                           (long long)c->shapes[i].columns);
  return BINQ_OK;
}

static binq_status read_texts(const texts *t, bench_command *out) {
  BINQ_TRY(read_shapes(&t->shapes, out));
  BINQ_TRY(read_numbers("--tokens", &t->tokens, TOKENS_MAX, out->tokens, &out->token_count));
  BINQ_TRY(read_numbers("--threads", &t->threads, THREADS_MAX, out->threads, &out->thread_count));
  out->effort = (bench_effort){(int)t->rounds, (double)t->slice / 1000};
  return check_sizes(out);
}

/// What may be given several times, and takes the place of what is measured otherwise.
#define LIST(option, text, where, sentence)                                                        \
  {.kind = BINQ_ARGUMENT_LIST,                                                                     \
   .name = (option),                                                                               \
   .value = (text),                                                                                \
   .help = (sentence),                                                                             \
   .target = (where)}
#define STRING(option, text, where, sentence)                                                      \
  {.kind = BINQ_ARGUMENT_STRING,                                                                   \
   .name = (option),                                                                               \
   .value = (text),                                                                                \
   .help = (sentence),                                                                             \
   .target = (where)}
#define INTEGER(option, text, where, least, most, sentence)                                        \
  {.kind = BINQ_ARGUMENT_INTEGER,                                                                  \
   .name = (option),                                                                               \
   .value = (text),                                                                                \
   .help = (sentence),                                                                             \
   .target = (where),                                                                              \
   .minimum = (least),                                                                             \
   .maximum = (most)}

static binq_status parse(int argc, char **argv, texts *t, bench_command *out,
                         binq_command_request *request) {
  const binq_argument table[] = {
      LIST("shape", "ROWSxCOLUMNS", &t->shapes, "Weights, multiples of 32; may be repeated."),
      LIST("tokens", "N", &t->tokens, "Tokens of a call; may be repeated."),
      LIST("threads", "N", &t->threads, "Threads; may be repeated."),
      {.kind = BINQ_ARGUMENT_CHOICE,
       .name = "cache",
       .choices = "cold|hot|both",
       .help = "'cold': every call takes other weights; 'hot': the same ones (default: both).",
       .target = &out->cache},
      LIST("format", "FORMAT", &out->formats,
           "Format of binq's, as w1+1a4 or w3a8; may be repeated."),
      LIST("lower-options", "OPTIONS", &out->lower_options,
           "Options of binq-lower, '-' for none; may be repeated, to see them side by side."),
      INTEGER("int8-columns", "N", &out->int8_columns, 0, UINT16_MAX,
              "INT8 columns of binq's formats, a multiple of 32 (default: 0)."),
      STRING("peer", "LIBRARY", &out->peer, "ggml, in a library made of Ggml.c."),
      LIST("type", "TYPE", &out->types, "Type of ggml's; may be repeated."),
      STRING("openblas", "LIBRARY", &out->openblas, "numpy's OpenBLAS."),
      {.kind = BINQ_ARGUMENT_SIZE,
       .name = "memory",
       .value = "SIZE",
       .help = "Copies of everybody's weights take at least so much (default: 256MB).",
       .target = &out->memory},
      INTEGER("rounds", "N", &t->rounds, 1, 1000, "Rounds (default: 7)."),
      INTEGER("slice", "MS", &t->slice, 0, 10000,
              "Milliseconds of everybody in a round (default: 20)."),
      STRING("json", "FILE", &out->json, "Where to write the numbers."),
  };
  const binq_command command = {"bench-kernels",
                                "Times linears as binq compiles them, and others'.", table,
                                sizeof table / sizeof *table};
  BINQ_TRY(binq_command_parse(&command, argc, argv, request));
  if (*request == BINQ_COMMAND_HELP)
    binq_command_help(&command, stdout);
  if (*request == BINQ_COMMAND_VERSION)
    binq_command_version(&command, stdout);
  return BINQ_OK;
}

binq_status bench_command_parse(int argc, char **argv, bench_command *out,
                                binq_command_request *request) {
  texts t = {.rounds = 7, .slice = 20};
  *out =
      (bench_command){.cache = "both", .peer = "", .openblas = "", .memory = 256000000, .json = ""};
  BINQ_TRY(parse(argc, argv, &t, out, request));
  set_defaults(&t, out);
  return read_texts(&t, out);
}

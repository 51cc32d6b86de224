// The text that a model is calibrated on: from files, or written by the model itself.
#include "QuantizeInternal.h"

#include "binq/Checkpoint/TokenizerTables.h"
#include "binq/Support/File.h"
#include "runtime/Tokenizer.h"
#include <stdlib.h>
#include <string.h>

/// How the model writes: near the middle of what it finds likely, for text off its course teaches
/// what no reader asks for.
static const double temperature = 0.8, top_p = 0.95;

/// How the texts that the model writes begin: prose, news, facts, talk, instructions, code,
/// figures.
static const char *const beginnings[] = {
    "Once upon a time, there was",
    "The history of",
    "In 1987, the",
    "She opened the door and",
    "According to a new study,",
    "The city of",
    "To make a simple",
    "Question: Why do",
    "The film was directed by",
    "He was born in",
    "My favourite",
    "Chapter 1\n\n",
    "def main():\n",
    "The first battle",
    "Dear Sir or Madam,\n\n",
    "The album",
    "Scientists have discovered that",
    "There are many reasons why",
    "\"I do not know,\" said",
    "The river",
    "Photosynthesis is",
    "Step 1:",
    "The government announced on Monday that",
    "It was a cold morning when",
    "The species is",
    "A good teacher",
    "The team won",
    "How to",
    "The castle was built in",
    "During the Second World War,",
    "Mathematics is",
    "The game is played",
    "Let x be",
    "Tom and his little sister",
    "The song was written by",
    "In the United States,",
    "Health experts recommend",
    "The ship was",
    "One day, a small",
    "Climate change",
    "The road runs from",
    "Here is a list of",
    "The king",
    "Water is",
    "The company was founded",
    "As a child, I",
    "The storm formed",
    "Many people believe that",
};

enum { BEGINNING_COUNT = sizeof beginnings / sizeof *beginnings, BEGINNING_TOKENS = 16 };

/// The model's tokenizer and the tables it works from.
typedef struct {
  uint8_t *tables;
  binq_tokenizer tokenizer;
} model_tokenizer;

static binq_status open_tokenizer(const quantizer *q, model_tokenizer *out) {
  const binq_model *model = binq_module_weights_model(q->weights);
  if (!model)
    return binq_errorf("calibration needs the model file's tokenizer, but the module has no %s",
                       BINQ_ATTR_SOURCE);
  size_t size;
  BINQ_TRY(binq_tokenizer_tables(&model->vocabulary, &out->tables, &size));
  int error = binq_tokenizer_open(out->tables, size, &out->tokenizer);
  if (!error)
    return BINQ_OK;
  free(out->tables);
  return binq_errorf("the tokenizer's tables are damaged");
}

static binq_status encode(const model_tokenizer *t, const char *text, size_t length,
                          int32_t *tokens, size_t capacity, size_t *count) {
  int error = binq_tokenizer_encode(&t->tokenizer, text, length, 0, tokens, capacity, count);
  if (error)
    return binq_errorf("text cannot be split into tokens: %s", strerror(error));
  return BINQ_OK;
}

/// Up to `windows` windows of a file's text.
static binq_status read_text(const quantizer *q, const model_tokenizer *t, const char *path,
                             int64_t windows, int32_t *tokens, int64_t *used) {
  char *text;
  size_t length, count, window = (size_t)q->options->window;
  BINQ_TRY(binq_read_file(path, &text, &length));
  binq_status status = encode(t, text, length, tokens, (size_t)windows * window, &count);
  free(text);
  if (status)
    return binq_annotate(status, "%s", path);
  if (windows > 0 && count < window)
    return binq_errorf("%s: %zu tokens of calibration text are not one window of %zu", path, count,
                       window);
  *used = (int64_t)(count / window) < windows ? (int64_t)(count / window) : windows;
  return BINQ_OK;
}

static int64_t count_files(const char *list) {
  int64_t count = 1;
  for (; *list; list++)
    count += *list == ',';
  return count;
}

/// Every file of the comma-separated list gets an equal share of the windows, the first ones what
/// is left over.
static binq_status read_texts(const quantizer *q, const model_tokenizer *t, int32_t *tokens,
                              int64_t *windows) {
  const char *list = q->options->calibration;
  int64_t files = count_files(list);
  *windows = 0;
  for (int64_t i = 0; i < files; i++) {
    size_t length = strcspn(list, ",");
    char *path;
    BINQ_TRY(binq_arena_copy_string(q->arena, list, length, &path));
    int64_t share = q->options->windows / files + (i < q->options->windows % files);
    int64_t used;
    BINQ_TRY(read_text(q, t, path, share, tokens + *windows * q->options->window, &used));
    *windows += used;
    list += length + 1;
  }
  return BINQ_OK;
}

static binq_status write_text(const quantizer *q, const model_tokenizer *t, binq_graph *graph,
                              int32_t *tokens) {
  int32_t spans[BEGINNING_COUNT][BEGINNING_TOKENS];
  const int32_t *begin[BEGINNING_COUNT];
  int64_t lengths[BEGINNING_COUNT], used = 0;
  for (int64_t i = 0; i < BEGINNING_COUNT; i++) {
    size_t count;
    BINQ_TRY(
        encode(t, beginnings[i], strlen(beginnings[i]), spans[used], BEGINNING_TOKENS, &count));
    if (count == 0) // a vocabulary that has no tokens for any of these bytes
      continue;
    begin[used] = spans[used];
    lengths[used++] = count < BEGINNING_TOKENS ? (int64_t)count : BEGINNING_TOKENS;
  }
  binq_writing writing = {.tokens = q->options->windows * q->options->window,
                          .temperature = temperature,
                          .top_p = top_p,
                          .seed = (uint64_t)q->options->seed,
                          .beginnings = begin,
                          .beginning_lengths = lengths,
                          .beginning_count = used};
  return binq_graph_write(graph, &writing, q->environment->progress, tokens);
}

static binq_status make_text(const quantizer *q, binq_graph *graph, int32_t *tokens,
                             int64_t *windows) {
  model_tokenizer t;
  BINQ_TRY(open_tokenizer(q, &t));
  *windows = q->options->windows;
  binq_status status = *q->options->calibration ? read_texts(q, &t, tokens, windows)
                                                : write_text(q, &t, graph, tokens);
  free(t.tables);
  return status;
}

binq_status binq_calibration_tokens(const quantizer *q, binq_graph *graph, int32_t **tokens,
                                    int64_t *windows) {
  size_t count = (size_t)(q->options->windows * q->options->window);
  BINQ_TRY(binq_allocate(count, sizeof **tokens, "calibration text", tokens));
  binq_status status = make_text(q, graph, *tokens, windows);
  if (status)
    free(*tokens);
  return status;
}

// The text that a model is calibrated on: from files, or written by the model itself.
#include "QuantizeInternal.h"

#include "binq/Checkpoint/TextTokens.h"
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

enum { BEGINNING_COUNT = sizeof beginnings / sizeof *beginnings };

/// Up to `windows` windows of a file's text.
static binq_status read_text(const quantizer *q, const binq_text_tokenizer *t, const char *path,
                             int64_t windows, int32_t *out, int64_t *used) {
  int32_t *tokens;
  size_t count, window = (size_t)q->options->window;
  BINQ_TRY(binq_file_tokens(t, path, &tokens, &count));
  *used = (int64_t)(count / window) < windows ? (int64_t)(count / window) : windows;
  memcpy(out, tokens, (size_t)*used * window * sizeof *out);
  free(tokens);
  if (count < window)
    return binq_errorf("%s: %zu tokens of calibration text are not one window of %zu", path, count,
                       window);
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
static binq_status read_texts(const quantizer *q, const binq_text_tokenizer *t, int32_t *out,
                              int64_t *windows) {
  const char *list = q->options->calibration;
  int64_t files = count_files(list);
  *windows = 0;
  if (files > q->options->windows)
    return binq_errorf("there are more calibration texts (%lld) than windows (%lld)",
                       (long long)files, (long long)q->options->windows);
  for (int64_t i = 0; i < files; i++) {
    size_t length = strcspn(list, ",");
    char *path;
    BINQ_TRY(binq_arena_copy_string(q->arena, list, length, &path));
    int64_t share = q->options->windows / files + (i < q->options->windows % files);
    int64_t used;
    BINQ_TRY(read_text(q, t, path, share, out + *windows * q->options->window, &used));
    *windows += used;
    list += length + 1;
  }
  return BINQ_OK;
}

/// The beginnings as tokens; what the vocabulary cannot spell at all is left out.
typedef struct {
  int32_t *tokens[BEGINNING_COUNT];
  int64_t lengths[BEGINNING_COUNT];
  int64_t count;
} beginning_list;

static binq_status encode_beginnings(const binq_text_tokenizer *t, beginning_list *out) {
  for (int64_t i = 0; i < BEGINNING_COUNT; i++) {
    size_t length;
    const char *text = beginnings[i];
    BINQ_TRY(binq_text_tokens(t, text, strlen(text), &out->tokens[out->count], &length));
    out->lengths[out->count] = (int64_t)length;
    if (length > 0)
      out->count++;
    else
      free(out->tokens[out->count]);
  }
  return BINQ_OK;
}

static binq_status write_text(const quantizer *q, const binq_text_tokenizer *t, binq_graph *graph,
                              int32_t *out) {
  beginning_list list = {.count = 0};
  binq_status status = encode_beginnings(t, &list);
  binq_writing writing = {.tokens = q->options->windows * q->options->window,
                          .temperature = temperature,
                          .top_p = top_p,
                          .seed = (uint64_t)q->options->seed,
                          .beginnings = (const int32_t *const *)list.tokens,
                          .beginning_lengths = list.lengths,
                          .beginning_count = list.count};
  if (!status)
    status = binq_graph_write(graph, &writing, q->environment->progress, out);
  for (int64_t i = 0; i < list.count; i++)
    free(list.tokens[i]);
  return status;
}

static binq_status make_text(const quantizer *q, binq_graph *graph, int32_t *out,
                             int64_t *windows) {
  const binq_model *model = binq_module_weights_model(q->weights);
  if (!model)
    return binq_errorf("calibration needs the model file's tokenizer, but the module has no %s",
                       BINQ_ATTR_SOURCE);
  binq_text_tokenizer *t;
  BINQ_TRY(binq_text_tokenizer_create(&model->vocabulary, &t));
  *windows = q->options->windows;
  binq_status status =
      *q->options->calibration ? read_texts(q, t, out, windows) : write_text(q, t, graph, out);
  binq_text_tokenizer_destroy(t);
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

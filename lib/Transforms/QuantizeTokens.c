// The text that a model is calibrated on: from files, or written by the model itself.
#include "QuantizeInternal.h"

#include "binq/Checkpoint/TextTokens.h"
#include <stdlib.h>
#include <string.h>

/// The model writes what it finds likely as often as it finds it so. Text nearer to the middle of
/// that makes it worse at all that is not such text.
static const double temperature = 1;

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

/// Windows of text: first those that calibrate, then those that are held back, then those that
/// distill.
typedef struct {
  int64_t calibrating, held_back, distilling;
} share;

/// What of a wish a text of so many windows grants. One that is too short holds a quarter back, but
/// never all it has.
static share grant(share wish, int64_t windows) {
  int64_t spare = windows - wish.calibrating, quarter = (windows + 3) / 4;
  int64_t most = spare > quarter ? spare : quarter;
  if (most > windows - 1)
    most = windows - 1;
  if (wish.held_back > most)
    wish.held_back = most;
  if (wish.calibrating > windows - wish.held_back)
    wish.calibrating = windows - wish.held_back;
  int64_t left = windows - wish.calibrating - wish.held_back;
  if (wish.distilling > left)
    wish.distilling = left;
  return wish;
}

/// Part `i` of `files` equal ones; the first get what is left over.
static share share_of(const quantizer *q, int64_t i, int64_t files) {
  const binq_quantize_options *o = q->options;
  int64_t distilling = binq_distilled_windows(o);
  return (share){o->windows / files + (i < o->windows % files),
                 o->held_back / files + (i < o->held_back % files),
                 distilling / files + (i < distilling % files)};
}

/// Appends windows to a text of *windows so far.
static void append(const quantizer *q, const int32_t *tokens, int64_t count, int32_t *text,
                   int64_t *windows) {
  size_t window = (size_t)q->options->window;
  memcpy(text + (size_t)*windows * window, tokens, (size_t)count * window * sizeof *text);
  *windows += count;
}

/// Appends windows of a file's text to the calibration text `out`, of *windows so far, to what is
/// held back, and to what distills.
static binq_status read_text(quantizer *q, const binq_text_tokenizer *t, const char *path,
                             share wish, int32_t *out, int64_t *windows) {
  int32_t *tokens;
  size_t count, window = (size_t)q->options->window;
  BINQ_TRY(binq_file_tokens(t, path, &tokens, &count));
  share used = grant(wish, (int64_t)(count / window));
  if (count >= window) {
    const int32_t *held_back = tokens + (size_t)used.calibrating * window;
    const int32_t *distilling = held_back + (size_t)used.held_back * window;
    append(q, tokens, used.calibrating, out, windows);
    append(q, held_back, used.held_back, q->held_back, &q->held_back_windows);
    append(q, distilling, used.distilling, q->distilling, &q->distilling_windows);
  }
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

/// Every file of the comma-separated list gets an equal share of the windows.
static binq_status read_texts(quantizer *q, const binq_text_tokenizer *t, int32_t *out,
                              int64_t *windows) {
  const char *list = q->options->calibration;
  int64_t files = count_files(list);
  if (files > q->options->windows)
    return binq_errorf("there are more calibration texts (%lld) than windows (%lld)",
                       (long long)files, (long long)q->options->windows);
  for (int64_t i = 0; i < files; i++) {
    size_t length = strcspn(list, ",");
    char *path;
    BINQ_TRY(binq_arena_copy_string(q->arena, list, length, &path));
    BINQ_TRY(read_text(q, t, path, share_of(q, i, files), out, windows));
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

/// Writes text for calibration and, behind it, to hold back: `out` has room for both.
static binq_status write_text(quantizer *q, const binq_text_tokenizer *t, binq_graph *graph,
                              int32_t *out) {
  const binq_quantize_options *o = q->options;
  beginning_list list = {.count = 0};
  binq_status status = encode_beginnings(t, &list);
  binq_writing writing = {.tokens = (o->windows + o->held_back) * o->window,
                          .temperature = temperature,
                          .seed = (uint64_t)o->seed,
                          .beginnings = (const int32_t *const *)list.tokens,
                          .beginning_lengths = list.lengths,
                          .beginning_count = list.count};
  if (!status)
    status = binq_graph_write(graph, &writing, q->environment->progress, out);
  memcpy(q->held_back, out + o->windows * o->window,
         (size_t)(o->held_back * o->window) * sizeof *out);
  q->held_back_windows = o->held_back;
  for (int64_t i = 0; i < list.count; i++)
    free(list.tokens[i]);
  return status;
}

static binq_status make_text(quantizer *q, binq_graph *graph, int32_t *out, int64_t *windows) {
  const binq_model *model = binq_module_weights_model(q->weights);
  if (!model)
    return binq_errorf("calibration needs the model file's tokenizer, but the module has no %s",
                       BINQ_ATTR_SOURCE);
  binq_text_tokenizer *t;
  BINQ_TRY(binq_text_tokenizer_create(&model->vocabulary, &t));
  bool own = !*q->options->calibration;
  *windows = own ? q->options->windows : 0;
  binq_status status = own ? write_text(q, t, graph, out) : read_texts(q, t, out, windows);
  binq_text_tokenizer_destroy(t);
  return status;
}

binq_status binq_calibration_tokens(quantizer *q, binq_graph *graph, int32_t **tokens,
                                    int64_t *windows) {
  size_t held_back = (size_t)(q->options->held_back * q->options->window);
  size_t count = (size_t)(q->options->windows * q->options->window) + held_back;
  int64_t distilling = binq_distilled_windows(q->options);
  size_t most = (size_t)((distilling + q->options->windows) * q->options->window);
  BINQ_TRY(binq_arena_allocate(q->arena, held_back, sizeof *q->held_back, (void *)&q->held_back));
  BINQ_TRY(binq_arena_allocate(q->arena, most, sizeof *q->distilling, (void *)&q->distilling));
  BINQ_TRY(binq_allocate(count, sizeof **tokens, "calibration text", tokens));
  binq_status status = make_text(q, graph, *tokens, windows);
  if (!status && q->distilling_windows < distilling)
    append(q, *tokens, *windows, q->distilling, &q->distilling_windows);
  if (status)
    free(*tokens);
  return status;
}

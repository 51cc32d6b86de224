#include "runtime/Program/Program.h"
#include <math.h>
#include <stdio.h>
#include <unistd.h>

/// What was measured so far.
typedef struct {
  double sum; ///< of the surprises
  int64_t window, windows;
  double start;
  bool shows_progress;
} measurement;

/// -log of the probability of `token`.
static double surprise(const float *logits, int32_t token) {
  float most = logits[0];
  double sum = 0;
  for (int64_t i = 1; i < binq_constants.vocabulary_size; ++i)
    most = logits[i] > most ? logits[i] : most;
  for (int64_t i = 0; i < binq_constants.vocabulary_size; ++i)
    sum += exp((double)logits[i] - (double)most);
  return log(sum) - ((double)logits[token] - (double)most);
}

/// After `windows` windows, in each of which all tokens but the first are foretold.
static double perplexity_of(const measurement *m, int64_t windows) {
  return exp(m->sum / (double)(windows * (m->window - 1)));
}

static void show_progress(const measurement *m, int64_t done) {
  double left = (program_seconds() - m->start) / (double)done * (double)(m->windows - done);
  fprintf(stderr, "\rwindow %lld of %lld, perplexity so far %.4f, %.0f s left \033[K",
          (long long)done, (long long)m->windows, perplexity_of(m, done), left);
}

static bool measure(void *user, const program_piece *piece) {
  measurement *m = user;
  m->window = piece->window;
  m->windows = piece->windows;
  for (int64_t i = 0; i < piece->count && piece->begin + i + 1 < piece->window; ++i)
    m->sum += surprise(piece->logits + i * binq_constants.vocabulary_size,
                       piece->tokens[piece->begin + i + 1]);
  if (m->shows_progress && piece->begin + piece->count == piece->window)
    show_progress(m, piece->number + 1);
  return true;
}

int program_perplexity(const program_options *options) {
  measurement m = {.start = program_seconds(), .shows_progress = isatty(STDERR_FILENO)};
  int code = program_windows(options, measure, &m);
  if (m.shows_progress)
    fputs("\r\033[K", stderr);
  if (code == 0)
    printf("%lld windows of %lld tokens\nperplexity %.4f\n", (long long)m.windows,
           (long long)m.window, perplexity_of(&m, m.windows));
  return code;
}

/// The program that comes with a compiled model. It uses the model as any other program would, by
/// its public interface; only where a program of one model writes BINQ_VOCABULARY_SIZE, it reads
/// binq_constants. It is compiled for the oldest CPU, so that on an old CPU it can say what is
/// missing.
#ifndef BINQ_RUNTIME_PROGRAM_H
#define BINQ_RUNTIME_PROGRAM_H

#include "runtime/Api.h"
#include "runtime/Model.h"
#include <stdbool.h>

/// What a command line asks for.
typedef struct {
  const char *argument; ///< PROMPT or FILE
  const char *weights;  ///< path of the weights file, NULL when there is none
  int threads;
  int64_t max_tokens, window, windows; ///< 0: the command's default
  binq_sampling sampling;
} program_options;

/// Reads the arguments behind a command's name. On a mistake it prints a line and returns false.
bool program_parse(int count, char **arguments, bool takes_argument, program_options *out);

/// Prints "NAME: ..." and a newline to the standard error stream, and returns 1, the exit code of
/// failures.
int program_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// The same with the error's message, in the course of `doing`.
int program_fail_with(binq_error error, const char *doing);

/// Seconds of a clock that never goes back.
double program_seconds(void);

/// Opens the model; prints a line and returns false when that fails.
bool program_open(const program_options *options, binq_model **model);

/// Makes a context; likewise.
bool program_context(const program_options *options, const binq_model *model, int64_t max_tokens,
                     binq_context **context);

/// The tokens of a text, to be freed; NULL after a line was printed.
int32_t *program_encode(const binq_model *model, const char *text, size_t length, unsigned options,
                        size_t *count);

/// Some tokens of a window that were read, with the logits after each.
typedef struct {
  const int32_t *tokens;   ///< of the whole window
  int64_t window;          ///< tokens in a window
  int64_t number, windows; ///< this window, and how many there are
  int64_t begin, count;    ///< which of its tokens
  const float *logits;     ///< [count][vocabulary]
} program_piece;

/// False ends the reading, with exit code 1.
typedef bool program_visit(void *user, const program_piece *piece);

/// Reads the text that `options` name, window by window in pieces. The program's exit code.
int program_windows(const program_options *options, program_visit *visit, void *user);

/// The commands. They return the program's exit code.
int program_generate(const program_options *options);
int program_perplexity(const program_options *options);
int program_logits(const program_options *options);
int program_bench(const program_options *options);

#endif

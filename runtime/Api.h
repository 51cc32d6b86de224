/// The interface of a compiled model, and the template of its header: the compiler takes what is
/// between the lines "begin" and "end", puts words and numbers for what begins with a dollar sign,
/// and the model's name for the prefix. The runtime is written against this file as it is, and so
/// uses none of the constants.
#pragma GCC visibility push(default) // all else in the runtime is hidden
//@begin
/// $title as a C library, made by binq $version.
///
/// Link with: lib$name.a -lm -lpthread
/// Functions that can fail return a binq_error. Nothing is printed, and no state is kept but what
/// is handed out here.
#ifndef BINQ_H
#define BINQ_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Tokens are 0 to this minus 1, and there is a logit for each.
#define BINQ_VOCABULARY_SIZE $vocabulary_size
/// The most tokens a context can be made for.
#define BINQ_CONTEXT_LENGTH $context_length
/// Layers of the model.
#define BINQ_LAYER_COUNT $layer_count
/// Numbers that stand for a token between two layers.
#define BINQ_HIDDEN_SIZE $hidden_size
/// The token that begins a text, -1 if there is none.
#define BINQ_BOS $bos
/// The token that ends a text, -1 if there is none.
#define BINQ_EOS $eos
/// Bytes that the text of a token may need, see binq_decode.
#define BINQ_TEXT_SIZE $text_size
/// Bytes of the weights.
#define BINQ_WEIGHTS_SIZE $weights_size
/// The file that the weights are in, by its name; NULL when they are in the library.
#define BINQ_WEIGHTS_FILE $weights_file

/// What went wrong; BINQ_OK is 0.
typedef enum {
  BINQ_OK = 0,
  BINQ_ERROR_CPU,      ///< the CPU has none of the instruction sets that the library has code for,
                       ///< or the environment variable $isa_variable does not name one it has
  BINQ_ERROR_ARGUMENT, ///< a NULL pointer, or a number out of its range
  BINQ_ERROR_FILE,     ///< the weights file cannot be read
  BINQ_ERROR_WEIGHTS,  ///< the file does not hold the weights this library was compiled with, or is
                       ///< damaged
  BINQ_ERROR_MEMORY,   ///< out of memory
  BINQ_ERROR_THREAD,   ///< threads cannot be started
  BINQ_ERROR_TOKEN,    ///< not a token of the vocabulary
  BINQ_ERROR_FULL,     ///< the context has no room for that many more tokens
  BINQ_ERROR_STOPPED,  ///< binq_stop was called
  BINQ_ERROR_EMPTY,    ///< nothing was fed yet, so there are no logits
} binq_error;

/// One sentence on an error; never NULL.
const char *binq_error_message(binq_error error);

/// A model that is ready to run: its weights and its tokenizer. It does not change, so any number
/// of threads may use it at the same time.
typedef struct binq_model binq_model;

/// Opens the model. `path` leads to BINQ_WEIGHTS_FILE, whose size and content are checked; NULL
/// when that is NULL. The library has code for several instruction sets ($isas).
/// The best that the CPU has is taken, or the one that the environment variable $isa_variable
/// names; no result depends on it.
binq_error binq_open(const char *path, binq_model **model);

/// Releases a model none of whose contexts is left. NULL is ignored.
void binq_close(binq_model *model);

/// A text in the making: the tokens so far, what the model keeps of them, and the threads that work
/// on it. One thread at a time may use a context, but different contexts are independent.
typedef struct binq_context binq_context;

/// *bytes = the memory that a context for `max_tokens` tokens takes; 1 <= max_tokens <=
/// BINQ_CONTEXT_LENGTH.
binq_error binq_context_memory(int64_t max_tokens, size_t *bytes);

/// Makes a context for at most `max_tokens` tokens that computes with `threads` threads, the
/// calling one included. The number of threads changes no result.
binq_error binq_context_create(const binq_model *model, int64_t max_tokens, int threads,
                               binq_context **context);

/// Releases a context and ends its threads. NULL is ignored.
void binq_context_destroy(binq_context *context);

/// Appends `count` tokens to the text. They may come at once or in pieces: the logits are the same.
/// BINQ_ERROR_TOKEN and BINQ_ERROR_FULL append nothing; after BINQ_ERROR_STOPPED, binq_position
/// tells what was appended.
binq_error binq_feed(binq_context *context, const int32_t *tokens, size_t count);

/// The same, and writes the logits after every token: logits[count][BINQ_VOCABULARY_SIZE].
binq_error binq_feed_logits(binq_context *context, const int32_t *tokens, size_t count,
                            float *logits);

/// logits[BINQ_VOCABULARY_SIZE] of the token that follows the text, until the context is fed or
/// rewound again; NULL if nothing was fed since it was made or rewound.
const float *binq_logits(const binq_context *context);

/// The number of tokens in the text.
int64_t binq_position(const binq_context *context);

/// Shortens the text to its first `position` tokens.
binq_error binq_rewind(binq_context *context, int64_t position);

/// Called from any thread or from a signal handler: the feeding in progress, or else the next one,
/// ends early with BINQ_ERROR_STOPPED. A feeding stops between pieces of at most 128 tokens.
void binq_stop(binq_context *context);

/// How a token is chosen. All zero is greedy: the likeliest token, the first of equals.
typedef struct {
  float temperature; ///< 0: greedy; 1: as the model says; more is more varied
  float top_p;       ///< only the likeliest tokens that together have this probability; 0 or 1: all
  int32_t top_k;     ///< only this many of the likeliest tokens; 0: all
  uint64_t seed;     ///< decides the choices; every choice changes it
} binq_sampling;

/// Chooses the token that follows the text. It is not appended to it. The same on every machine.
binq_error binq_sample(binq_context *context, binq_sampling *sampling, int32_t *token);

/// Options of binq_encode.
enum {
  BINQ_ENCODE_CONTROL =
      1, ///< names of control tokens, such as "<|im_start|>", stand for them; not for others' texts
  BINQ_ENCODE_START = 2, ///< begin with the token a text of this model begins with, if it has one
};

/// Splits `length` bytes of UTF-8 text into tokens. *count is their number, also where it exceeds
/// `capacity`; no more than that are written, and `tokens` may be NULL where it is 0. `options` are
/// added up; 0 is none.
binq_error binq_encode(const binq_model *model, const char *text, size_t length, unsigned options,
                       int32_t *tokens, size_t capacity, size_t *count);

/// 1 if the token is no text but a sign, such as that of the end of a text; 0 for all others.
int binq_is_control(const binq_model *model, int32_t token);

/// Turns a sequence of tokens into text, for a character may be spread over several. Starts as all
/// zero where the tokens go on with a text.
typedef struct {
  unsigned char bytes[4]; ///< the beginning of a character whose rest has not come yet
  unsigned count;
  unsigned start; ///< 1: a text begins here, so a space that binq_encode puts before it is left
                  ///< out; binq_decode sets it after the token that begins a text
} binq_decoder;

/// Adds a token and writes the characters that are now complete, NUL-terminated, to
/// text[BINQ_TEXT_SIZE]. *length, if not NULL, is their number of bytes. Bytes that are not UTF-8
/// come out as U+FFFD, control tokens as nothing.
binq_error binq_decode(const binq_model *model, binq_decoder *decoder, int32_t token, char *text,
                       size_t *length);

/// Ends the sequence: the same for a character that stopped in its middle.
binq_error binq_decode_end(binq_decoder *decoder, char *text, size_t *length);

#ifdef __cplusplus
}
#endif

#endif
//@end
#pragma GCC visibility pop

/// Byte-level BPE, or SentencePiece's, over tables that lie in a model's weights. Nothing is copied
/// or allocated to open them.
#ifndef BINQ_RUNTIME_TOKENIZER_H
#define BINQ_RUNTIME_TOKENIZER_H

#include "runtime/TokenizerFormat.h"
#include "runtime/Utf8.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Tables that have been checked: pointers into the blob.
typedef struct {
  const binq_tokenizer_header *header;
  int64_t token_count;
  int64_t bos, eos; ///< -1 for none
  const uint32_t *token_starts;
  const uint8_t *token_bytes;
  const uint8_t *token_kinds;
  const int32_t *byte_tokens;
  const binq_tokenizer_merge *merges;
  const int32_t *specials;
  const int32_t *words;
  const uint16_t *pages;
  const uint8_t *classes;
  bool special_starts[256]; ///< whether a special token begins with the byte
} binq_tokenizer;

/// What binq_tokenizer_encode is to do besides.
enum {
  BINQ_ENCODE_SPECIAL = 1, ///< control tokens spelled in the text become tokens
  BINQ_ENCODE_BOS = 2,     ///< begin with `bos` if the vocabulary asks for that
};

/// Checks tables of `size` bytes at `blob` (aligned to 8), which must outlive the tokenizer. 0, or
/// EINVAL when they are damaged.
int binq_tokenizer_open(const void *blob, size_t size, binq_tokenizer *out);

/// Tokens of `text`, any bytes; those that are not UTF-8 are tokenized byte by byte, and what the
/// vocabulary has no token for is left out, or becomes its unknown token. *count is the number of
/// tokens, at most 2 * length + 2; the first `capacity` of them are stored. 0, ENOMEM, or EFBIG for
/// texts of 2 GiB and more.
int binq_tokenizer_encode(const binq_tokenizer *tokenizer, const char *text, size_t length,
                          unsigned options, int32_t *tokens, size_t capacity, size_t *count);

/// The bytes a token stands for, not NUL-terminated. 0, or EINVAL when there is no such token.
int binq_tokenizer_token_bytes(const binq_tokenizer *tokenizer, int64_t token,
                               const uint8_t **bytes, size_t *length);

/// Whether a token is a control token (end of text and the like), not part of a text.
bool binq_tokenizer_is_control(const binq_tokenizer *tokenizer, int64_t token);

/// Tokens on their way to text. All zeros is the middle of a text.
typedef struct {
  binq_utf8_stream characters;
  bool start; ///< a text begins here, so that the space that encoding adds is left out; set by bos
} binq_text_stream;

/// Adds a token and writes the characters that are complete to `out`, which has room for 3 times
/// the token's bytes + 9; *length is how many bytes it wrote. 0, or EINVAL when there is no such
/// token.
int binq_tokenizer_decode(const binq_tokenizer *tokenizer, binq_text_stream *stream, int64_t token,
                          char *out, size_t *length);

/// The word that is spelled so (BINQ_SECTION_WORDS), -1 for none.
int32_t binq_tokenizer_find_word(const binq_tokenizer *tokenizer, const uint8_t *text,
                                 size_t length);

#endif

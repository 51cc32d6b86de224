/// UTF-8: characters of a text, and whole characters out of a stream of tokens, which may end
/// inside one.
#ifndef BINQ_RUNTIME_UTF8_H
#define BINQ_RUNTIME_UTF8_H

#include <stddef.h>
#include <stdint.h>

/// Length in bytes (1 to 4) of the character `text` begins with, and its code point; 0 when the
/// bytes are no character (ill-formed, cut off, or length is 0).
int binq_utf8_decode(const uint8_t *text, size_t length, uint32_t *code_point);

/// The beginning of a character whose rest has not come yet. Starts as all zeros.
typedef struct {
  uint8_t bytes[4];
  size_t count;
} binq_utf8_stream;

/// Adds `length` bytes and writes the characters that are complete to `out`, which has room for
/// 3 * length + 9 bytes; returns how many bytes it wrote. Ill-formed bytes come out as U+FFFD, so
/// that what is written is always UTF-8.
size_t binq_utf8_push(binq_utf8_stream *stream, const uint8_t *bytes, size_t length, char *out);

/// Ends the stream: writes U+FFFD (3 bytes) if it stopped inside a character; returns the bytes
/// written.
size_t binq_utf8_end(binq_utf8_stream *stream, char *out);

#endif

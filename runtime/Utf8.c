#include "runtime/Utf8.h"
#include <string.h>

/// What a character may look like by its first byte: its length, and the range of its second byte,
/// which is what keeps out overlong forms, surrogates and code points past 0x10ffff. Length 0: no
/// character begins so.
typedef struct {
  int length;
  uint8_t least, most;
} form;

static form form_of(uint8_t first) {
  if (first < 0x80)
    return (form){1, 0, 0};
  if (first < 0xc2)
    return (form){0, 0, 0};
  if (first < 0xe0)
    return (form){2, 0x80, 0xbf};
  if (first < 0xf0)
    return (form){3, first == 0xe0 ? 0xa0 : 0x80, first == 0xed ? 0x9f : 0xbf};
  if (first < 0xf5)
    return (form){4, first == 0xf0 ? 0x90 : 0x80, first == 0xf4 ? 0x8f : 0xbf};
  return (form){0, 0, 0};
}

/// How many of the bytes at `text` could begin a character of that form.
static int prefix(form f, const uint8_t *text, size_t length) {
  int count = 1;
  for (; count < f.length && (size_t)count < length; count++) {
    uint8_t least = count == 1 ? f.least : 0x80, most = count == 1 ? f.most : 0xbf;
    if (text[count] < least || text[count] > most)
      break;
  }
  return count;
}

int binq_utf8_decode(const uint8_t *text, size_t length, uint32_t *code_point) {
  if (length == 0)
    return 0;
  form f = form_of(text[0]);
  if (f.length == 0 || prefix(f, text, length) < f.length)
    return 0;
  static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  uint32_t value = text[0] & masks[f.length];
  for (int i = 1; i < f.length; i++)
    value = value << 6 | (text[i] & 0x3f);
  *code_point = value;
  return f.length;
}

static size_t put(char *out, const void *bytes, size_t count) {
  memcpy(out, bytes, count);
  return count;
}

size_t binq_utf8_end(binq_utf8_stream *stream, char *out) {
  size_t count = stream->count;
  stream->count = 0;
  return count ? put(out, "\xef\xbf\xbd", 3) : 0;
}

static size_t push_byte(binq_utf8_stream *stream, uint8_t byte, char *out) {
  size_t written = 0;
  stream->bytes[stream->count++] = byte;
  if (stream->count > 1) {
    form begun = form_of(stream->bytes[0]);
    if ((size_t)prefix(begun, stream->bytes, stream->count) < stream->count) {
      // The byte does not go on with the character before it, which ends there.
      written = binq_utf8_end(stream, out);
      stream->bytes[0] = byte;
      stream->count = 1;
    }
  }
  form f = form_of(stream->bytes[0]);
  if (f.length == 0)
    return written + binq_utf8_end(stream, out + written);
  if ((size_t)f.length > stream->count)
    return written;
  stream->count = 0;
  return written + put(out + written, stream->bytes, (size_t)f.length);
}

size_t binq_utf8_push(binq_utf8_stream *stream, const uint8_t *bytes, size_t length, char *out) {
  size_t written = 0;
  for (size_t i = 0; i < length; i++)
    written += push_byte(stream, bytes[i], out + written);
  return written;
}

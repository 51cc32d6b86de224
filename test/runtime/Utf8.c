#include "runtime/Utf8.h"
#include "Check.h"

static void check_decode(void) {
  uint32_t c = 0;
  const uint8_t *const texts[] = {(const uint8_t *)"A", (const uint8_t *)"\xc3\xa9",
                                  (const uint8_t *)"\xe2\x82\xac",
                                  (const uint8_t *)"\xf0\x9f\x98\x80"};
  static const uint32_t code_points[] = {'A', 0xe9, 0x20ac, 0x1f600};
  for (int i = 0; i < 4; i++) {
    CHECK_EQ_INT(binq_utf8_decode(texts[i], (size_t)i + 1, &c), i + 1);
    CHECK_EQ_INT(c, code_points[i]);
    CHECK_EQ_INT(binq_utf8_decode(texts[i], (size_t)i, &c), 0);
  }
  // A byte that goes on with nothing, overlong forms, surrogates, past the last code point.
  static const char *const ill[] = {"\x80",
                                    "\xc0\x80",
                                    "\xc1\xbf",
                                    "\xe0\x9f\xbf",
                                    "\xed\xa0\x80",
                                    "\xf0\x8f\xbf\xbf",
                                    "\xf4\x90\x80\x80",
                                    "\xf5\x80\x80\x80",
                                    "\xff",
                                    "\xc3Z",
                                    "\xe2\x82Z"};
  for (size_t i = 0; i < sizeof ill / sizeof *ill; i++)
    CHECK_EQ_INT(binq_utf8_decode((const uint8_t *)ill[i], strlen(ill[i]), &c), 0);
  // Every code point there is, and none besides.
  int valid = 0;
  uint8_t text[4];
  for (uint32_t code = 0x10000; code < 0x110000; code++) {
    text[0] = (uint8_t)(0xf0 | code >> 18);
    text[1] = (uint8_t)(0x80 | (code >> 12 & 63));
    text[2] = (uint8_t)(0x80 | (code >> 6 & 63));
    text[3] = (uint8_t)(0x80 | (code & 63));
    valid += binq_utf8_decode(text, 4, &c) == 4 && c == code;
  }
  CHECK_EQ_INT(valid, 0x100000);
}

/// Streams `text` in pieces of `step` bytes and compares what comes out.
static void check_stream(const char *text, size_t length, size_t step, const char *expected) {
  binq_utf8_stream stream = {{0}, 0};
  char out[256], all[1024];
  size_t written = 0;
  for (size_t at = 0; at < length; at += step) {
    size_t size = length - at < step ? length - at : step;
    memset(out, '~', sizeof out);
    size_t count = binq_utf8_push(&stream, (const uint8_t *)text + at, size, out);
    CHECK(count <= 3 * size + 9);
    CHECK(out[count] == '~');
    // Only whole characters at any time.
    uint32_t c;
    for (size_t i = 0, character; i < count; i += character) {
      character = (size_t)binq_utf8_decode((const uint8_t *)out + i, count - i, &c);
      REQUIRE(character > 0);
    }
    memcpy(all + written, out, count);
    written += count;
  }
  written += binq_utf8_end(&stream, all + written);
  all[written] = 0;
  CHECK_EQ_INT(binq_utf8_end(&stream, out), 0);
  CHECK_EQ_STR(all, expected);
}

#define LOST "\xef\xbf\xbd"

int main(void) {
  check_decode();
  static const char whole[] =
      "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7 end";
  for (size_t step = 1; step <= 8; step++) {
    check_stream(whole, sizeof whole - 1, step, whole);
    check_stream("a\x80"
                 "b",
                 3, step, "a" LOST "b");
    check_stream("\xe2\x82"
                 "A",
                 3, step, LOST "A");
    check_stream("\xe2\x82\xe2\x82\xac", 5, step, LOST "\xe2\x82\xac");
    check_stream("\xed\xa0\x80", 3, step, LOST LOST LOST);
    check_stream("\xf0\x9f\xff\xc0\xc3\xa9", 6, step, LOST LOST LOST "\xc3\xa9");
    check_stream("\xf4\x90\x80\x80.", 5, step, LOST LOST LOST LOST ".");
    check_stream("x\xf0\x9f\x98", 4, step, "x" LOST);
  }
  return check_result();
}

#include "UnicodeClasses.h"
#include "binq/Support/Memory.h"
#include "runtime/TokenizerFormat.h"
#include <stdlib.h>
#include <string.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/// Runs of one class, each in a group of its own.
static const char expression[] = "(\\p{L}+)|(\\p{N}+)|(\\p{White_Space}+)";
static const binq_class group_classes[] = {BINQ_CLASS_LETTER, BINQ_CLASS_NUMBER,
                                           BINQ_CLASS_WHITESPACE};

enum { MAX_UTF8 = 4 };

/// A page of characters as UTF-8, and which character each byte belongs to.
typedef struct {
  uint8_t text[BINQ_PAGE_SIZE * MAX_UTF8];
  uint8_t owners[BINQ_PAGE_SIZE * MAX_UTF8];
  size_t length;
} page_text;

static size_t encode(uint32_t code_point, uint8_t *out) {
  if (code_point < 0x80) {
    out[0] = (uint8_t)code_point;
    return 1;
  }
  size_t length = code_point < 0x800 ? 2 : 3 + (code_point >= 0x10000);
  for (size_t i = length - 1; i > 0; i--, code_point >>= 6)
    out[i] = (uint8_t)(0x80 | (code_point & 0x3f));
  out[0] = (uint8_t)((0xf00 >> length & 0xff) | code_point);
  return length;
}

/// Surrogates are no characters and stay in no class.
static void write_page(uint32_t first, page_text *page) {
  page->length = 0;
  for (uint32_t i = 0; i < BINQ_PAGE_SIZE; i++) {
    uint32_t code_point = first + i;
    if (code_point >= 0xd800 && code_point < 0xe000)
      continue;
    size_t length = encode(code_point, page->text + page->length);
    memset(page->owners + page->length, (int)i, length);
    page->length += length;
  }
}

static binq_status classify_page(const pcre2_code *code, pcre2_match_data *match,
                                 const page_text *page, uint8_t classes[BINQ_PAGE_SIZE]) {
  memset(classes, BINQ_CLASS_OTHER, BINQ_PAGE_SIZE);
  const PCRE2_SIZE *range = pcre2_get_ovector_pointer(match);
  for (size_t at = 0; at < page->length; at = range[1]) {
    int groups = pcre2_match(code, page->text, page->length, at, PCRE2_NO_UTF_CHECK, match, NULL);
    if (groups == PCRE2_ERROR_NOMATCH)
      break;
    if (groups < 2)
      return binq_errorf("Unicode classes: PCRE2 fails with error %d", groups);
    for (size_t i = range[0]; i < range[1]; i++)
      classes[page->owners[i]] = (uint8_t)group_classes[groups - 2];
  }
  return BINQ_OK;
}

/// The number of the page among the first `count`, or `count`.
static size_t find_page(const uint8_t *classes, size_t count, const uint8_t *page) {
  size_t i = 0;
  while (i < count && memcmp(classes + i * BINQ_PAGE_SIZE, page, BINQ_PAGE_SIZE) != 0)
    i++;
  return i;
}

static binq_status classify(const pcre2_code *code, pcre2_match_data *match,
                            binq_unicode_classes *out) {
  page_text page;
  for (uint32_t i = 0; i < BINQ_PAGE_COUNT; i++) {
    write_page(i * BINQ_PAGE_SIZE, &page);
    uint8_t *classes = out->classes + out->page_count * BINQ_PAGE_SIZE;
    BINQ_TRY(classify_page(code, match, &page, classes));
    size_t number = find_page(out->classes, out->page_count, classes);
    out->pages[i] = (uint16_t)number;
    out->page_count += number == out->page_count;
  }
  return BINQ_OK;
}

static binq_status compile(pcre2_code **code, pcre2_match_data **match) {
  int error;
  PCRE2_SIZE at;
  *code = pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP,
                        &error, &at, NULL);
  if (!*code)
    return binq_errorf("Unicode classes: PCRE2 refuses the expression at %zu with error %d; "
                       "version 10.40 or later is needed",
                       at, error);
  *match = pcre2_match_data_create_from_pattern(*code, NULL);
  return *match ? BINQ_OK : binq_errorf("Unicode classes: out of memory");
}

binq_status binq_unicode_classes_create(binq_unicode_classes *out) {
  *out = (binq_unicode_classes){0};
  pcre2_code *code = NULL;
  pcre2_match_data *match = NULL;
  binq_status status = compile(&code, &match);
  if (!status)
    status = binq_allocate(BINQ_PAGE_COUNT, sizeof *out->pages, "Unicode pages", &out->pages);
  if (!status)
    status = binq_allocate(BINQ_PAGE_COUNT, BINQ_PAGE_SIZE, "Unicode classes", &out->classes);
  if (!status)
    status = classify(code, match, out);
  pcre2_match_data_free(match);
  pcre2_code_free(code);
  if (status)
    binq_unicode_classes_free(out);
  return status;
}

void binq_unicode_classes_free(binq_unicode_classes *classes) {
  free(classes->pages);
  free(classes->classes);
  *classes = (binq_unicode_classes){0};
}

/// The classes of characters that pre-tokenizers split by, from the Unicode tables of PCRE2.
#ifndef BINQ_LIB_CHECKPOINT_UNICODECLASSES_H
#define BINQ_LIB_CHECKPOINT_UNICODECLASSES_H

#include "binq/Support/Status.h"
#include <stddef.h>
#include <stdint.h>

/// Every code point's binq_class (runtime/TokenizerFormat.h) as a table in two stages: pages[code
/// point / 256] is the page of classes that holds it.
typedef struct {
  uint16_t *pages;  ///< BINQ_PAGE_COUNT
  uint8_t *classes; ///< [page_count][BINQ_PAGE_SIZE]
  size_t page_count;
} binq_unicode_classes;

/// Builds the table; binq_unicode_classes_free releases it.
binq_status binq_unicode_classes_create(binq_unicode_classes *out);
void binq_unicode_classes_free(binq_unicode_classes *classes);

#endif

#include "runtime/Tokenizer.h"
#include <errno.h>
#include <string.h>

// Everything that is used as an index later is checked here, once, so that encoding need not.

static bool check_header(const binq_tokenizer_header *h, size_t size) {
  if (h->magic != BINQ_TOKENIZER_MAGIC || h->size > size || h->size < sizeof *h ||
      h->split >= BINQ_SPLIT_COUNT)
    return false;
  for (int i = 0; i < BINQ_SECTION_COUNT; i++) {
    uint64_t offset = h->sections[i].offset, count = h->sections[i].count;
    if (offset % 8 || offset > h->size ||
        count > (h->size - offset) / binq_tokenizer_element_size(i))
      return false;
  }
  return true;
}

static uint64_t count_of(const binq_tokenizer *t, binq_tokenizer_section section) {
  return t->header->sections[section].count;
}

static const void *section_of(const binq_tokenizer *t, binq_tokenizer_section section) {
  return (const uint8_t *)t->header + t->header->sections[section].offset;
}

static bool is_token(const binq_tokenizer *t, int64_t token) {
  return token >= 0 && token < t->token_count;
}

static bool check_tokens(const binq_tokenizer *t) {
  uint64_t starts = count_of(t, BINQ_SECTION_TOKEN_STARTS);
  if (starts < 2 || starts > INT32_MAX || count_of(t, BINQ_SECTION_TOKEN_KINDS) != starts - 1)
    return false;
  for (int64_t i = 0; i < t->token_count; i++)
    if (t->token_starts[i] > t->token_starts[i + 1] || t->token_kinds[i] >= BINQ_KIND_COUNT)
      return false;
  if (t->token_starts[t->token_count] > count_of(t, BINQ_SECTION_TOKEN_BYTES))
    return false;
  return true;
}

static bool is_token_or_none(const binq_tokenizer *t, int64_t token) {
  return token == -1 || is_token(t, token);
}

static bool check_rules(const binq_tokenizer *t) {
  const binq_tokenizer_header *h = t->header;
  if (!is_token_or_none(t, t->bos) || !is_token_or_none(t, t->eos) ||
      !is_token_or_none(t, h->unknown) || h->add_bos > 1 || h->prefix >= BINQ_PREFIX_COUNT ||
      h->by_words > 1)
    return false;
  return h->split == BINQ_SPLIT_SENTENCEPIECE ||
         (h->prefix == BINQ_PREFIX_NEVER && h->by_words == 0 && h->unknown == -1);
}

/// An empty slot ends every search; without merges there is still one.
static bool check_merges(const binq_tokenizer *t) {
  uint64_t count = count_of(t, BINQ_SECTION_MERGES);
  if (count == 0 || count & (count - 1))
    return false;
  uint64_t empty = 0;
  for (uint64_t i = 0; i < count; i++) {
    const binq_tokenizer_merge *merge = &t->merges[i];
    if (merge->left < 0)
      empty++;
    else if (merge->rank < 0 || !is_token(t, merge->result))
      return false;
  }
  return empty > 0;
}

static bool check_list(const binq_tokenizer *t, const int32_t *list, uint64_t count) {
  for (uint64_t i = 0; i < count; i++)
    if (!is_token(t, list[i]))
      return false;
  return true;
}

static bool check_bytes(const binq_tokenizer *t) {
  if (count_of(t, BINQ_SECTION_BYTE_TOKENS) != 256)
    return false;
  for (int i = 0; i < 256; i++)
    if (!is_token_or_none(t, t->byte_tokens[i]))
      return false;
  return true;
}

static bool check_classes(const binq_tokenizer *t) {
  uint64_t pages = count_of(t, BINQ_SECTION_CLASSES);
  if (t->header->split == BINQ_SPLIT_SENTENCEPIECE)
    return pages == 0 && count_of(t, BINQ_SECTION_PAGES) == 0;
  if (count_of(t, BINQ_SECTION_PAGES) != BINQ_PAGE_COUNT)
    return false;
  for (int i = 0; i < BINQ_PAGE_COUNT; i++)
    if (t->pages[i] >= pages)
      return false;
  for (uint64_t i = 0; i < pages * BINQ_PAGE_SIZE; i++)
    if (t->classes[i] >= BINQ_CLASS_COUNT)
      return false;
  return true;
}

static void find_sections(binq_tokenizer *t) {
  t->token_count = (int64_t)count_of(t, BINQ_SECTION_TOKEN_STARTS) - 1;
  t->bos = t->header->bos;
  t->eos = t->header->eos;
  t->token_starts = section_of(t, BINQ_SECTION_TOKEN_STARTS);
  t->token_bytes = section_of(t, BINQ_SECTION_TOKEN_BYTES);
  t->token_kinds = section_of(t, BINQ_SECTION_TOKEN_KINDS);
  t->byte_tokens = section_of(t, BINQ_SECTION_BYTE_TOKENS);
  t->merges = section_of(t, BINQ_SECTION_MERGES);
  t->specials = section_of(t, BINQ_SECTION_SPECIALS);
  t->words = section_of(t, BINQ_SECTION_WORDS);
  t->pages = section_of(t, BINQ_SECTION_PAGES);
  t->classes = section_of(t, BINQ_SECTION_CLASSES);
}

int binq_tokenizer_open(const void *blob, size_t size, binq_tokenizer *out) {
  binq_tokenizer t = {.header = blob};
  if (!blob || (uintptr_t)blob % 8 || size < sizeof *t.header || !check_header(t.header, size))
    return EINVAL;
  find_sections(&t);
  uint64_t specials = count_of(&t, BINQ_SECTION_SPECIALS);
  if (!check_tokens(&t) || !check_rules(&t) || !check_merges(&t) || !check_bytes(&t) ||
      !check_classes(&t) || !check_list(&t, t.specials, specials) ||
      !check_list(&t, t.words, count_of(&t, BINQ_SECTION_WORDS)))
    return EINVAL;
  for (uint64_t i = 0; i < specials; i++) {
    const uint32_t *starts = t.token_starts + t.specials[i];
    if (starts[0] == starts[1])
      return EINVAL;
    t.special_starts[t.token_bytes[starts[0]]] = true;
  }
  *out = t;
  return 0;
}

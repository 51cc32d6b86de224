#include "binq/Checkpoint/TokenizerTables.h"
#include "UnicodeClasses.h"
#include "binq/Support/Memory.h"
#include "runtime/Tokenizer.h"
#include "runtime/Utf8.h"
#include <stdlib.h>
#include <string.h>

/// A list of tokens, sorted by their bytes.
typedef struct {
  const binq_token **tokens;
  size_t count;
} token_list;

/// What the tables are made of.
typedef struct {
  const binq_vocabulary *vocabulary;
  binq_unicode_classes unicode;
  token_list specials, words;
  size_t byte_count; ///< of all tokens
  size_t slot_count; ///< of the hash table of merges
} contents;

static bool is_special(const binq_token *token) {
  return token->kind == BINQ_TOKEN_CONTROL || token->kind == BINQ_TOKEN_USER_DEFINED;
}

static bool is_word(const binq_token *token) {
  return token->kind == BINQ_TOKEN_NORMAL;
}

/// A character, or a byte that is none.
static bool is_character(const binq_token *token) {
  uint32_t code_point;
  return is_word(token) &&
         (token->length == 1 ||
          (uint32_t)binq_utf8_decode(token->bytes, token->length, &code_point) == token->length);
}

static int compare_bytes(const binq_token *a, const binq_token *b) {
  int order = memcmp(a->bytes, b->bytes, a->length < b->length ? a->length : b->length);
  return order ? order : (a->length > b->length) - (a->length < b->length);
}

/// By bytes; the same bytes by index, which is the order of the array they point into.
static int compare_tokens(const void *left, const void *right) {
  const binq_token *a = *(const binq_token *const *)left, *b = *(const binq_token *const *)right;
  int order = compare_bytes(a, b);
  return order ? order : (a > b) - (a < b);
}

/// The tokens that `belongs` is true of, without empty ones and all but the first of those that are
/// spelled alike.
static binq_status make_list(const binq_vocabulary *v, bool (*belongs)(const binq_token *),
                             token_list *list) {
  BINQ_TRY(
      binq_allocate((size_t)v->token_count + 1, sizeof *list->tokens, "tokens", &list->tokens));
  size_t count = 0, unique = 0;
  for (uint32_t i = 0; i < v->token_count; i++)
    if (v->tokens[i].length > 0 && belongs(&v->tokens[i]))
      list->tokens[count++] = &v->tokens[i];
  if (count > 0)
    qsort(list->tokens, count, sizeof *list->tokens, compare_tokens);
  for (size_t i = 0; i < count; i++)
    if (unique == 0 || compare_bytes(list->tokens[unique - 1], list->tokens[i]) != 0)
      list->tokens[unique++] = list->tokens[i];
  list->count = unique;
  return BINQ_OK;
}

static bool is_sentencepiece(const binq_vocabulary *v) {
  return v->pre_tokenizer == BINQ_PRE_TOKENIZER_SENTENCEPIECE;
}

/// The tokens that need no merging: llama-bpe takes a piece that is a token as it is, even if no
/// merges lead there.
static binq_status make_words(const binq_vocabulary *v, token_list *list) {
  if (is_sentencepiece(v))
    return make_list(v, is_character, list);
  return v->pre_tokenizer == BINQ_PRE_TOKENIZER_LLAMA_BPE ? make_list(v, is_word, list) : BINQ_OK;
}

static binq_status gather(const binq_vocabulary *v, contents *c) {
  c->vocabulary = v;
  if (!is_sentencepiece(v))
    BINQ_TRY(binq_unicode_classes_create(&c->unicode));
  BINQ_TRY(make_list(v, is_special, &c->specials));
  BINQ_TRY(make_words(v, &c->words));
  for (uint32_t i = 0; i < v->token_count; i++)
    BINQ_TRY(binq_size_add(c->byte_count, v->tokens[i].length, "tokens", &c->byte_count));
  if (c->byte_count > UINT32_MAX)
    return binq_errorf("tokenizer: the tokens have %zu bytes in all, 4 GiB is the limit",
                       c->byte_count);
  c->slot_count = 1; // at most four fifths of them are filled
  while (c->slot_count / 5 * 4 <= v->merge_count)
    c->slot_count *= 2;
  return BINQ_OK;
}

/// Whether no merge goes over the beginning of a word, and words begin with a token of their own.
static bool is_by_words(const contents *c) {
  bool space = false;
  for (size_t i = 0; i < c->words.count; i++)
    space |= c->words.tokens[i]->length == 1 && c->words.tokens[i]->bytes[0] == ' ';
  const binq_vocabulary *v = c->vocabulary;
  for (uint32_t i = 0; i < v->merge_count && v->merges[i].result < v->token_count; i++) {
    const binq_token *token = &v->tokens[v->merges[i].result];
    for (uint32_t j = 1; j < token->length; j++)
      space &= token->bytes[j] != ' ' || token->bytes[j - 1] == ' ';
  }
  return space;
}

static uint64_t split_of(binq_pre_tokenizer pre_tokenizer) {
  switch (pre_tokenizer) {
  case BINQ_PRE_TOKENIZER_SMOLLM:
    return BINQ_SPLIT_SMOLLM;
  case BINQ_PRE_TOKENIZER_LLAMA_BPE:
    return BINQ_SPLIT_LLAMA_BPE;
  case BINQ_PRE_TOKENIZER_QWEN2:
    return BINQ_SPLIT_QWEN2;
  case BINQ_PRE_TOKENIZER_SENTENCEPIECE:
    return BINQ_SPLIT_SENTENCEPIECE;
  case BINQ_PRE_TOKENIZER_GPT2:
    break;
  }
  return BINQ_SPLIT_GPT2;
}

/// What the header says besides where the sections are.
static void write_rules(const contents *c, binq_tokenizer_header *header) {
  const binq_vocabulary *v = c->vocabulary;
  static const binq_prefix prefix_of[] = {
      [BINQ_SPACE_NEVER] = BINQ_PREFIX_NEVER,
      [BINQ_SPACE_FIRST] = BINQ_PREFIX_FIRST,
      [BINQ_SPACE_ALWAYS] = BINQ_PREFIX_ALWAYS,
  };
  *header = (binq_tokenizer_header){
      .magic = BINQ_TOKENIZER_MAGIC,
      .split = split_of(v->pre_tokenizer),
      .bos = v->bos,
      .eos = v->eos,
      .add_bos = v->add_bos,
      .unknown = -1,
  };
  if (is_sentencepiece(v)) {
    header->prefix = prefix_of[v->space];
    header->by_words = is_by_words(c);
    header->unknown = v->unknown;
  }
}

/// The header: where every section goes.
static binq_status lay_out(const contents *c, binq_tokenizer_header *header) {
  const binq_vocabulary *v = c->vocabulary;
  const size_t counts[BINQ_SECTION_COUNT] = {
      [BINQ_SECTION_TOKEN_STARTS] = (size_t)v->token_count + 1,
      [BINQ_SECTION_TOKEN_BYTES] = c->byte_count,
      [BINQ_SECTION_TOKEN_KINDS] = v->token_count,
      [BINQ_SECTION_BYTE_TOKENS] = 256,
      [BINQ_SECTION_MERGES] = c->slot_count,
      [BINQ_SECTION_SPECIALS] = c->specials.count,
      [BINQ_SECTION_WORDS] = c->words.count,
      [BINQ_SECTION_PAGES] = c->unicode.pages ? BINQ_PAGE_COUNT : 0,
      [BINQ_SECTION_CLASSES] = c->unicode.page_count,
  };
  write_rules(c, header);
  size_t end = sizeof *header;
  for (int i = 0; i < BINQ_SECTION_COUNT; i++) {
    size_t size;
    BINQ_TRY(
        binq_size_multiply(counts[i], binq_tokenizer_element_size(i), "tokenizer tables", &size));
    header->sections[i].offset = end;
    header->sections[i].count = counts[i];
    BINQ_TRY(binq_size_add(end, size, "tokenizer tables", &end));
    BINQ_TRY(binq_size_add(end, -end % 8, "tokenizer tables", &end));
  }
  header->size = end;
  return BINQ_OK;
}

static void *section(uint8_t *tables, binq_tokenizer_section number) {
  const binq_tokenizer_header *header = (const binq_tokenizer_header *)tables;
  return tables + header->sections[number].offset;
}

static void fill_tokens(const binq_vocabulary *v, uint8_t *tables) {
  uint32_t *starts = section(tables, BINQ_SECTION_TOKEN_STARTS), start = 0;
  uint8_t *bytes = section(tables, BINQ_SECTION_TOKEN_BYTES);
  uint8_t *kinds = section(tables, BINQ_SECTION_TOKEN_KINDS);
  static const binq_kind kind_of[] = {
      [BINQ_TOKEN_NORMAL] = BINQ_KIND_NORMAL,
      [BINQ_TOKEN_CONTROL] = BINQ_KIND_CONTROL,
      [BINQ_TOKEN_USER_DEFINED] = BINQ_KIND_USER_DEFINED,
      [BINQ_TOKEN_UNUSED] = BINQ_KIND_UNUSED,
      [BINQ_TOKEN_BYTE] = BINQ_KIND_NORMAL,
  };
  for (uint32_t i = 0; i < v->token_count; i++) {
    const binq_token *token = &v->tokens[i];
    if (token->length > 0)
      memcpy(bytes + start, token->bytes, token->length);
    kinds[i] = (uint8_t)kind_of[token->kind];
    start += token->length;
    starts[i + 1] = start;
  }
}

static void fill_byte_tokens(const binq_vocabulary *v, uint8_t *tables) {
  int32_t *byte_tokens = section(tables, BINQ_SECTION_BYTE_TOKENS);
  binq_token_kind kind = is_sentencepiece(v) ? BINQ_TOKEN_BYTE : BINQ_TOKEN_NORMAL;
  memset(byte_tokens, -1, 256 * sizeof *byte_tokens);
  for (uint32_t i = v->token_count; i-- > 0;)
    if (v->tokens[i].length == 1 && v->tokens[i].kind == kind)
      byte_tokens[v->tokens[i].bytes[0]] = (int32_t)i;
}

/// Of merges of the same pair only the first counts.
static void fill_merges(const contents *c, uint8_t *tables) {
  binq_tokenizer_merge *slots = section(tables, BINQ_SECTION_MERGES);
  for (size_t i = 0; i < c->slot_count; i++)
    slots[i] = (binq_tokenizer_merge){-1, -1, -1, -1};
  for (uint32_t i = 0; i < c->vocabulary->merge_count; i++) {
    const binq_merge *merge = &c->vocabulary->merges[i];
    int32_t left = (int32_t)merge->left, right = (int32_t)merge->right;
    uint64_t mask = c->slot_count - 1, slot = binq_tokenizer_hash(left, right) & mask;
    while (slots[slot].left >= 0 && (slots[slot].left != left || slots[slot].right != right))
      slot = (slot + 1) & mask;
    if (slots[slot].left < 0)
      slots[slot] =
          (binq_tokenizer_merge){left, right, (int32_t)merge->rank, (int32_t)merge->result};
  }
}

static void fill_list(const binq_vocabulary *v, const token_list *list, int32_t *out) {
  for (size_t i = 0; i < list->count; i++)
    out[i] = (int32_t)(list->tokens[i] - v->tokens);
}

static void fill_classes(const binq_unicode_classes *unicode, uint8_t *tables) {
  if (!unicode->pages)
    return;
  memcpy(section(tables, BINQ_SECTION_PAGES), unicode->pages,
         BINQ_PAGE_COUNT * sizeof *unicode->pages);
  memcpy(section(tables, BINQ_SECTION_CLASSES), unicode->classes,
         unicode->page_count * BINQ_PAGE_SIZE);
}

static binq_status build(const contents *c, uint8_t **out, size_t *size) {
  binq_tokenizer_header header;
  BINQ_TRY(lay_out(c, &header));
  uint8_t *tables;
  BINQ_TRY(binq_allocate(header.size, 1, "tokenizer tables", &tables));
  memcpy(tables, &header, sizeof header);
  fill_tokens(c->vocabulary, tables);
  fill_byte_tokens(c->vocabulary, tables);
  fill_merges(c, tables);
  fill_list(c->vocabulary, &c->specials, section(tables, BINQ_SECTION_SPECIALS));
  fill_list(c->vocabulary, &c->words, section(tables, BINQ_SECTION_WORDS));
  fill_classes(&c->unicode, tables);
  binq_tokenizer tokenizer;
  if (binq_tokenizer_open(tables, header.size, &tokenizer)) {
    free(tables);
    return binq_errorf("tokenizer: bos, eos, unknown or a merge is no token of the vocabulary");
  }
  *out = tables;
  *size = header.size;
  return BINQ_OK;
}

binq_status binq_tokenizer_tables(const binq_vocabulary *vocabulary, uint8_t **out, size_t *size) {
  contents c = {0};
  binq_status status = gather(vocabulary, &c);
  if (!status)
    status = build(&c, out, size);
  binq_unicode_classes_free(&c.unicode);
  free(c.specials.tokens);
  free(c.words.tokens);
  return status;
}

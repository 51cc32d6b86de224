/// The tokenizer's tables as the compiler writes them: a header, then sections, each at a multiple
/// of 8 bytes. Little-endian; relocatable.
#ifndef BINQ_RUNTIME_TOKENIZERFORMAT_H
#define BINQ_RUNTIME_TOKENIZERFORMAT_H

#include <stdint.h>

/// "binqtok2" as a little-endian number; the digit is the version.
#define BINQ_TOKENIZER_MAGIC UINT64_C(0x326b6f74716e6962)

/// How a text is cut before merging. All but the last are expressions, and merging begins with
/// bytes.
typedef enum {
  BINQ_SPLIT_GPT2,
  BINQ_SPLIT_SMOLLM,
  BINQ_SPLIT_LLAMA_BPE,
  BINQ_SPLIT_QWEN2,
  BINQ_SPLIT_SENTENCEPIECE, ///< not at all, and merging begins with characters
  BINQ_SPLIT_COUNT,
} binq_split;

/// Where encoding puts a space that is not in the text.
typedef enum {
  BINQ_PREFIX_NEVER,
  BINQ_PREFIX_FIRST,  ///< before a text, unless it begins with a space or a special token
  BINQ_PREFIX_ALWAYS, ///< before a text and after every special token in it
  BINQ_PREFIX_COUNT,
} binq_prefix;

typedef enum {
  BINQ_KIND_NORMAL,
  BINQ_KIND_CONTROL,      ///< matched in text only on demand
  BINQ_KIND_USER_DEFINED, ///< matched in text before anything else
  BINQ_KIND_UNUSED,
  BINQ_KIND_COUNT,
} binq_kind;

/// What the splitter tells characters apart by.
typedef enum {
  BINQ_CLASS_OTHER,
  BINQ_CLASS_LETTER,     ///< \p{L}
  BINQ_CLASS_NUMBER,     ///< \p{N}
  BINQ_CLASS_WHITESPACE, ///< \p{White_Space}
  BINQ_CLASS_COUNT,
} binq_class;

enum {
  BINQ_PAGE_SIZE = 256,
  BINQ_PAGE_COUNT = 0x110000 / BINQ_PAGE_SIZE,
};

/// A slot of the hash table of merges: linear probing from binq_tokenizer_hash, a power of two of
/// slots, at least one of them empty (left < 0).
typedef struct {
  int32_t left, right;
  int32_t rank; ///< lower ones are merged first
  int32_t result;
} binq_tokenizer_merge;

typedef enum {
  BINQ_SECTION_TOKEN_STARTS, ///< uint32_t[tokens + 1]: where a token's bytes begin in the next
                             ///< section
  BINQ_SECTION_TOKEN_BYTES,  ///< uint8_t[]
  BINQ_SECTION_TOKEN_KINDS,  ///< uint8_t[tokens]: binq_kind
  BINQ_SECTION_BYTE_TOKENS, ///< int32_t[256]: token of a byte, -1 for none; with SentencePiece what
                            ///< characters that are no words are spelled with
  BINQ_SECTION_MERGES,      ///< binq_tokenizer_merge[]
  BINQ_SECTION_SPECIALS,    ///< int32_t[]: control and user-defined tokens, sorted by their bytes
  BINQ_SECTION_WORDS,       ///< int32_t[]: tokens that whole pieces become without merging, sorted
                            ///< likewise; with SentencePiece the tokens of single characters
  BINQ_SECTION_PAGES,   ///< uint16_t[BINQ_PAGE_COUNT]: which page of the next section holds a code
                        ///< point
                        ///< (with SentencePiece both are empty)
  BINQ_SECTION_CLASSES, ///< uint8_t[][BINQ_PAGE_SIZE]: binq_class
  BINQ_SECTION_COUNT,
} binq_tokenizer_section;

static inline uint64_t binq_tokenizer_element_size(binq_tokenizer_section section) {
  switch (section) {
  case BINQ_SECTION_TOKEN_STARTS:
  case BINQ_SECTION_BYTE_TOKENS:
  case BINQ_SECTION_SPECIALS:
  case BINQ_SECTION_WORDS:
    return 4;
  case BINQ_SECTION_MERGES:
    return sizeof(binq_tokenizer_merge);
  case BINQ_SECTION_PAGES:
    return 2;
  case BINQ_SECTION_CLASSES:
    return BINQ_PAGE_SIZE;
  default:
    return 1;
  }
}

typedef struct {
  uint64_t magic;
  uint64_t size;  ///< of everything, in bytes
  uint64_t split; ///< binq_split
  int64_t bos, eos;
  uint64_t add_bos; ///< 1: texts begin with bos
  // With SentencePiece, else 0, 0 and -1:
  uint64_t prefix;   ///< binq_prefix
  uint64_t by_words; ///< 1: no token has a space behind another character, so that texts can be
                     ///< encoded word by word
  int64_t unknown;   ///< token of characters that cannot be spelled, -1 for none
  struct {
    uint64_t offset; ///< in bytes, from the header
    uint64_t count;  ///< of elements
  } sections[BINQ_SECTION_COUNT];
} binq_tokenizer_header;

static inline uint64_t binq_tokenizer_hash(int32_t left, int32_t right) {
  uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
  key *= UINT64_C(0x9e3779b97f4a7c15);
  return key ^ key >> 32;
}

#endif

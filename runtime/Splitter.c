#include "runtime/Splitter.h"
#include "runtime/Utf8.h"

// Each function that matches a part of an expression returns the length of its match, 0 for none.
// The parts never need to be given back once taken, but for white space, whose last character
// belongs to what follows.

typedef struct {
  const binq_tokenizer *tokenizer;
  const uint8_t *text;
  size_t length;
} input;

/// The character at `at`: its class, and its length, 0 at the end of the text.
static size_t character(const input *in, size_t at, binq_class *class) {
  *class = BINQ_CLASS_COUNT;
  if (at >= in->length)
    return 0;
  uint32_t code_point = 0;
  int length = binq_utf8_decode(in->text + at, in->length - at, &code_point);
  if (length == 0) {
    *class = BINQ_CLASS_OTHER;
    return 1;
  }
  size_t page = in->tokenizer->pages[code_point / BINQ_PAGE_SIZE];
  *class = in->tokenizer->classes[page * BINQ_PAGE_SIZE + code_point % BINQ_PAGE_SIZE];
  return (size_t)length;
}

static binq_class class_at(const input *in, size_t at) {
  binq_class class;
  character(in, at, &class);
  return class;
}

/// Where the run of characters of that class ends that begins at `at`; at most `most` of them.
static size_t end_of_run(const input *in, size_t at, binq_class class, size_t most) {
  binq_class found;
  for (size_t size; most > 0 && (size = character(in, at, &found)) && found == class; most--)
    at += size;
  return at;
}

static bool is_newline(const input *in, size_t at) {
  return at < in->length && (in->text[at] == '\r' || in->text[at] == '\n');
}

/// 's|'t|'re|'ve|'m|'ll|'d
static size_t contraction(const input *in, bool any_case) {
  static const char endings[][3] = {"s", "t", "re", "ve", "m", "ll", "d"};
  if (in->text[0] != '\'')
    return 0;
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    size_t size = 0;
    const char *ending = endings[i];
    for (; ending[size] && 1 + size < in->length; size++) {
      char byte = (char)in->text[1 + size];
      if (byte != ending[size] && !(any_case && byte == ending[size] - 'a' + 'A'))
        break;
    }
    if (!ending[size])
      return 1 + size;
  }
  return 0;
}

/// \s+(?!\S)|\s+ in a text that ends, for all the expression can see, before a character of class
/// `end`.
static size_t white_space(const input *in, binq_class end) {
  size_t last = 0, at = 0, size;
  binq_class class;
  while ((size = character(in, at, &class)) && class == BINQ_CLASS_WHITESPACE) {
    last = at;
    at += size;
  }
  return last == 0 || class == BINQ_CLASS_COUNT || class == end ? at : last;
}

/// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
static size_t split_gpt2(const input *in, binq_class end) {
  size_t length = contraction(in, false);
  if (length)
    return length;
  size_t start = in->text[0] == ' ';
  binq_class class = class_at(in, start);
  if (class < BINQ_CLASS_WHITESPACE && class != end)
    return end_of_run(in, start, class, SIZE_MAX);
  return white_space(in, end);
}

/// \p{N}, and between them as gpt2
static size_t split_smollm(const input *in) {
  binq_class class;
  size_t size = character(in, 0, &class);
  return class == BINQ_CLASS_NUMBER ? size : split_gpt2(in, BINQ_CLASS_NUMBER);
}

/// [^\r\n\p{L}\p{N}]?\p{L}+
static size_t word(const input *in) {
  binq_class class;
  size_t size = character(in, 0, &class);
  if (class == BINQ_CLASS_LETTER)
    size = 0;
  else if (class == BINQ_CLASS_NUMBER || is_newline(in, 0))
    return 0;
  size_t end = end_of_run(in, size, BINQ_CLASS_LETTER, SIZE_MAX);
  return end > size ? end : 0;
}

/// [space]?[^\s\p{L}\p{N}]+[\r\n]*
static size_t punctuation(const input *in) {
  size_t start = in->text[0] == ' ', end = end_of_run(in, start, BINQ_CLASS_OTHER, SIZE_MAX);
  if (end == start)
    return 0;
  while (is_newline(in, end))
    end++;
  return end;
}

/// \s*[\r\n]+
static size_t lines(const input *in) {
  size_t end = end_of_run(in, 0, BINQ_CLASS_WHITESPACE, SIZE_MAX);
  while (end > 0 && !is_newline(in, end - 1))
    end--;
  return end;
}

/// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}|
/// ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|
/// \s+(?!\S)|\s+
static size_t split_llama(const input *in, size_t digits) {
  size_t length = contraction(in, true);
  if (!length)
    length = word(in);
  if (!length)
    length = end_of_run(in, 0, BINQ_CLASS_NUMBER, digits);
  if (!length)
    length = punctuation(in);
  if (!length)
    length = lines(in);
  return length ? length : white_space(in, BINQ_CLASS_COUNT);
}

size_t binq_split_piece(const binq_tokenizer *tokenizer, const uint8_t *text, size_t length) {
  input in = {tokenizer, text, length};
  switch ((binq_split)tokenizer->header->split) {
  case BINQ_SPLIT_SMOLLM:
    return split_smollm(&in);
  case BINQ_SPLIT_LLAMA_BPE:
    return split_llama(&in, 3);
  case BINQ_SPLIT_QWEN2:
    return split_llama(&in, 1);
  default:
    return split_gpt2(&in, BINQ_CLASS_COUNT);
  }
}

#include "Vocabulary.h"
#include "Check.h"

uint32_t test_random(uint64_t *state, uint32_t limit) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)((*state >> 33) % limit);
}

static void set_token(binq_token *token, const void *bytes, uint32_t length, binq_token_kind kind) {
  uint8_t *copy = malloc(length);
  REQUIRE(copy);
  memcpy(copy, bytes, length);
  *token = (binq_token){copy, length, kind};
}

/// A token that is likely to occur beside others: an ASCII byte, or what was merged before.
static uint32_t random_part(uint64_t *state, uint32_t count) {
  static const char bytes[] = "   eeetaoinsrhl'\n\n012.!\xc3\xa9\xe3\x80";
  if (test_random(state, 2))
    return TEST_FIRST_BYTE +
           (uint32_t)(uint8_t)bytes[test_random(state, sizeof bytes - 1)] * 5 % 256;
  return TEST_FIRST_BYTE + test_random(state, count - TEST_FIRST_BYTE);
}

/// The token of these bytes, `count` if there is none.
static uint32_t find(const binq_token *tokens, uint32_t count, const uint8_t *bytes,
                     uint32_t length) {
  uint32_t i = TEST_FIRST_BYTE;
  while (i < count && (tokens[i].length != length || memcmp(tokens[i].bytes, bytes, length) != 0))
    i++;
  return i;
}

binq_vocabulary test_vocabulary(uint32_t merge_count, uint64_t seed) {
  enum { MAX_LENGTH = 12 };
  binq_token *tokens = calloc((size_t)merge_count + 259, sizeof *tokens);
  binq_merge *merges = calloc((size_t)merge_count + 1, sizeof *merges);
  REQUIRE(tokens && merges);
  set_token(&tokens[TEST_END], "<|end|>", 7, BINQ_TOKEN_CONTROL);
  set_token(&tokens[TEST_ENDING], "<|end|>ing", 10, BINQ_TOKEN_USER_DEFINED);
  set_token(&tokens[TEST_SPACES], "    ", 4, BINQ_TOKEN_USER_DEFINED);
  for (unsigned b = 0; b < 256; b++)
    set_token(&tokens[TEST_FIRST_BYTE + b * 5 % 256], &(uint8_t){(uint8_t)b}, 1,
              b == 0xff ? BINQ_TOKEN_UNUSED : BINQ_TOKEN_NORMAL);
  uint32_t count = 259, made = 0;
  while (made < merge_count) {
    uint32_t left = random_part(&seed, count), right = random_part(&seed, count);
    uint32_t length = tokens[left].length + tokens[right].length;
    if (length > MAX_LENGTH)
      continue;
    uint8_t bytes[MAX_LENGTH];
    memcpy(bytes, tokens[left].bytes, tokens[left].length);
    memcpy(bytes + tokens[left].length, tokens[right].bytes, tokens[right].length);
    uint32_t result = find(tokens, count, bytes, length);
    if (result == count)
      set_token(&tokens[count++], bytes, length, BINQ_TOKEN_NORMAL);
    merges[made] = (binq_merge){left, right, result, made};
    made++;
  }
  return (binq_vocabulary){.pre_tokenizer = BINQ_PRE_TOKENIZER_GPT2,
                           .tokens = tokens,
                           .token_count = count,
                           .merges = merges,
                           .merge_count = made,
                           .bos = TEST_END,
                           .eos = TEST_END,
                           .add_bos = true,
                           .unknown = -1};
}

void test_vocabulary_free(const binq_vocabulary *vocabulary) {
  for (uint32_t i = 0; i < vocabulary->token_count; i++)
    free((void *)vocabulary->tokens[i].bytes);
  free((void *)vocabulary->tokens);
  free((void *)vocabulary->merges);
}

static const char *const pieces[] = {
    "'s",
    "'S",
    "'t",
    "'T",
    "'re",
    "'RE",
    "'rE",
    "'ve",
    "'Ve",
    "'m",
    "'M",
    "'ll",
    "'LL",
    "'lL",
    "'d",
    "'D",
    "'",
    "''",
    "'x",
    "'\xc5\xbf",
    " 's",
    "a",
    "b",
    "the",
    " the",
    "The",
    " it",
    "e",
    "t",
    "in",
    "0",
    "1",
    "23",
    "4567",
    " 8",
    "  9",
    "\xe0\xa5\xaa\xe0\xa5\xa8",
    "\xe2\x85\xa7",
    "\xc2\xbd",
    "\xc2\xb2",
    "\xd9\xa3",
    "\xf0\x9d\x9f\x98",
    " ",
    " ",
    "  ",
    "    ",
    "       ",
    "\t",
    "\t\t",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    "\n \n",
    " \n",
    "\n ",
    "\v",
    "\f",
    "\xc2\xa0",
    "\xe3\x80\x80",
    "\xc2\x85",
    "\xe1\xa0\x8e",
    "\xe2\x80\x8b",
    "\xe2\x80\xa8",
    "\xe2\x80\xaf",
    "\xe2\x80\x83",
    "\x1c",
    "\x1f",
    "\xc3\xa9",
    "e\xcc\x81",
    "\xcc\x81",
    " \xcc\x88",
    "\xe6\x97\xa5\xe6\x9c\xac",
    "\xed\x95\x9c\xea\xb5\xad",
    "\xd8\xb9\xd8\xb1\xd8\xa8",
    "\xe0\xa4\xb9\xe0\xa4\xbf",
    "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7",
    "\xf0\x9f\x8f\xbd",
    "\xe2\x80\x8d",
    "\xf0\x9f\x87\xab",
    "\xef\xb8\x8f",
    "\xef\xbb\xbf",
    "!",
    "!!!",
    "...",
    "\"",
    "(",
    ")",
    "-",
    "\xe2\x80\x94",
    "\xe2\x80\x99s",
    "$",
    "\xe2\x82\xac",
    "_",
    "@",
    "<|end|>",
    "<|end|>ing",
    "<|end",
    "<|",
    "\xf0\x90\x8d\x88",
    "\xf0\xa0\x80\x80",
    "\xef\xbf\xbf",
    "\xf4\x8f\xbf\xbf",
    "\x01",
    "\x7f",
};

static size_t random_character(uint64_t *state, char *out) {
  uint32_t c = 0x80 + test_random(state, test_random(state, 2) ? 0x3000 : 0x10ff80);
  if (c >= 0xd800 && c < 0xe000)
    c = 0x20;
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  size_t length = c < 0x800 ? 2 : 3 + (c >= 0x10000);
  for (size_t i = length - 1; i > 0; i--, c >>= 6)
    out[i] = (char)(0x80 | (c & 63));
  out[0] = (char)((0xf00 >> length & 0xff) | c);
  return length;
}

size_t test_text(uint64_t *state, char *out, size_t capacity, bool valid) {
  size_t length = 0, limit = test_random(state, (uint32_t)capacity + 1);
  for (;;) {
    char single[4];
    const char *piece = single;
    size_t size = 1;
    uint32_t choice = test_random(state, 12);
    if (choice == 0) {
      size = random_character(state, single);
    } else if (choice == 1 && !valid) {
      single[0] = (char)test_random(state, 256);
    } else if (choice == 2) {
      single[0] = (char)test_random(state, 128);
    } else {
      piece = pieces[test_random(state, sizeof pieces / sizeof *pieces)];
      size = strlen(piece);
    }
    if (size > limit - length)
      return length;
    memcpy(out + length, piece, size);
    length += size;
  }
}

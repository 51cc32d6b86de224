#include "support/ModelFile.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTROL_TOKENS = 3, BYTES = 256, TEXT = 64, PAIR = 2 * TEXT };

/// What merges are made of, commonest first; the space is the byte-level encoding's.
static const char letters[] = "etaoinshrdlcumwfgypbvkjxqz";

/// The text that stands for a byte in a byte-level vocabulary.
static void encode_byte(int byte, char text[TEXT]) {
  int code = byte, next = 256;
  for (int i = 0; i <= byte; i++) {
    bool prints = (i > 32 && i < 127) || (i > 160 && i != 173);
    code = prints ? i : next++;
  }
  if (code < 0x80)
    snprintf(text, TEXT, "%c", code);
  else
    snprintf(text, TEXT, "%c%c", 0xc0 | code >> 6, 0x80 | (code & 0x3f));
}

/// Token `index` is token `left` and a letter: first all with one letter on the left, then with
/// two, ...
static void name_merged(char (*tokens)[TEXT], int64_t index, char merge[PAIR]) {
  int64_t order = index - CONTROL_TOKENS - BYTES, count = (int64_t)strlen(letters);
  int64_t left = order / count, singles = count + 1;
  char first[TEXT];
  if (left == 0)
    encode_byte(' ', first);
  else if (left < singles)
    snprintf(first, sizeof first, "%c", letters[left - 1]);
  else
    memcpy(first, tokens[CONTROL_TOKENS + BYTES + left - singles], sizeof first);
  char last = letters[order % count];
  snprintf(merge, PAIR, "%s %c", first, last);
  snprintf(tokens[index], TEXT, "%.60s%c", first, last);
}

/// The common fields.
static void set_tokens(model_file *file, const char *model, const char *const *texts,
                       const int32_t *types, int64_t count) {
  model_file_set_string(file, "tokenizer.ggml.model", model);
  model_file_set_strings(file, "tokenizer.ggml.tokens", texts, (size_t)count);
  model_file_set_i32s(file, "tokenizer.ggml.token_type", types, (size_t)count);
  model_file_set_u32(file, "tokenizer.ggml.bos_token_id", 1);
  model_file_set_u32(file, "tokenizer.ggml.eos_token_id", 2);
  model_file_set_bool(file, "tokenizer.ggml.add_bos_token", false);
}

/// Bytes, the space, the letters, then tokens that are another one and a letter.
static void name_scored(char (*tokens)[TEXT], int64_t index) {
  int64_t order = index - CONTROL_TOKENS, letter_count = (int64_t)strlen(letters);
  int64_t space = CONTROL_TOKENS + BYTES, merged = index - space - 1 - letter_count;
  if (order < BYTES)
    snprintf(tokens[index], TEXT, "<0x%02X>", (unsigned)order);
  else if (index == space)
    snprintf(tokens[index], TEXT, "\u2581");
  else if (merged < 0)
    snprintf(tokens[index], TEXT, "%c", letters[index - space - 1]);
  else
    snprintf(tokens[index], TEXT, "%.60s%c", tokens[space + merged / letter_count],
             letters[merged % letter_count]);
}

static int32_t scored_type(int64_t index) {
  if (index < CONTROL_TOKENS)
    return index == 0 ? 2 : 3; // unknown, control
  return index < CONTROL_TOKENS + BYTES ? 6 : 1;
}

static void make_sentencepiece(model_file *file, int64_t count) {
  static const char *const control[CONTROL_TOKENS] = {"<unk>", "<s>", "</s>"};
  char (*tokens)[TEXT] = calloc((size_t)count, TEXT);
  const char **texts = calloc((size_t)count, sizeof *texts);
  int32_t *types = calloc((size_t)count, sizeof *types);
  float *scores = calloc((size_t)count, sizeof *scores);
  if (!tokens || !texts || !types || !scores)
    exit(1);
  for (int64_t i = 0; i < count; i++) {
    if (i < CONTROL_TOKENS)
      snprintf(tokens[i], TEXT, "%s", control[i]);
    else
      name_scored(tokens, i);
    texts[i] = tokens[i];
    types[i] = scored_type(i);
    scores[i] = types[i] == 1 ? (float)(CONTROL_TOKENS + BYTES - i) : 0;
  }
  set_tokens(file, "llama", texts, types, count);
  model_file_set_f32s(file, "tokenizer.ggml.scores", scores, (size_t)count);
  model_file_set_u32(file, "tokenizer.ggml.unknown_token_id", 0);
  free(scores);
  free(types);
  free(texts);
  free(tokens);
}

static void make_byte_level(model_file *file, const model_file_options *options) {
  static const char *const control[CONTROL_TOKENS] = {"<|endoftext|>", "<|im_start|>",
                                                      "<|im_end|>"};
  int64_t count = options->vocabulary, merges = count - CONTROL_TOKENS - BYTES;
  char (*tokens)[TEXT] = calloc((size_t)count, TEXT);
  char (*pairs)[PAIR] = calloc((size_t)merges + 1, PAIR);
  const char **texts = calloc((size_t)count, sizeof *texts);
  const char **pair_texts = calloc((size_t)merges + 1, sizeof *pair_texts);
  int32_t *types = calloc((size_t)count, sizeof *types);
  if (!tokens || !pairs || !texts || !pair_texts || !types)
    exit(1);
  for (int64_t i = 0; i < count; i++) {
    if (i < CONTROL_TOKENS)
      snprintf(tokens[i], TEXT, "%s", control[i]);
    else if (i < CONTROL_TOKENS + BYTES)
      encode_byte((int)i - CONTROL_TOKENS, tokens[i]);
    else
      name_merged(tokens, i, pairs[i - CONTROL_TOKENS - BYTES]);
    texts[i] = tokens[i];
    types[i] = i < CONTROL_TOKENS ? 3 : 1;
  }
  for (int64_t i = 0; i < merges; i++)
    pair_texts[i] = pairs[i];
  model_file_set_string(file, "tokenizer.ggml.pre", options->pre_tokenizer);
  model_file_set_strings(file, "tokenizer.ggml.merges", pair_texts, (size_t)merges);
  set_tokens(file, "gpt2", texts, types, count);
  free(types);
  free(pair_texts);
  free(texts);
  free(pairs);
  free(tokens);
}

void model_file_make_vocabulary(model_file *file, const model_file_options *options) {
  if (options->vocabulary < CONTROL_TOKENS + BYTES) {
    fprintf(stderr, "a vocabulary needs %d tokens\n", CONTROL_TOKENS + BYTES);
    exit(1);
  }
  if (options->sentencepiece)
    make_sentencepiece(file, options->vocabulary);
  else
    make_byte_level(file, options);
}

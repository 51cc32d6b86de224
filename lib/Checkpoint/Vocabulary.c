#include "ByteLevel.h"
#include "Internal.h"
#include "Merges.h"
#include "SentencePiece.h"
#include <math.h>
#include <string.h>

/// While the tables are made: the tokens' texts as they stand in the file.
typedef struct {
  const binq_gguf *gguf;
  binq_arena *arena;
  binq_bytes *texts;
  binq_name_table names;
  binq_vocabulary *out;
} vocabulary_reader;

static binq_status read_texts(vocabulary_reader *reader, const binq_gguf_field *field) {
  if (field->count < 1 || field->count > BINQ_TOKEN_COUNT_LIMIT)
    return binq_errorf("tokenizer.ggml.tokens: %llu tokens, must be 1 to %d",
                       (unsigned long long)field->count, BINQ_TOKEN_COUNT_LIMIT);
  BINQ_TRY(binq_arena_allocate(reader->arena, field->count, sizeof *reader->texts, &reader->texts));
  BINQ_TRY(binq_name_table_create(reader->arena, field->count, &reader->names));
  size_t position = 0;
  for (uint32_t i = 0; i < field->count; i++) {
    binq_bytes text = binq_gguf_next_string(field, &position);
    if (text.length < 1 || text.length > BINQ_TOKEN_LENGTH_LIMIT)
      return binq_errorf("tokenizer.ggml.tokens: token %u has %zu bytes, must have 1 to %d", i,
                         text.length, BINQ_TOKEN_LENGTH_LIMIT);
    int64_t same = binq_name_table_insert(&reader->names, text, i);
    if (same >= 0)
      return binq_errorf("tokenizer.ggml.tokens: tokens %lld and %u are the same", (long long)same,
                         i);
    reader->texts[i] = text;
  }
  reader->out->token_count = (uint32_t)field->count;
  return BINQ_OK;
}

/// The kind of a token by GGUF's number for it. The unknown token is treated like control tokens:
/// it stands for no text.
static binq_status token_kind(binq_pre_tokenizer pre_tokenizer, int32_t number, uint32_t index,
                              binq_token_kind *out) {
  static const binq_token_kind kinds[] = {
      [1] = BINQ_TOKEN_NORMAL,       [2] = BINQ_TOKEN_CONTROL, [3] = BINQ_TOKEN_CONTROL,
      [4] = BINQ_TOKEN_USER_DEFINED, [5] = BINQ_TOKEN_UNUSED,  [6] = BINQ_TOKEN_BYTE,
  };
  bool bytes = pre_tokenizer == BINQ_PRE_TOKENIZER_SENTENCEPIECE;
  if (number < 1 || number > (bytes ? 6 : 5))
    return binq_errorf("tokenizer.ggml.token_type: token %u has type %d, which %s vocabularies "
                       "do not have",
                       index, number, bytes ? "SentencePiece" : "byte-level");
  *out = kinds[number];
  return BINQ_OK;
}

/// Added tokens stand for their text as it is.
static bool is_added(binq_token_kind kind) {
  return kind == BINQ_TOKEN_CONTROL || kind == BINQ_TOKEN_USER_DEFINED;
}

static binq_status decode_tokens(vocabulary_reader *reader, const binq_gguf_field *types) {
  uint32_t count = reader->out->token_count;
  binq_pre_tokenizer pre_tokenizer = reader->out->pre_tokenizer;
  binq_byte_alphabet alphabet;
  binq_byte_alphabet_fill(&alphabet);
  binq_token *tokens = NULL;
  BINQ_TRY(binq_arena_allocate(reader->arena, count, sizeof *tokens, &tokens));
  reader->out->tokens = tokens;
  for (uint32_t i = 0; i < count; i++) {
    binq_bytes text = reader->texts[i];
    bool valid = true;
    tokens[i] = (binq_token){text.bytes, (uint32_t)text.length, BINQ_TOKEN_NORMAL};
    if (types)
      BINQ_TRY(token_kind(pre_tokenizer, binq_gguf_element_i32(types, i), i, &tokens[i].kind));
    if (is_added(tokens[i].kind))
      continue;
    if (pre_tokenizer == BINQ_PRE_TOKENIZER_SENTENCEPIECE)
      BINQ_TRY(binq_sentencepiece_decode(reader->arena, &tokens[i], &valid));
    else if (tokens[i].kind == BINQ_TOKEN_NORMAL)
      BINQ_TRY(binq_byte_level_decode_token(&alphabet, reader->arena, &tokens[i]));
    if (!valid)
      return binq_errorf("tokenizer.ggml.tokens: token %u is a byte, but not \"<0xNN>\"", i);
  }
  return BINQ_OK;
}

static binq_status read_tokens(vocabulary_reader *reader) {
  const binq_gguf_field *texts = NULL, *types = NULL;
  BINQ_TRY(binq_gguf_array(reader->gguf, "tokenizer.ggml.tokens", true, BINQ_GGUF_STRING, &texts));
  bool required = reader->out->pre_tokenizer == BINQ_PRE_TOKENIZER_SENTENCEPIECE; // has bytes
  BINQ_TRY(
      binq_gguf_array(reader->gguf, "tokenizer.ggml.token_type", required, BINQ_GGUF_I32, &types));
  BINQ_TRY(read_texts(reader, texts));
  if (types && types->count != texts->count)
    return binq_errorf("tokenizer.ggml.token_type: %llu types for %llu tokens",
                       (unsigned long long)types->count, (unsigned long long)texts->count);
  return decode_tokens(reader, types);
}

/// "left right": the encoding has no spaces of its own.
static binq_status parse_merge(const vocabulary_reader *reader, binq_bytes text, uint32_t index,
                               uint8_t *joined, binq_merge *out) {
  binq_bytes left, right;
  if (!binq_cut_merge(text, &left, &right))
    return binq_errorf("merge %u is not two tokens and a space between", index);
  return binq_find_merge(&reader->names, left, right, index, joined, out);
}

static binq_status read_merges(vocabulary_reader *reader) {
  const binq_gguf_field *field = NULL;
  BINQ_TRY(binq_gguf_array(reader->gguf, "tokenizer.ggml.merges", true, BINQ_GGUF_STRING, &field));
  if (field->count > BINQ_TOKEN_COUNT_LIMIT)
    return binq_errorf("tokenizer.ggml.merges: %llu are more than the %d supported",
                       (unsigned long long)field->count, BINQ_TOKEN_COUNT_LIMIT);
  binq_merge *merges = NULL;
  uint8_t *joined = NULL;
  BINQ_TRY(binq_arena_allocate(reader->arena, field->count, sizeof *merges, &merges));
  BINQ_TRY(binq_arena_allocate(reader->arena, 2, BINQ_TOKEN_LENGTH_LIMIT, &joined));
  size_t position = 0;
  for (uint32_t i = 0; i < field->count; i++) {
    binq_bytes text = binq_gguf_next_string(field, &position);
    BINQ_TRY(
        binq_annotate(parse_merge(reader, text, i, joined, &merges[i]), "tokenizer.ggml.merges"));
  }
  reader->out->merges = merges;
  reader->out->merge_count = (uint32_t)field->count;
  return BINQ_OK;
}

static binq_status read_scores(vocabulary_reader *reader) {
  const binq_gguf_field *field = NULL;
  uint32_t count = reader->out->token_count;
  BINQ_TRY(binq_gguf_array(reader->gguf, "tokenizer.ggml.scores", true, BINQ_GGUF_F32, &field));
  if (field->count != count)
    return binq_errorf("tokenizer.ggml.scores: %llu scores for %u tokens",
                       (unsigned long long)field->count, count);
  float *scores = NULL;
  BINQ_TRY(binq_arena_allocate(reader->arena, count, sizeof *scores, &scores));
  memcpy(scores, field->data, count * sizeof *scores);
  for (uint32_t i = 0; i < count; i++)
    if (!isfinite(scores[i]))
      return binq_errorf("tokenizer.ggml.scores: that of token %u is not a finite number", i);
  binq_scored_tokens tokens = {reader->texts, &reader->names, scores};
  return binq_annotate(binq_sentencepiece_merges(&tokens, reader->arena, reader->out),
                       "tokenizer.ggml.tokens");
}

static binq_status read_kind(const binq_gguf *gguf, binq_vocabulary *out) {
  static const struct {
    const char *name;
    binq_pre_tokenizer kind;
  } names[] = {
      {"gpt2", BINQ_PRE_TOKENIZER_GPT2},     {"gpt-2", BINQ_PRE_TOKENIZER_GPT2},
      {"smollm", BINQ_PRE_TOKENIZER_SMOLLM}, {"llama-bpe", BINQ_PRE_TOKENIZER_LLAMA_BPE},
      {"qwen2", BINQ_PRE_TOKENIZER_QWEN2},
  };
  binq_bytes model, name;
  BINQ_TRY(binq_gguf_text(gguf, "tokenizer.ggml.model", true, &model));
  if (binq_bytes_equal(model, "llama")) {
    out->pre_tokenizer = BINQ_PRE_TOKENIZER_SENTENCEPIECE;
    return BINQ_OK;
  }
  if (!binq_bytes_equal(model, "gpt2"))
    return binq_errorf("tokenizer.ggml.model: \"%.*s\" is not supported, only \"gpt2\" (byte-level "
                       "BPE) and \"llama\" (SentencePiece)",
                       BINQ_QUOTED(model));
  BINQ_TRY(binq_gguf_text(gguf, "tokenizer.ggml.pre", true, &name));
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (binq_bytes_equal(name, names[i].name)) {
      out->pre_tokenizer = names[i].kind;
      return BINQ_OK;
    }
  }
  return binq_errorf(
      "tokenizer.ggml.pre: \"%.*s\" is not supported, only gpt2, smollm, llama-bpe and qwen2",
      BINQ_QUOTED(name));
}

/// Whether a file that does not say so means texts to begin with `bos`.
static bool begins_with_bos(const binq_vocabulary *vocabulary) {
  return vocabulary->bos >= 0 && (vocabulary->pre_tokenizer == BINQ_PRE_TOKENIZER_LLAMA_BPE ||
                                  vocabulary->pre_tokenizer == BINQ_PRE_TOKENIZER_SENTENCEPIECE);
}

static binq_status read_special(const binq_gguf *gguf, binq_vocabulary *out) {
  int64_t last = (int64_t)out->token_count - 1;
  out->bos = out->eos = out->unknown = -1;
  BINQ_TRY(binq_gguf_integer(gguf, "tokenizer.ggml.bos_token_id", false, 0, last, &out->bos));
  BINQ_TRY(binq_gguf_integer(gguf, "tokenizer.ggml.eos_token_id", false, 0, last, &out->eos));
  out->add_bos = begins_with_bos(out);
  BINQ_TRY(binq_gguf_bool(gguf, "tokenizer.ggml.add_bos_token", &out->add_bos));
  if (out->add_bos && out->bos < 0)
    return binq_errorf(
        "tokenizer.ggml.add_bos_token: is set, but tokenizer.ggml.bos_token_id is missing");
  return BINQ_OK;
}

/// What only SentencePiece has.
static binq_status read_text_rules(const binq_gguf *gguf, binq_vocabulary *out) {
  int64_t last = (int64_t)out->token_count - 1;
  bool space = true;
  BINQ_TRY(
      binq_gguf_integer(gguf, "tokenizer.ggml.unknown_token_id", false, 0, last, &out->unknown));
  BINQ_TRY(binq_gguf_bool(gguf, "tokenizer.ggml.add_space_prefix", &space));
  out->space = space ? BINQ_SPACE_ALWAYS : BINQ_SPACE_NEVER;
  return BINQ_OK;
}

binq_status binq_read_vocabulary(const binq_gguf *gguf, binq_arena *arena, binq_vocabulary *out) {
  vocabulary_reader reader = {.gguf = gguf, .arena = arena, .out = out};
  BINQ_TRY(read_kind(gguf, out));
  BINQ_TRY(read_tokens(&reader));
  BINQ_TRY(read_special(gguf, out));
  if (out->pre_tokenizer != BINQ_PRE_TOKENIZER_SENTENCEPIECE)
    return read_merges(&reader);
  BINQ_TRY(read_text_rules(gguf, out));
  return read_scores(&reader);
}

#include "ByteLevel.h"
#include "Folder.h"
#include "Merges.h"
#include "SentencePiece.h"
#include <string.h>

static const char file_name[] = "tokenizer.json";

/// While the tables are made.
typedef struct {
  const binq_folder *folder;
  json_t *model;
  binq_arena *arena;
  binq_vocabulary *out;
  binq_token *tokens; ///< those of `out`, at first with their texts as they stand in the file
  binq_name_table names;
} vocabulary_reader;

static binq_status expect_empty(const json_t *model, const char *key) {
  const char *value = "";
  BINQ_TRY(binq_json_text(model, key, false, &value));
  return *value ? binq_errorf("%s: is not supported", key) : BINQ_OK;
}

static binq_status check_model(const json_t *model) {
  const char *type = "BPE";
  BINQ_TRY(binq_json_text(model, "type", false, &type));
  if (strcmp(type, "BPE") != 0)
    return binq_errorf("type: \"%.64s\" is not supported, only \"BPE\" is", type);
  double dropout = 0;
  BINQ_TRY(binq_json_number(model, "dropout", false, &dropout));
  if (dropout != 0)
    return binq_errorf("dropout: leaving out merges at random is not supported");
  BINQ_TRY(expect_empty(model, "continuing_subword_prefix"));
  return expect_empty(model, "end_of_word_suffix");
}

/// Enters a token. The same may be listed twice: in the model and as an added one.
static binq_status add_token(vocabulary_reader *reader, binq_bytes text, int64_t number,
                             binq_token_kind kind) {
  if (number < 0 || number >= reader->out->token_count)
    return binq_errorf("token %lld is not among the %u of config.json's vocab_size",
                       (long long)number, reader->out->token_count);
  if (text.length < 1 || text.length > BINQ_TOKEN_LENGTH_LIMIT)
    return binq_errorf("token %lld has %zu bytes, must have 1 to %d", (long long)number,
                       text.length, BINQ_TOKEN_LENGTH_LIMIT);
  binq_token *token = &reader->tokens[number];
  int64_t same = binq_name_table_find(&reader->names, text);
  if (same >= 0 && same != number)
    return binq_errorf("tokens %lld and %lld are the same", (long long)same, (long long)number);
  if (same < 0 && token->bytes)
    return binq_errorf("there are two tokens %lld", (long long)number);
  binq_name_table_insert(&reader->names, text, (uint32_t)number);
  *token = (binq_token){text.bytes, (uint32_t)text.length, kind};
  return BINQ_OK;
}

static binq_status read_model_tokens(vocabulary_reader *reader, json_t *vocabulary) {
  const char *text = NULL;
  json_t *number = NULL;
  json_object_foreach(vocabulary, text, number) {
    if (!json_is_integer(number))
      return binq_errorf("the number of a token is no integer");
    BINQ_TRY(add_token(reader, (binq_bytes){text, strlen(text)}, json_integer_value(number),
                       BINQ_TOKEN_NORMAL));
  }
  return BINQ_OK;
}

/// How spaces and letters around an added token are treated only matters where it is always
/// matched.
static binq_status check_matching(const json_t *token) {
  static const char *const keys[] = {"single_word", "lstrip", "rstrip"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    bool value = false;
    BINQ_TRY(binq_json_bool(token, keys[i], &value));
    if (value)
      return binq_errorf("%s: is not supported", keys[i]);
  }
  return BINQ_OK;
}

static binq_status read_added_token(vocabulary_reader *reader, const json_t *token) {
  int64_t number = 0;
  bool special = false;
  const json_t *content = binq_json_find(token, "content");
  BINQ_TRY(binq_json_integer(token, "id", true, 0, INT64_MAX, &number));
  BINQ_TRY(binq_json_bool(token, "special", &special));
  if (!json_is_string(content))
    return binq_errorf("content: is missing or no string");
  if (!special)
    BINQ_TRY(check_matching(token));
  binq_bytes text = {json_string_value(content), json_string_length(content)};
  return add_token(reader, text, number, special ? BINQ_TOKEN_CONTROL : BINQ_TOKEN_USER_DEFINED);
}

static binq_status read_tokens(vocabulary_reader *reader) {
  const json_t *vocabulary = NULL, *added = NULL;
  json_t *root = reader->folder->tokenizer;
  BINQ_TRY(binq_annotate(binq_json_object(reader->model, "vocab", true, &vocabulary), "model"));
  BINQ_TRY(binq_json_array(root, "added_tokens", false, &added));
  size_t added_count = json_array_size(added), count = json_object_size(vocabulary) + added_count;
  if (count > BINQ_TOKEN_COUNT_LIMIT)
    return binq_errorf("model: vocab: %zu tokens are more than the %d supported", count,
                       BINQ_TOKEN_COUNT_LIMIT);
  BINQ_TRY(binq_arena_allocate(reader->arena, reader->out->token_count, sizeof *reader->tokens,
                               &reader->tokens));
  BINQ_TRY(binq_name_table_create(reader->arena, count, &reader->names));
  BINQ_TRY(binq_annotate(read_model_tokens(reader, json_object_get(reader->model, "vocab")),
                         "model: vocab"));
  for (size_t i = 0; i < added_count; i++)
    BINQ_TRY(binq_annotate(read_added_token(reader, json_array_get(added, i)),
                           "added_tokens: entry %zu", i));
  reader->out->tokens = reader->tokens;
  return BINQ_OK;
}

/// A merge is "left right" or ["left", "right"].
static binq_status read_merge(const vocabulary_reader *reader, const json_t *entry, uint32_t index,
                              uint8_t *joined, binq_merge *out) {
  binq_bytes sides[2] = {{0}, {0}};
  bool valid = false;
  if (json_is_string(entry)) {
    binq_bytes text = {json_string_value(entry), json_string_length(entry)};
    valid = binq_cut_merge(text, &sides[0], &sides[1]);
  } else if (json_array_size(entry) == 2) {
    const json_t *left = json_array_get(entry, 0), *right = json_array_get(entry, 1);
    valid = json_is_string(left) && json_is_string(right);
    sides[0] = (binq_bytes){json_string_value(left), json_string_length(left)};
    sides[1] = (binq_bytes){json_string_value(right), json_string_length(right)};
  }
  if (!valid)
    return binq_errorf("merge %u is not two tokens", index);
  return binq_find_merge(&reader->names, sides[0], sides[1], index, joined, out);
}

static binq_status read_merges(vocabulary_reader *reader) {
  const json_t *list = NULL;
  binq_merge *merges = NULL;
  uint8_t *joined = NULL;
  BINQ_TRY(binq_json_array(reader->model, "merges", true, &list));
  size_t count = json_array_size(list);
  if (count > BINQ_TOKEN_COUNT_LIMIT)
    return binq_errorf("merges: %zu are more than the %d supported", count, BINQ_TOKEN_COUNT_LIMIT);
  BINQ_TRY(binq_arena_allocate(reader->arena, count, sizeof *merges, &merges));
  BINQ_TRY(binq_arena_allocate(reader->arena, 2, BINQ_TOKEN_LENGTH_LIMIT, &joined));
  for (uint32_t i = 0; i < count; i++)
    BINQ_TRY(binq_annotate(read_merge(reader, json_array_get(list, i), i, joined, &merges[i]),
                           "merges"));
  reader->out->merges = merges;
  reader->out->merge_count = (uint32_t)count;
  return BINQ_OK;
}

/// SentencePiece: what stands for characters that are no tokens.
static binq_status read_fallback(vocabulary_reader *reader) {
  const json_t *model = reader->model;
  const char *unknown = NULL;
  bool fused = false;
  BINQ_TRY(binq_json_text(model, "unk_token", false, &unknown));
  if (!unknown)
    return BINQ_OK;
  BINQ_TRY(binq_json_bool(model, "fuse_unk", &fused));
  if (!fused)
    return binq_errorf("fuse_unk: unknown characters that are a token each are not supported");
  reader->out->unknown =
      binq_name_table_find(&reader->names, (binq_bytes){unknown, strlen(unknown)});
  if (reader->out->unknown < 0)
    return binq_errorf("unk_token: is no token");
  reader->tokens[reader->out->unknown].kind = BINQ_TOKEN_CONTROL;
  return BINQ_OK;
}

/// A token of SentencePiece; with `bytes`, "<0xNN>" is a byte.
static binq_status decode_piece(binq_arena *arena, bool bytes, binq_token *token) {
  const binq_token written = *token;
  bool is_byte = false;
  if (bytes) {
    token->kind = BINQ_TOKEN_BYTE;
    BINQ_TRY(binq_sentencepiece_decode(arena, token, &is_byte));
  }
  if (is_byte)
    return BINQ_OK;
  *token = written;
  return binq_sentencepiece_decode(arena, token, &is_byte);
}

/// From texts, which belong to the JSON, to what they stand for. Added tokens stand for their text
/// as it is, numbers that no token has for nothing.
static binq_status decode_tokens(vocabulary_reader *reader) {
  binq_byte_alphabet alphabet;
  binq_byte_alphabet_fill(&alphabet);
  bool pieces = reader->out->pre_tokenizer == BINQ_PRE_TOKENIZER_SENTENCEPIECE, bytes = false;
  BINQ_TRY(binq_annotate(binq_json_bool(reader->model, "byte_fallback", &bytes), "model"));
  for (uint32_t i = 0; i < reader->out->token_count; i++) {
    binq_token *token = &reader->tokens[i];
    char *copy = NULL;
    if (!token->bytes) {
      *token = (binq_token){(const uint8_t *)"", 0, BINQ_TOKEN_UNUSED};
    } else if (token->kind != BINQ_TOKEN_NORMAL) {
      BINQ_TRY(
          binq_arena_copy_string(reader->arena, (const char *)token->bytes, token->length, &copy));
      token->bytes = (const uint8_t *)copy;
    } else if (pieces) {
      BINQ_TRY(decode_piece(reader->arena, bytes, token));
    } else {
      BINQ_TRY(binq_byte_level_decode_token(&alphabet, reader->arena, token));
    }
  }
  return BINQ_OK;
}

/// Pieces that are tokens are taken whole, without merging, by one kind of vocabulary only.
static binq_status check_whole_pieces(const vocabulary_reader *reader) {
  bool whole = false;
  BINQ_TRY(binq_json_bool(reader->model, "ignore_merges", &whole));
  if (whole != (reader->out->pre_tokenizer == BINQ_PRE_TOKENIZER_LLAMA_BPE))
    return binq_errorf("ignore_merges: %s is not supported with this pre_tokenizer",
                       whole ? "true" : "false");
  return BINQ_OK;
}

static binq_status read_model(vocabulary_reader *reader) {
  BINQ_TRY(check_model(reader->model));
  BINQ_TRY(check_whole_pieces(reader));
  BINQ_TRY(read_merges(reader));
  if (reader->out->pre_tokenizer == BINQ_PRE_TOKENIZER_SENTENCEPIECE)
    BINQ_TRY(read_fallback(reader));
  return BINQ_OK;
}

static binq_status read_vocabulary(vocabulary_reader *reader) {
  const json_t *model = NULL;
  BINQ_TRY(binq_json_object(reader->folder->tokenizer, "model", true, &model));
  reader->model = json_object_get(reader->folder->tokenizer, "model");
  BINQ_TRY(binq_folder_read_splitting(reader->folder->tokenizer, reader->out));
  BINQ_TRY(read_tokens(reader));
  return binq_annotate(read_model(reader), "model");
}

binq_status binq_folder_read_vocabulary(const binq_folder *folder) {
  binq_model *model = &folder->opened->model;
  vocabulary_reader reader = {
      .folder = folder, .arena = folder->opened->arena, .out = &model->vocabulary};
  reader.out->token_count = (uint32_t)model->vocabulary_size;
  reader.out->bos = reader.out->eos = reader.out->unknown = -1;
  BINQ_TRY(binq_folder_annotate(folder, read_vocabulary(&reader), file_name));
  BINQ_TRY(binq_folder_read_ends(folder, &reader.names, reader.out));
  return binq_folder_annotate(folder, decode_tokens(&reader), file_name);
}

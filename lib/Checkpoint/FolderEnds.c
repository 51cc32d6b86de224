#include "Folder.h"
#include <string.h>

/// A field of tokenizer_config.json that names a token: its text, or an object with it.
static binq_status read_named(const json_t *config, const char *key, const binq_name_table *names,
                              int64_t *out) {
  const json_t *field = binq_json_find(config, key);
  const json_t *text = json_is_object(field) ? binq_json_find(field, "content") : field;
  if (!field)
    return BINQ_OK;
  if (!json_is_string(text))
    return binq_errorf("%s: is no string", key);
  binq_bytes name = {json_string_value(text), json_string_length(text)};
  *out = name.length ? binq_name_table_find(names, name) : -1;
  return *out < 0 ? binq_errorf("%s: is no token", key) : BINQ_OK;
}

/// A field of config.json with the number of a token, or a list of them, of which the first counts.
static binq_status read_number(const json_t *config, const char *key, uint32_t token_count,
                               int64_t *out) {
  const json_t *field = binq_json_find(config, key);
  if (!json_is_array(field))
    return binq_json_integer(config, key, false, 0, (int64_t)token_count - 1, out);
  const json_t *first = json_array_get(field, 0);
  if (!json_is_integer(first) || json_integer_value(first) < 0 ||
      json_integer_value(first) >= (json_int_t)token_count)
    return binq_errorf("%s: does not begin with a token", key);
  *out = json_integer_value(first);
  return BINQ_OK;
}

/// The token that a TemplateProcessing calls `name`.
static binq_status find_special(const json_t *template, const char *name, uint32_t token_count,
                                int64_t *out) {
  const json_t *tokens = NULL;
  BINQ_TRY(binq_json_object(template, "special_tokens", true, &tokens));
  const json_t *numbers = json_object_get(json_object_get(tokens, name), "ids");
  const json_t *number = json_array_get(numbers, 0);
  if (json_array_size(numbers) != 1 || !json_is_integer(number) || json_integer_value(number) < 0 ||
      json_integer_value(number) >= (json_int_t)token_count)
    return binq_errorf("special_tokens: has no token for one of `single`");
  *out = json_integer_value(number);
  return BINQ_OK;
}

/// What is put around one text: nothing, or `bos` before it.
static binq_status read_template(const json_t *template, binq_vocabulary *out) {
  const json_t *parts = NULL;
  BINQ_TRY(binq_json_array(template, "single", true, &parts));
  size_t count = json_array_size(parts);
  const json_t *last = json_array_get(parts, count - 1); // NULL if there is none
  if (count < 1 || count > 2 || !json_is_object(binq_json_find(last, "Sequence")))
    return binq_errorf("single: is not supported, only a text with one token before it or none");
  if (count == 1)
    return BINQ_OK;
  const json_t *special = binq_json_find(json_array_get(parts, 0), "SpecialToken");
  const char *name = NULL;
  int64_t token = -1;
  BINQ_TRY(binq_annotate(binq_json_text(special, "id", true, &name), "single: SpecialToken"));
  BINQ_TRY(find_special(template, name, out->token_count, &token));
  if (out->bos < 0)
    out->bos = token;
  if (out->bos != token)
    return binq_errorf("single: texts begin with token %lld, but the model's bos is %lld",
                       (long long)token, (long long)out->bos);
  out->add_bos = true;
  return BINQ_OK;
}

static binq_status read_processor(const json_t *processor, binq_vocabulary *out) {
  const char *type = NULL;
  const json_t *sequence = NULL;
  BINQ_TRY(binq_json_text(processor, "type", true, &type));
  if (strcmp(type, "TemplateProcessing") == 0)
    return binq_annotate(read_template(processor, out), "%s", type);
  if (strcmp(type, "ByteLevel") == 0) // which only moves the places of tokens in the text
    return BINQ_OK;
  if (strcmp(type, "Sequence") != 0)
    return binq_errorf("\"%.64s\" is not supported", type);
  BINQ_TRY(binq_json_array(processor, "processors", true, &sequence));
  for (size_t i = 0; i < json_array_size(sequence); i++)
    BINQ_TRY(read_processor(json_array_get(sequence, i), out));
  return BINQ_OK;
}

static binq_status read_processors(const json_t *tokenizer, binq_vocabulary *out) {
  const json_t *field = NULL;
  BINQ_TRY(binq_json_object(tokenizer, "post_processor", false, &field));
  return field ? binq_annotate(read_processor(field, out), "post_processor") : BINQ_OK;
}

static binq_status read_numbers(const json_t *config, binq_vocabulary *out) {
  BINQ_TRY(read_number(config, "bos_token_id", out->token_count, &out->bos));
  return read_number(config, "eos_token_id", out->token_count, &out->eos);
}

static binq_status read_names(const json_t *config, const binq_name_table *names,
                              binq_vocabulary *out) {
  BINQ_TRY(read_named(config, "bos_token", names, &out->bos));
  return read_named(config, "eos_token", names, &out->eos);
}

binq_status binq_folder_read_ends(const binq_folder *folder, const binq_name_table *names,
                                  binq_vocabulary *out) {
  BINQ_TRY(binq_folder_annotate(folder, read_numbers(folder->config, out), "config.json"));
  if (folder->tokenizer_config)
    BINQ_TRY(binq_folder_annotate(folder, read_names(folder->tokenizer_config, names, out),
                                  "tokenizer_config.json"));
  return binq_folder_annotate(folder, read_processors(folder->tokenizer, out), "tokenizer.json");
}

#include "Folder.h"
#include <stdio.h>
#include <string.h>

enum { STEPS = 3, STEP_TEXT = 256 };

/// The steps of a normalizer or pre-tokenizer, one line each.
typedef struct {
  char steps[STEPS][STEP_TEXT];
  size_t count;
} step_list;

#define WORDS "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
#define SYMBOLS "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define META "\u2581" // what stands for a space

/// What is known: all steps of both fields.
static const struct {
  const char *normalizers[STEPS], *pre_tokenizers[STEPS];
  binq_pre_tokenizer kind;
  binq_space space;
} known[] = {
    {{0}, {"ByteLevel with expression"}, BINQ_PRE_TOKENIZER_GPT2, BINQ_SPACE_NEVER},
    {{0}, {"Split " GPT2, "ByteLevel"}, BINQ_PRE_TOKENIZER_GPT2, BINQ_SPACE_NEVER},
    {{0},
     {"Digits one by one", "ByteLevel with expression"},
     BINQ_PRE_TOKENIZER_SMOLLM,
     BINQ_SPACE_NEVER},
    {{0},
     {"Split " WORDS "\\p{N}{1,3}" SYMBOLS, "ByteLevel"},
     BINQ_PRE_TOKENIZER_LLAMA_BPE,
     BINQ_SPACE_NEVER},
    {{0},
     {"Split " WORDS "\\p{N}" SYMBOLS, "ByteLevel"},
     BINQ_PRE_TOKENIZER_QWEN2,
     BINQ_SPACE_NEVER},
    {{"NFC"},
     {"Split " WORDS "\\p{N}" SYMBOLS, "ByteLevel"},
     BINQ_PRE_TOKENIZER_QWEN2,
     BINQ_SPACE_NEVER},
    {{"Prepend " META, "Replace ' ' by " META},
     {0},
     BINQ_PRE_TOKENIZER_SENTENCEPIECE,
     BINQ_SPACE_ALWAYS},
    {{"Replace ' ' by " META}, {0}, BINQ_PRE_TOKENIZER_SENTENCEPIECE, BINQ_SPACE_NEVER},
    {{0}, {"Metaspace first"}, BINQ_PRE_TOKENIZER_SENTENCEPIECE, BINQ_SPACE_FIRST},
    {{0}, {"Metaspace never"}, BINQ_PRE_TOKENIZER_SENTENCEPIECE, BINQ_SPACE_NEVER},
};

static binq_status describe_byte_level(const json_t *step, char text[STEP_TEXT]) {
  bool space = true, expression = true; // what is meant where they are missing
  BINQ_TRY(binq_json_bool(step, "add_prefix_space", &space));
  BINQ_TRY(binq_json_bool(step, "use_regex", &expression));
  snprintf(text, STEP_TEXT, "ByteLevel%s%s", expression ? " with expression" : "",
           space ? " with a space before" : "");
  return BINQ_OK;
}

static binq_status describe_digits(const json_t *step, char text[STEP_TEXT]) {
  bool single = false;
  BINQ_TRY(binq_json_bool(step, "individual_digits", &single));
  snprintf(text, STEP_TEXT, "Digits%s", single ? " one by one" : "");
  return BINQ_OK;
}

/// The pattern of a step: an expression, or a string.
static binq_status read_pattern(const json_t *step, const char *kind, const char **out) {
  const json_t *pattern = NULL;
  BINQ_TRY(binq_json_object(step, "pattern", true, &pattern));
  return binq_annotate(binq_json_text(pattern, kind, true, out), "pattern");
}

static binq_status describe_split(const json_t *step, char text[STEP_TEXT]) {
  const char *pattern = NULL, *behavior = "";
  bool inverted = false;
  BINQ_TRY(read_pattern(step, "Regex", &pattern));
  BINQ_TRY(binq_json_text(step, "behavior", true, &behavior));
  BINQ_TRY(binq_json_bool(step, "invert", &inverted));
  bool plain = strcmp(behavior, "Isolated") == 0 && !inverted;
  snprintf(text, STEP_TEXT, "Split %s%s", plain ? "" : "otherwise by ", pattern);
  return BINQ_OK;
}

static binq_status describe_metaspace(const json_t *step, char text[STEP_TEXT]) {
  const char *replacement = NULL, *scheme = "always";
  bool split = true;
  BINQ_TRY(binq_json_text(step, "replacement", true, &replacement));
  BINQ_TRY(binq_json_text(step, "prepend_scheme", false, &scheme));
  BINQ_TRY(binq_json_bool(step, "split", &split));
  snprintf(text, STEP_TEXT, "Metaspace %.32s%s%s%.32s", scheme, split ? " split" : "",
           strcmp(replacement, META) == 0 ? "" : " by ",
           strcmp(replacement, META) == 0 ? "" : replacement);
  return BINQ_OK;
}

static binq_status describe_prepend(const json_t *step, char text[STEP_TEXT]) {
  const char *added = NULL;
  BINQ_TRY(binq_json_text(step, "prepend", true, &added));
  snprintf(text, STEP_TEXT, "Prepend %s", added);
  return BINQ_OK;
}

static binq_status describe_replace(const json_t *step, char text[STEP_TEXT]) {
  const char *pattern = NULL, *content = NULL;
  BINQ_TRY(read_pattern(step, "String", &pattern));
  BINQ_TRY(binq_json_text(step, "content", true, &content));
  snprintf(text, STEP_TEXT, "Replace '%.64s' by %.64s", pattern, content);
  return BINQ_OK;
}

/// Adds the line of a step that is no sequence; of a kind that is not known, its name.
static binq_status add_step(const json_t *step, step_list *list) {
  static const struct {
    const char *type;
    binq_status (*describe)(const json_t *step, char text[STEP_TEXT]);
  } kinds[] = {
      {"ByteLevel", describe_byte_level}, {"Digits", describe_digits},
      {"Split", describe_split},          {"Metaspace", describe_metaspace},
      {"Prepend", describe_prepend},      {"Replace", describe_replace},
  };
  const char *type = NULL;
  BINQ_TRY(binq_json_text(step, "type", true, &type));
  if (list->count == STEPS)
    return binq_errorf("has more than %d steps", STEPS);
  char *text = list->steps[list->count++];
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(type, kinds[i].type) == 0)
      return binq_annotate(kinds[i].describe(step, text), "%s", type);
  snprintf(text, STEP_TEXT, "%s", type);
  return BINQ_OK;
}

/// The steps of a field: none, one, or a sequence of them under `parts`.
static binq_status read_steps(const json_t *tokenizer, const char *key, const char *parts,
                              step_list *list) {
  const json_t *field = NULL, *sequence = NULL;
  const char *type = NULL;
  BINQ_TRY(binq_json_object(tokenizer, key, false, &field));
  if (!field)
    return BINQ_OK;
  BINQ_TRY(binq_annotate(binq_json_text(field, "type", true, &type), "%s", key));
  if (strcmp(type, "Sequence") != 0)
    return binq_annotate(add_step(field, list), "%s", key);
  BINQ_TRY(binq_annotate(binq_json_array(field, parts, true, &sequence), "%s", key));
  for (size_t i = 0; i < json_array_size(sequence); i++)
    BINQ_TRY(binq_annotate(add_step(json_array_get(sequence, i), list), "%s", key));
  return BINQ_OK;
}

static bool are_steps(const step_list *list, const char *const steps[STEPS]) {
  for (size_t i = 0; i < STEPS; i++) {
    bool there = i < list->count;
    if (there != (steps[i] != NULL) || (there && strcmp(list->steps[i], steps[i]) != 0))
      return false;
  }
  return true;
}

/// Names the first step of a field that has no part in anything known, or else all of them.
static binq_status refuse(const step_list *normalizers, const step_list *pre_tokenizers) {
  const step_list *lists[] = {normalizers, pre_tokenizers};
  static const char *const keys[] = {"normalizer", "pre_tokenizer"};
  for (int field = 0; field < 2; field++) {
    for (size_t i = 0; i < lists[field]->count; i++) {
      bool found = false;
      for (size_t j = 0; j < sizeof known / sizeof *known; j++)
        for (int k = 0; k < STEPS; k++) {
          const char *step = field ? known[j].pre_tokenizers[k] : known[j].normalizers[k];
          found = found || (step && strcmp(step, lists[field]->steps[i]) == 0);
        }
      if (!found)
        return binq_errorf("%s: \"%s\" is not supported", keys[field], lists[field]->steps[i]);
    }
  }
  return binq_errorf("normalizer and pre_tokenizer: what they do together is not supported");
}

binq_status binq_folder_read_splitting(const json_t *tokenizer, binq_vocabulary *out) {
  step_list normalizers = {0}, pre_tokenizers = {0};
  BINQ_TRY(read_steps(tokenizer, "normalizer", "normalizers", &normalizers));
  BINQ_TRY(read_steps(tokenizer, "pre_tokenizer", "pretokenizers", &pre_tokenizers));
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (are_steps(&normalizers, known[i].normalizers) &&
        are_steps(&pre_tokenizers, known[i].pre_tokenizers)) {
      out->pre_tokenizer = known[i].kind;
      out->space = known[i].space;
      return BINQ_OK;
    }
  }
  return refuse(&normalizers, &pre_tokenizers);
}

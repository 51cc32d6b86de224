// NAME.h: the runtime's own interface, runtime/Api.h, with the model's name and numbers in it.
#include "Internal.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

extern const char binq_api_template[]; // runtime/Api.h, embedded by the build

/// What a word of the template that begins with a dollar sign stands for.
typedef struct {
  const char *word;
  const char *text; ///< NULL: the number
  int64_t number;
} value;

static binq_status write_value(binq_output *output, const value *v) {
  char number[24];
  snprintf(number, sizeof number, "%" PRId64, v->number);
  const char *text = v->text ? v->text : number;
  return binq_output_write(output, text, strlen(text));
}

/// The value whose word `text` begins with, the longest of several.
static const value *find_value(const char *text, const value *values, size_t count) {
  const value *found = NULL;
  for (size_t i = 0; i < count; ++i)
    if (strncmp(text, values[i].word, strlen(values[i].word)) == 0 &&
        (!found || strlen(values[i].word) > strlen(found->word)))
      found = &values[i];
  return found;
}

/// Copies the template from `text` to `end`. At a dollar sign a value takes the place of the word,
/// at the start of an identifier `lower` that of "binq_" and `upper` that of "BINQ_".
static binq_status expand(binq_output *output, const char *text, const char *end,
                          const value *values, size_t count) {
  static const char prefixes[2][6] = {"binq_", "BINQ_"};
  const char *copied = text, *begin = text;
  while (text < end) {
    bool starts_word = text == begin || !(isalnum((unsigned char)text[-1]) || text[-1] == '_');
    bool is_prefix =
        starts_word && (strncmp(text, prefixes[0], 5) == 0 || strncmp(text, prefixes[1], 5) == 0);
    const value *v = *text == '$' || is_prefix ? find_value(text, values, count) : NULL;
    if (!v) {
      ++text;
      continue;
    }
    BINQ_TRY(binq_output_write(output, copied, (size_t)(text - copied)));
    BINQ_TRY(write_value(output, v));
    text += strlen(v->word);
    copied = text;
  }
  return binq_output_write(output, copied, (size_t)(end - copied));
}

static binq_status write_template(binq_output *output, const binq_target_model *model) {
  char lower[72], upper[72], file[96], isas[BINQ_ISA_NAMES_SIZE];
  snprintf(lower, sizeof lower, "%s_", model->name);
  for (size_t i = 0; i <= strlen(lower); ++i)
    upper[i] = (char)toupper((unsigned char)lower[i]);
  snprintf(file, sizeof file, "\"%s.weights\"", model->name);
  binq_target_isa_names(model, isas);
  const value values[] = {
      {"binq_", lower, 0},
      {"BINQ_", upper, 0},
      {"$title", model->title, 0},
      {"$version", BINQ_VERSION, 0},
      {"$name", model->name, 0},
      {"$isas", isas, 0},
      {"$isa_variable", BINQ_ISA_VARIABLE, 0},
      {"$weights_file", model->embedded ? "NULL" : file, 0},
      {"$weights_size", NULL, (int64_t)model->weights_size},
      {"$vocabulary_size", NULL, model->vocabulary_size},
      {"$context_length", NULL, model->context_length},
      {"$layer_count", NULL, model->layer_count},
      {"$hidden_size", NULL, model->hidden_size},
      {"$bos", NULL, model->bos},
      {"$eos", NULL, model->eos},
      {"$text_size", NULL, model->text_size},
  };
  static const char begin[] = "//@begin\n", end[] = "//@end\n";
  const char *first = strstr(binq_api_template, begin) + strlen(begin);
  return expand(output, first, strstr(first, end), values, sizeof values / sizeof *values);
}

binq_status binq_target_write_header(const char *path, const binq_target_model *model) {
  binq_output *output;
  BINQ_TRY(binq_output_create(path, &output));
  binq_status status = write_template(output, model);
  if (!status)
    return binq_output_commit(output);
  binq_output_discard(output);
  return status;
}

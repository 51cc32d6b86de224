#include "binq/Evaluate/Evaluate.h"

#include "binq/Support/File.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// jansson hands NULL on when memory is out, and its functions then do nothing: the text at the end
// tells.

/// Null where there is no number.
static json_t *real(double value) {
  return isfinite(value) ? json_real(value) : json_null();
}

static json_t *build_of(const binq_candidate *build) {
  return json_pack("{s:s, s:s, s:I, s:o}", "name", build->name, "kind",
                   binq_candidate_kind_name(build->kind), "bytes", (json_int_t)build->bytes,
                   "bits_per_weight",
                   build->bits_per_weight > 0 ? json_real(build->bits_per_weight) : json_null());
}

static json_t *result_of(const binq_candidate *build, const binq_accuracy *a) {
  return json_pack("{s:s, s:o, s:o, s:o, s:o}", "name", build->name, "perplexity",
                   real(a->perplexity), "divergence", real(a->divergence), "divergence_99",
                   real(a->divergence_99), "agreement", real(a->agreement));
}

static json_t *text_of(const binq_evaluation *e, const binq_evaluated_text *text) {
  json_t *results = json_array();
  for (size_t i = 0; i < e->build_count; i++)
    if (json_array_append_new(results, result_of(&e->builds[i], &text->accuracy[i])) != 0) {
      json_decref(results);
      return NULL;
    }
  return json_pack("{s:s, s:I, s:I, s:I, s:I, s:o}", "text", text->path, "tokens",
                   (json_int_t)text->tokens, "windows", (json_int_t)text->windows, "window",
                   (json_int_t)e->window, "predictions", (json_int_t)text->accuracy[0].predictions,
                   "results", results);
}

static json_t *root_of(const binq_evaluation *e) {
  json_t *builds = json_array(), *texts = json_array();
  bool complete = true;
  for (size_t i = 0; i < e->build_count; i++)
    complete = complete && json_array_append_new(builds, build_of(&e->builds[i])) == 0;
  for (size_t i = 0; i < e->text_count; i++)
    complete = complete && json_array_append_new(texts, text_of(e, &e->texts[i])) == 0;
  json_t *root = json_pack("{s:s, s:o, s:o}", "reference", e->builds[e->reference].name, "builds",
                           builds, "texts", texts);
  if (complete)
    return root;
  json_decref(root);
  return NULL;
}

binq_status binq_evaluation_write_json(const binq_evaluation *evaluation, const char *path) {
  json_t *root = root_of(evaluation);
  char *text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(10)) : NULL;
  json_decref(root);
  if (!text)
    return binq_errorf("%s: names or paths are not UTF-8, or memory is out", path);
  size_t length = strlen(text);
  text[length] = '\n'; // in the place of the NUL
  binq_status status = binq_write_file(path, text, length + 1);
  free(text);
  return status;
}

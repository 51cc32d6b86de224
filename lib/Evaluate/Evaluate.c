#include "binq/Evaluate/Evaluate.h"

#include "Open.h"
#include "binq/Dialect/Dialect.h"
#include <stdlib.h>
#include <string.h>

/// An evaluation at work.
typedef struct {
  const binq_evaluation_options *options;
  const binq_progress *progress;
  binq_evaluation *out;
  MlirContext context;
  binq_pool *pool;
  binq_opened *open; ///< [build_count]
} work;

static const binq_opened *reference_of(const work *w) {
  return &w->open[w->out->reference];
}

static binq_status open_builds(work *w) {
  binq_evaluation *out = w->out;
  for (size_t i = 0; i < out->build_count; i++) {
    binq_candidate *build = &out->builds[i];
    binq_progress_report(w->progress, "opening", build->name, (double)i / (double)out->build_count);
    BINQ_TRY(binq_opened_create(build, w->context, w->options->window, w->pool, &w->open[i]));
    BINQ_TRY(binq_candidate_describe(out->arena, &w->open[i], build));
  }
  return BINQ_OK;
}

static binq_status find_reference(work *w) {
  size_t i = 0;
  while (i < w->out->build_count && w->out->builds[i].kind != BINQ_CANDIDATE_FLOAT)
    i++;
  if (i == w->out->build_count)
    return binq_errorf("none of the builds is a float model, which the others are compared with");
  w->out->reference = i;
  if (!w->open[i].tokenizer)
    return binq_errorf("%s: names no model file, whose tokenizer is needed",
                       w->out->builds[i].path);
  return BINQ_OK;
}

static binq_status check_vocabularies(const work *w) {
  const binq_opened *reference = reference_of(w);
  for (size_t i = 0; i < w->out->build_count; i++)
    if (w->open[i].vocabulary && w->open[i].vocabulary != reference->vocabulary)
      return binq_errorf("%s has a vocabulary of %lld tokens, %s one of %lld",
                         w->out->builds[i].path, (long long)w->open[i].vocabulary,
                         reference->build->path, (long long)reference->vocabulary);
  return BINQ_OK;
}

/// The other graphs must read the text as the reference does. Programs tell their tokens when they
/// run.
static binq_status check_tokens(const work *w, const char *path, const int32_t *tokens,
                                size_t count) {
  for (size_t i = 0; i < w->out->build_count; i++) {
    int32_t *own;
    size_t own_count;
    if (!w->open[i].tokenizer || i == w->out->reference)
      continue;
    BINQ_TRY(binq_file_tokens(w->open[i].tokenizer, path, &own, &own_count));
    bool same = own_count == count && memcmp(own, tokens, count * sizeof *own) == 0;
    free(own);
    if (!same)
      return binq_errorf("%s: %s splits it into other tokens than %s", path, w->out->builds[i].path,
                         reference_of(w)->build->path);
  }
  return BINQ_OK;
}

static binq_status start_programs(work *w, const char *path, const binq_windows *windows) {
  for (size_t i = 0; i < w->out->build_count; i++) {
    const binq_candidate *build = &w->out->builds[i];
    if (build->kind == BINQ_CANDIDATE_PROGRAM)
      BINQ_TRY(binq_annotate(
          binq_child_start(build->path, path, windows, w->options->threads, &w->open[i].child),
          "%s", build->name));
  }
  return BINQ_OK;
}

static binq_status finish_programs(work *w) {
  for (size_t i = 0; i < w->out->build_count; i++)
    if (w->open[i].child)
      BINQ_TRY(binq_annotate(binq_child_finish(w->open[i].child), "%s", w->out->builds[i].name));
  return BINQ_OK;
}

static void stop_programs(work *w) {
  for (size_t i = 0; i < w->out->build_count; i++) {
    binq_child_destroy(w->open[i].child);
    w->open[i].child = NULL;
  }
}

/// Compares all builds; the reference goes first, and comes back to its place.
static binq_status compare(work *w, const binq_windows *windows, binq_predictor *predictors,
                           binq_accuracy *results, binq_evaluated_text *out) {
  size_t count = w->out->build_count, used = 1;
  predictors[0] = binq_opened_predictor(reference_of(w));
  for (size_t i = 0; i < count; i++)
    if (i != w->out->reference)
      predictors[used++] = binq_opened_predictor(&w->open[i]);
  BINQ_TRY(binq_compare_predictors(predictors, count, windows, w->pool, w->progress, results));
  used = 1;
  for (size_t i = 0; i < count; i++)
    out->accuracy[i] = results[i == w->out->reference ? 0 : used++];
  return BINQ_OK;
}

static binq_status evaluate_windows(work *w, const binq_windows *windows,
                                    binq_evaluated_text *out) {
  size_t count = w->out->build_count;
  binq_predictor *predictors;
  binq_accuracy *results;
  BINQ_TRY(binq_arena_allocate(w->out->arena, count, sizeof *predictors, (void *)&predictors));
  BINQ_TRY(binq_arena_allocate(w->out->arena, count, sizeof *results, &results));
  BINQ_TRY(binq_arena_allocate(w->out->arena, count, sizeof *out->accuracy, &out->accuracy));
  binq_status status = start_programs(w, out->path, windows);
  if (!status)
    status = compare(w, windows, predictors, results, out);
  if (!status)
    status = finish_programs(w);
  stop_programs(w);
  return status;
}

static binq_status evaluate_tokens(work *w, const int32_t *tokens, size_t count,
                                   binq_evaluated_text *out) {
  int64_t window = w->options->window, whole = (int64_t)count / window;
  BINQ_TRY(check_tokens(w, out->path, tokens, count));
  out->tokens = (int64_t)count;
  out->windows = w->options->windows > 0 ? w->options->windows : whole;
  if (whole < 1 || whole < out->windows)
    return binq_errorf("%s: %zu tokens are not %lld windows of %lld", out->path, count,
                       (long long)(out->windows > 0 ? out->windows : 1), (long long)window);
  binq_windows windows = {tokens, out->windows, window, reference_of(w)->vocabulary};
  return evaluate_windows(w, &windows, out);
}

static binq_status evaluate_texts(work *w) {
  for (size_t i = 0; i < w->out->text_count; i++) {
    binq_evaluated_text *text = &w->out->texts[i];
    int32_t *tokens;
    size_t count;
    BINQ_TRY(binq_file_tokens(reference_of(w)->tokenizer, text->path, &tokens, &count));
    binq_status status = evaluate_tokens(w, tokens, count, text);
    free(tokens);
    BINQ_TRY(status);
  }
  return BINQ_OK;
}

static binq_status identify(work *w) {
  const binq_evaluation_options *o = w->options;
  binq_evaluation *out = w->out;
  BINQ_TRY(binq_arena_create(&out->arena));
  BINQ_TRY(
      binq_arena_allocate(out->arena, o->build_count, sizeof *out->builds, (void *)&out->builds));
  BINQ_TRY(binq_arena_allocate(out->arena, o->text_count, sizeof *out->texts, (void *)&out->texts));
  BINQ_TRY(binq_arena_allocate(out->arena, o->build_count, sizeof *w->open, (void *)&w->open));
  out->window = o->window;
  for (; out->build_count < o->build_count; out->build_count++)
    BINQ_TRY(binq_candidate_identify(o->builds[out->build_count], out->arena,
                                     &out->builds[out->build_count]));
  for (; out->text_count < o->text_count; out->text_count++)
    out->texts[out->text_count].path = o->texts[out->text_count];
  return BINQ_OK;
}

static binq_status run(work *w) {
  BINQ_TRY(identify(w));
  int error = binq_pool_create((int)w->options->threads, &w->pool);
  if (error)
    return binq_errorf("%d threads cannot be started: %s", (int)w->options->threads,
                       strerror(error));
  BINQ_TRY(binq_dialect_load(w->context));
  BINQ_TRY(open_builds(w));
  BINQ_TRY(find_reference(w));
  BINQ_TRY(check_vocabularies(w));
  return evaluate_texts(w);
}

binq_status binq_evaluate(MlirContext context, const binq_evaluation_options *options,
                          const binq_progress *progress, binq_evaluation *out) {
  *out = (binq_evaluation){0};
  work w = {.options = options, .progress = progress, .out = out, .context = context};
  binq_status status = run(&w);
  for (size_t i = 0; w.open && i < out->build_count; i++)
    binq_opened_close(&w.open[i]);
  if (w.pool)
    binq_pool_destroy(w.pool);
  return status;
}

void binq_evaluation_free(binq_evaluation *evaluation) {
  binq_arena_destroy(evaluation->arena);
  *evaluation = (binq_evaluation){0};
}

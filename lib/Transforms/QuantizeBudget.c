// Formats within a budget: of what all linears and tables would lose in the formats they may get,
// the least in so many bytes, or the fewest bytes for so much.
#include "QuantizeInternal.h"

#include "binq/Quantize/Budget.h"
#include <float.h>
#include <stdlib.h>
#include <string.h>

/// Linears of one group and every way to choose their formats that may be the best one. A way is a
/// format of each linear.
typedef struct {
  const loss_curve *curves;
  size_t curve_count;
  binq_choice *choices;
  uint8_t *formats; ///< [choice_count][curve_count]
  size_t choice_count, room;
} group_choices;

typedef struct {
  quantizer *q;
  const loss_curve *curves;
  size_t curve_count;
  group_choices *groups;
  size_t group_count;
  int64_t code; ///< bytes that are set aside for it
} spending;

bool binq_has_budget(const binq_quantize_options *options) {
  return options->size > 0 || options->bits > 0 || options->max_kld > 0;
}

const budgeted_format *binq_find_budgeted(const quantizer *q, const char *name) {
  for (size_t i = 0; i < q->budgeted_count; i++)
    if (strcmp(q->budgeted[i].name, name) == 0)
      return &q->budgeted[i];
  return NULL;
}

static int64_t bytes_of(const binq_linear_format *format) {
  binq_layout layout = {0};
  // The quantizer has made one of the kind.
  binq_status_free(binq_layout_of(format, &layout));
  return layout.bytes;
}

// --- groups

/// Makes room for more choices.
static binq_status reserve(group_choices *g, size_t count) {
  if (count <= g->room)
    return BINQ_OK;
  size_t room, choice_bytes, format_bytes;
  BINQ_TRY(binq_size_multiply(count, 2, "choices of formats", &room));
  BINQ_TRY(binq_size_multiply(room, sizeof *g->choices, "choices of formats", &choice_bytes));
  BINQ_TRY(binq_size_multiply(room, g->curve_count, "choices of formats", &format_bytes));
  binq_choice *choices = realloc(g->choices, choice_bytes);
  if (choices)
    g->choices = choices;
  uint8_t *formats = realloc(g->formats, format_bytes);
  if (formats)
    g->formats = formats;
  if (!choices || !formats)
    return binq_errorf("out of memory for choices of formats");
  g->room = room;
  return BINQ_OK;
}

/// Adds the choice unless there is one no larger and no worse; drops those that it beats.
static binq_status add_choice(group_choices *g, binq_choice choice, const uint8_t *formats) {
  size_t kept = 0;
  for (size_t i = 0; i < g->choice_count; i++)
    if (g->choices[i].bytes <= choice.bytes && g->choices[i].loss <= choice.loss)
      return BINQ_OK;
  for (size_t i = 0; i < g->choice_count; i++) {
    if (choice.bytes <= g->choices[i].bytes && choice.loss <= g->choices[i].loss)
      continue;
    g->choices[kept] = g->choices[i];
    memmove(g->formats + kept++ * g->curve_count, g->formats + i * g->curve_count, g->curve_count);
  }
  g->choice_count = kept;
  BINQ_TRY(reserve(g, kept + 1));
  g->choices[kept] = choice;
  memcpy(g->formats + kept * g->curve_count, formats, g->curve_count);
  g->choice_count++;
  return BINQ_OK;
}

/// The ways with one count of INT8 columns, from those for the linears before `linear`.
static binq_status extend(const group_choices *before, int64_t int8_columns, size_t linear,
                          group_choices *after) {
  const loss_curve *curve = &before->curves[linear];
  uint8_t *formats;
  BINQ_TRY(binq_allocate(before->curve_count, 1, "formats", &formats));
  binq_status status = BINQ_OK;
  for (size_t i = 0; i < before->choice_count; i++)
    for (size_t k = 0; k < curve->count && !status; k++) {
      bool has_planes = curve->formats[k].form != BINQ_FORM_INT8;
      if (has_planes && curve->formats[k].int8_columns != int8_columns)
        continue;
      binq_choice choice = {before->choices[i].bytes + bytes_of(&curve->formats[k]),
                            before->choices[i].loss + curve->losses[k]};
      memcpy(formats, before->formats + i * before->curve_count, before->curve_count);
      formats[linear] = (uint8_t)k;
      status = add_choice(after, choice, formats);
    }
  free(formats);
  return status;
}

static group_choices empty_choices(const group_choices *of) {
  return (group_choices){.curves = of->curves, .curve_count = of->curve_count};
}

static void free_choices(group_choices *g) {
  free(g->choices);
  free(g->formats);
}

/// The ways for all linears with one count of INT8 columns, added to `out`.
static binq_status combine(group_choices *out, int64_t int8_columns) {
  group_choices ways = empty_choices(out);
  uint8_t *none;
  BINQ_TRY(binq_allocate(out->curve_count, 1, "formats", &none));
  binq_status status = add_choice(&ways, (binq_choice){0, 0}, none);
  free(none);
  for (size_t linear = 0; linear < out->curve_count && !status; linear++) {
    group_choices more = empty_choices(out);
    status = extend(&ways, int8_columns, linear, &more);
    free_choices(&ways);
    ways = more;
  }
  for (size_t i = 0; i < ways.choice_count && !status; i++)
    status = add_choice(out, ways.choices[i], ways.formats + i * ways.curve_count);
  free_choices(&ways);
  return status;
}

/// Linears that read one input have as many INT8 columns each.
static binq_status list_choices(group_choices *g) {
  const loss_curve *first = &g->curves[0];
  for (size_t k = 0; k < first->count; k++) {
    bool is_new = true;
    for (size_t i = 0; i < k; i++)
      is_new &= first->formats[i].int8_columns != first->formats[k].int8_columns;
    if (is_new)
      BINQ_TRY(combine(g, first->formats[k].int8_columns));
  }
  return BINQ_OK;
}

static binq_status make_groups(spending *s) {
  BINQ_TRY(
      binq_allocate(s->curve_count, sizeof *s->groups, "groups of linears", (void *)&s->groups));
  for (size_t i = 0; i < s->curve_count;) {
    group_choices *g = &s->groups[s->group_count++];
    *g = (group_choices){.curves = &s->curves[i]};
    while (i < s->curve_count && s->curves[i].group == g->curves->group) {
      g->curve_count++;
      i++;
    }
    BINQ_TRY(list_choices(g));
  }
  return BINQ_OK;
}

// --- what there is to spend

static int64_t count_weights(const spending *s) {
  int64_t weights = 0;
  for (size_t i = 0; i < s->curve_count; i++)
    weights += s->curves[i].weights;
  return weights;
}

/// What is asked for, in bytes of linears and tables.
static binq_status available_bytes(const spending *s, int64_t *out) {
  const binq_quantize_options *o = s->q->options;
  if (o->bits > 0) {
    double bytes = o->bits * (double)count_weights(s) / 8;
    *out = bytes < (double)(INT64_MAX / 4) ? (int64_t)bytes : INT64_MAX / 4;
    return BINQ_OK;
  }
  int64_t fixed;
  BINQ_TRY(binq_unquantized_bytes(s->q, &fixed));
  *out = o->size - fixed - s->code;
  return BINQ_OK;
}

/// The smallest sum of bytes, or of losses.
static double smallest(const spending *s, bool of_losses) {
  double sum = 0;
  for (size_t i = 0; i < s->group_count; i++) {
    double least = DBL_MAX;
    for (size_t k = 0; k < s->groups[i].choice_count; k++) {
      const binq_choice *choice = &s->groups[i].choices[k];
      double value = of_losses ? choice->loss : (double)choice->bytes;
      least = value < least ? value : least;
    }
    sum += least;
  }
  return sum;
}

/// An error where nothing fits.
static binq_status check_reachable(const spending *s, int64_t bytes) {
  const binq_quantize_options *o = s->q->options;
  double least = smallest(s, o->max_kld > 0);
  if (o->max_kld > 0 && o->max_kld < least)
    return binq_errorf("max-kld=%g cannot be reached: the least that is possible is about %.3g",
                       o->max_kld, least);
  if (o->max_kld > 0 || (double)bytes >= least)
    return BINQ_OK;
  if (o->bits > 0)
    return binq_errorf("bits=%g cannot be reached: the least that is possible is %.3f", o->bits,
                       8 * least / (double)count_weights(s) + 0.0005);
  return binq_errorf("size=%lld cannot be reached: the smallest possible is %lld",
                     (long long)o->size, (long long)(o->size - bytes) + (long long)least);
}

// --- code

static const binq_linear_format *format_chosen(const group_choices *g, size_t choice,
                                               size_t linear) {
  return &g->curves[linear].formats[g->formats[choice * g->curve_count + linear]];
}

/// Notes the chosen format of each curve.
static void pick(const spending *s, const size_t *chosen, const binq_linear_format **picked) {
  size_t curve = 0;
  for (size_t i = 0; i < s->group_count; i++)
    for (size_t k = 0; k < s->groups[i].curve_count; k++)
      picked[curve++] = format_chosen(&s->groups[i], chosen[i], k);
}

static bool same_format(const binq_linear_format *a, const binq_linear_format *b) {
  return a->form == b->form && a->rows == b->rows && a->columns == b->columns &&
         a->planes == b->planes && a->int8_columns == b->int8_columns;
}

static bool same_input(const binq_linear_format *a, const binq_linear_format *b) {
  return a->columns == b->columns && a->int8_columns == b->int8_columns;
}

/// Whether none before number `i` is the same.
static bool is_first(const binq_linear_format *const *picked, size_t i,
                     bool (*same)(const binq_linear_format *, const binq_linear_format *)) {
  for (size_t k = 0; k < i; k++)
    if (same(picked[i], picked[k]))
      return false;
  return true;
}

/// The code has a kernel for each kind of linear, and for each kind of input.
static void count_kinds(const spending *s, const binq_linear_format *const *picked,
                        binq_code_amount *out) {
  for (size_t i = 0; i < s->curve_count; i++) {
    const binq_linear_format *format = picked[i];
    bool is_new = is_first(picked, i, same_format), is_new_input = is_first(picked, i, same_input);
    out->planes += is_new && format->form == BINQ_FORM_PLANES;
    out->grouped += is_new && format->form == BINQ_FORM_GROUPED_BINARY;
    out->int8 += is_new && format->int8_columns > 0;
    out->inputs += is_new_input && format->form != BINQ_FORM_INT8;
    out->int8_inputs += is_new_input && format->int8_columns > 0;
  }
}

/// The end of the layer that the curve at `begin` belongs to.
static size_t end_of_layer(const spending *s, size_t begin) {
  size_t end = begin;
  while (end < s->curve_count && s->curves[end].layer == s->curves[begin].layer)
    end++;
  return end;
}

static bool same_layer(const spending *s, const binq_linear_format *const *picked, size_t a,
                       size_t b) {
  size_t count = end_of_layer(s, a) - a;
  bool same = count == end_of_layer(s, b) - b;
  for (size_t k = 0; k < count && same; k++)
    same = same_format(picked[a + k], picked[b + k]);
  return same;
}

/// How many layers differ in a linear: the code has a function for each kind.
static int64_t count_layers(const spending *s, const binq_linear_format *const *picked) {
  int64_t kinds = 0;
  for (size_t i = 0; i < s->curve_count; i = end_of_layer(s, i)) {
    bool is_new = s->curves[i].layer >= 0;
    for (size_t k = 0; k < i && is_new; k = end_of_layer(s, k))
      is_new = s->curves[k].layer < 0 || !same_layer(s, picked, i, k);
    kinds += is_new;
  }
  return kinds;
}

static binq_status code_bytes(const spending *s, const size_t *chosen, int64_t *out) {
  const binq_quantize_options *o = s->q->options;
  *out = 0;
  if (o->size == 0 || !o->code_bytes)
    return BINQ_OK;
  binq_model_info model;
  const binq_linear_format **picked;
  BINQ_TRY(binq_model_info_get(s->q->module, &model));
  BINQ_TRY(binq_allocate(s->curve_count, sizeof *picked, "formats", (void *)&picked));
  pick(s, chosen, picked);
  binq_code_amount amount = {.head_size = model.head_size,
                             .activation_planes = o->activation_planes,
                             .layers = count_layers(s, picked)};
  count_kinds(s, picked, &amount);
  *out = o->code_bytes(&amount) + o->fixed_bytes;
  free((void *)picked);
  return BINQ_OK;
}

// --- spending it

/// What may be spent with the code that is set aside; an error where nothing fits.
static binq_status spendable(const spending *s, int64_t *bytes) {
  *bytes = 0;
  if (s->q->options->max_kld == 0)
    BINQ_TRY(available_bytes(s, bytes));
  return check_reachable(s, *bytes);
}

static binq_status solve_once(const spending *s, const binq_choice_item *items, int64_t bytes,
                              size_t *chosen) {
  double most = s->q->options->max_kld;
  return most > 0 ? binq_budget_fewest_bytes(items, s->group_count, most, chosen)
                  : binq_budget_least_loss(items, s->group_count, bytes, chosen);
}

/// The smallest choice of each group.
static void choose_smallest(const spending *s, size_t *chosen) {
  for (size_t i = 0; i < s->group_count; i++) {
    const group_choices *g = &s->groups[i];
    chosen[i] = 0;
    for (size_t k = 1; k < g->choice_count; k++)
      if (g->choices[k].bytes < g->choices[chosen[i]].bytes)
        chosen[i] = k;
  }
}

/// How much code there will be depends on what is chosen: that of the smallest choices is set aside
/// at first, then what turns out to be needed, and the rest is spent anew, until it is enough. It
/// only grows, and has an end: at the latest where nothing but the smallest choices fit.
static binq_status solve(spending *s, const binq_choice_item *items, size_t *chosen) {
  int64_t bytes, code;
  choose_smallest(s, chosen);
  BINQ_TRY(code_bytes(s, chosen, &s->code));
  BINQ_TRY(spendable(s, &bytes));
  for (;;) {
    BINQ_TRY(solve_once(s, items, bytes, chosen));
    BINQ_TRY(code_bytes(s, chosen, &code));
    if (code <= s->code)
      return BINQ_OK;
    s->code = code;
    binq_status too_much = spendable(s, &bytes);
    if (too_much) {
      binq_status_free(too_much);
      choose_smallest(s, chosen);
      return BINQ_OK;
    }
  }
}

static binq_status keep_choices(const spending *s, const size_t *chosen) {
  quantizer *q = s->q;
  BINQ_TRY(
      binq_arena_allocate(q->arena, s->curve_count, sizeof *q->budgeted, (void *)&q->budgeted));
  q->predicted_divergence = 0;
  for (size_t i = 0; i < s->group_count; i++) {
    const group_choices *g = &s->groups[i];
    q->predicted_divergence += g->choices[chosen[i]].loss;
    for (size_t k = 0; k < g->curve_count; k++) {
      size_t format = g->formats[chosen[i] * g->curve_count + k];
      q->budgeted[q->budgeted_count++] = (budgeted_format){
          g->curves[k].name, g->curves[k].formats[format], g->curves[k].losses[format]};
    }
  }
  for (size_t i = 0; i < q->table_count; i++)
    q->tables[i].format = binq_find_budgeted(q, q->tables[i].name)->format;
  return BINQ_OK;
}

static binq_status spend(spending *s) {
  binq_choice_item *items;
  size_t *chosen = NULL;
  BINQ_TRY(make_groups(s));
  BINQ_TRY(binq_allocate(s->group_count, sizeof *items, "choices", (void *)&items));
  for (size_t i = 0; i < s->group_count; i++)
    items[i] = (binq_choice_item){s->groups[i].choices, s->groups[i].choice_count};
  binq_status status = binq_allocate(s->group_count, sizeof *chosen, "choices", &chosen);
  if (!status)
    status = solve(s, items, chosen);
  if (!status)
    status = keep_choices(s, chosen);
  free(items);
  free(chosen);
  return status;
}

binq_status binq_spend_budget(quantizer *q, const calibration_text *text) {
  spending s = {.q = q};
  loss_curve *curves;
  BINQ_TRY(binq_measure_curves(q, text, &curves, &s.curve_count));
  s.curves = curves;
  binq_status status = spend(&s);
  for (size_t i = 0; i < s.group_count; i++)
    free_choices(&s.groups[i]);
  free(s.groups);
  return status;
}

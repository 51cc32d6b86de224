// The page of a made-up evaluation: every build is in it, numbers that are none do no harm.
#include "Check.h"
#include "binq/Evaluate/Evaluate.h"

#include "binq/Support/File.h"
#include <math.h>

enum { BUILDS = 7, LAYERS = 5 };

static double errors[2][LAYERS] = {{0.1, 0.12, NAN, 0.2, 0.18}, {0.05, 0.06, 0.07, 0.3, 0.02}};
static binq_error_series series[] = {{"attn_q", errors[0]}, {"ffn_<down>", errors[1]}};
static binq_candidate builds[BUILDS] = {
    {.name = "float & co", .bytes = 98000000, .bits_per_weight = 5},
    {.name = "near-a", .kind = BINQ_CANDIDATE_PROGRAM, .bytes = 76800000, .bits_per_weight = 3.5},
    {.name = "near-b", .kind = BINQ_CANDIDATE_PROGRAM, .bytes = 76900000, .bits_per_weight = 3.5},
    {.name = "near-c", .kind = BINQ_CANDIDATE_PROGRAM, .bytes = 76700000},
    {.name = "paper",
     .kind = BINQ_CANDIDATE_PROGRAM,
     .bytes = 66900000,
     .series = series,
     .series_count = 2,
     .layer_count = LAYERS},
    {.name = "rtn", .kind = BINQ_CANDIDATE_PROGRAM, .bytes = 60000000},
    {.name = "broken", .kind = BINQ_CANDIDATE_QUANTIZED, .bytes = 50000000},
};
static const double perplexity[BUILDS] = {19.89, 24.7, 24.8, 24.75, 45.2, 3.8e4, INFINITY};

static char *page_of(const binq_evaluation *evaluation) {
  char *text;
  size_t size;
  CHECK_STATUS_OK(binq_evaluation_write_page(evaluation, "page.html"));
  CHECK_STATUS_OK(binq_read_file("page.html", &text, &size));
  return text;
}

static int count_of(const char *text, const char *part) {
  int count = 0;
  for (const char *at = text; (at = strstr(at, part)); at++)
    count++;
  return count;
}

int main(void) {
  binq_accuracy accuracy[BUILDS];
  for (int i = 0; i < BUILDS; i++)
    accuracy[i] = (binq_accuracy){1000, perplexity[i], i * 0.1, i * 0.5, 1 - i * 0.05};
  binq_evaluated_text text = {"a text.txt", 5000, 4, accuracy};
  binq_evaluation evaluation = {
      .builds = builds, .build_count = BUILDS, .window = 256, .texts = &text, .text_count = 1};
  char *page = page_of(&evaluation);
  for (int i = 1; i < BUILDS; i++)
    CHECK(strstr(page, builds[i].name));
  CHECK(strstr(page, "float &amp; co: 19.89") && strstr(page, "rtn: 38000"));
  CHECK(strstr(page, "ffn_&lt;down&gt;") && !strstr(page, "ffn_<down>"));
  CHECK_EQ_INT(count_of(page, "<svg"), 2);
  CHECK_EQ_INT(count_of(page, "</svg>"), 2);
  CHECK_EQ_INT(count_of(page, "r=\"5\""), BUILDS - 1); // infinite perplexity has no place
  CHECK_EQ_INT(count_of(page, "r=\"2.5\""), 2 * LAYERS - 1);
  CHECK(!strstr(page, "nan") && !strstr(page, "=\"inf"));
  free(page);

  // One build alone, and nothing known of it.
  evaluation.build_count = 1;
  builds[0].bytes = 0;
  page = page_of(&evaluation);
  CHECK_EQ_INT(count_of(page, "<svg"), 0);
  free(page);
  builds[0].bytes = 5;
  page = page_of(&evaluation);
  CHECK_EQ_INT(count_of(page, "<svg"), 1);
  CHECK(!strstr(page, "nan"));
  free(page);
  CHECK_STATUS_FAILS(binq_evaluation_write_page(&evaluation, "nowhere/page.html"), "nowhere");
  CHECK_STATUS_FAILS(binq_evaluation_write_json(&evaluation, "nowhere/e.json"), "nowhere");
  return check_result();
}

#include "binq/Driver/Display.h"
#include "Check.h"

static void check_time_left(double elapsed, double done, const char *expected) {
  char text[48];
  binq_display_time_left(elapsed, done, text, sizeof text);
  CHECK_EQ_STR(text, expected);
}

static void check_file(bool verbose, const char *expected) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = tmpfile();
  FILE *copy = open_memstream(&text, &size);
  REQUIRE(out && copy);
  binq_display display;
  binq_display_start(&display, "tool", out, verbose);
  const binq_progress *progress = &display.progress;
  binq_progress_report(progress, "reading", "file", 0);
  binq_progress_report(progress, "quantizing", "layer 1 of 2", 0);
  binq_progress_report(progress, "quantizing", "layer 1 of 2", 0.25);
  binq_progress_report(progress, "quantizing", "layer 2 of 2", 0.5);
  binq_display_finish(&display);
  REQUIRE(fseek(out, 0, SEEK_SET) == 0);
  for (int byte; (byte = fgetc(out)) != EOF;)
    (void)fputc(byte, copy);
  (void)fclose(out);
  (void)fclose(copy);
  CHECK_EQ_STR(text, expected);
  free(text);
}

int main(void) {
  check_time_left(1.5, 0.5, ""); // too early to tell
  check_time_left(10, 0, "");
  check_time_left(10, 1, "");
  check_time_left(10, 0.5, "about 10 s left");
  check_time_left(59, 0.001, "about 982 min left");
  check_time_left(60, 0.25, "about 3 min 0 s left");
  check_time_left(100, 0.999, "about 1 s left");
  check_file(false, "tool: reading:   0 %, file\ntool: quantizing:   0 %, layer 1 of 2\n");
  check_file(true, "tool: reading:   0 %, file\ntool: quantizing:   0 %, layer 1 of 2\n"
                   "tool: quantizing:  50 %, layer 2 of 2\n");
  return check_result();
}

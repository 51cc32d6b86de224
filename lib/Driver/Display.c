#include "binq/Driver/Display.h"

#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { NARROWEST = 20, USUAL_WIDTH = 80 };

static const double kRedraw = 0.1; ///< seconds between two looks of a terminal's line
static const double kSparse = 5;   ///< seconds between two lines elsewhere
static const double kLong = 2;     ///< what takes longer than this shows its time

static double now(void) {
  struct timespec time;
  (void)clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void format_duration(double seconds, char *out, size_t size) {
  long whole = (long)(seconds + 0.5);
  if (whole < 60)
    (void)snprintf(out, size, "%ld s", whole < 1 ? 1 : whole);
  else if (whole < 600)
    (void)snprintf(out, size, "%ld min %ld s", whole / 60, whole % 60);
  else
    (void)snprintf(out, size, "%ld min", (whole + 30) / 60);
}

void binq_display_time_left(double elapsed, double done, char *out, size_t size) {
  out[0] = '\0';
  if (elapsed < kLong || done <= 0 || done >= 1)
    return;
  char duration[32];
  format_duration(elapsed * (1 - done) / done, duration, sizeof duration);
  (void)snprintf(out, size, "about %s left", duration);
}

static size_t line_width(const binq_display *display) {
  struct winsize window;
  if (ioctl(fileno(display->out), TIOCGWINSZ, &window) != 0 || window.ws_col == 0)
    return USUAL_WIDTH;
  return window.ws_col < NARROWEST ? NARROWEST : window.ws_col;
}

static void describe(const binq_display *display, double done, char *out, size_t size) {
  char left[48];
  binq_display_time_left(now() - display->phase_start, done, left, sizeof left);
  (void)snprintf(out, size, "%s: %3.0f %%%s%s%s%s", display->phase, done * 100,
                 display->step[0] ? ", " : "", display->step, left[0] ? ", " : "", left);
}

static void show(binq_display *display, double done) {
  char line[3 * BINQ_DISPLAY_TEXT];
  describe(display, done, line, sizeof line);
  if (display->terminal) {
    // One column short of the edge, where some terminals would wrap.
    (void)fprintf(display->out, "\r\033[K%.*s", (int)line_width(display) - 1, line);
    if (display->verbose)
      (void)fputc('\n', display->out);
  } else {
    (void)fprintf(display->out, "%s: %s\n", display->tool, line);
  }
  (void)fflush(display->out);
  display->last_shown = now();
  display->last_done = done;
}

static bool due(const binq_display *display, bool new_step, double done) {
  double since = now() - display->last_shown;
  if (display->verbose)
    return new_step && (since >= kRedraw || done >= display->last_done + 0.05);
  if (display->terminal)
    return since >= kRedraw;
  return since >= kSparse && done >= display->last_done + 0.1;
}

static void begin_phase(binq_display *display, const char *phase) {
  binq_display_finish(display);
  (void)snprintf(display->phase, sizeof display->phase, "%s", phase);
  display->step[0] = '\0';
  display->phase_start = now();
}

static void report(void *user, const char *phase, const char *step, double done) {
  binq_display *display = user;
  bool new_phase = strncmp(display->phase, phase, sizeof display->phase - 1) != 0;
  if (new_phase)
    begin_phase(display, phase);
  bool new_step = strncmp(display->step, step, sizeof display->step - 1) != 0;
  (void)snprintf(display->step, sizeof display->step, "%s", step);
  if (new_phase || due(display, new_step, done))
    show(display, done);
}

void binq_display_start(binq_display *display, const char *tool, FILE *out, bool verbose) {
  *display = (binq_display){.out = out, .tool = tool, .verbose = verbose};
  display->progress = (binq_progress){.report = report, .user = display};
  display->terminal = isatty(fileno(out)) != 0;
}

void binq_display_finish(binq_display *display) {
  if (!display->phase[0])
    return;
  double elapsed = now() - display->phase_start;
  if (display->terminal) {
    char duration[32];
    format_duration(elapsed, duration, sizeof duration);
    if (elapsed >= kLong)
      (void)fprintf(display->out, "\r\033[K%s: done in %s\n", display->phase, duration);
    else
      (void)fprintf(display->out, "\r\033[K");
    (void)fflush(display->out);
  }
  display->phase[0] = '\0';
}

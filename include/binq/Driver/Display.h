/// Shows progress to a person: one line that is rewritten on a terminal, sparse lines elsewhere.
#ifndef BINQ_DRIVER_DISPLAY_H
#define BINQ_DRIVER_DISPLAY_H

#include "binq/Support/Progress.h"
#include <stdbool.h>
#include <stdio.h>

enum { BINQ_DISPLAY_TEXT = 96 };

typedef struct {
  binq_progress progress; ///< what the libraries report to
  FILE *out;
  const char *tool;
  bool terminal;
  bool verbose;                  ///< a line for every step, unless they come in floods
  char phase[BINQ_DISPLAY_TEXT]; ///< "" before the first report
  char step[BINQ_DISPLAY_TEXT];
  double phase_start, last_shown; ///< seconds
  double last_done;               ///< of the last line shown
} binq_display;

/// Makes a display for `tool` that writes to `out`. Reports must come from one thread at a time.
void binq_display_start(binq_display *display, const char *tool, FILE *out, bool verbose);

/// Ends the line of the last phase, so that other text may follow.
void binq_display_finish(binq_display *display);

/// "about 3 min left" for an operation of which `done` (0 to 1) took `elapsed` seconds; "" while
/// that is anybody's guess: in the first two seconds, or when nothing is done.
void binq_display_time_left(double elapsed, double done, char *out, size_t size);

#endif

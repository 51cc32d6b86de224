/// What a long operation tells its caller while it runs. Libraries report; tools decide what to
/// print.
#ifndef BINQ_SUPPORT_PROGRESS_H
#define BINQ_SUPPORT_PROGRESS_H

typedef struct binq_progress {
  /// `step` is what is going on ("calibrating layer 3 of 30"), `done` goes from 0 to 1 over the
  /// operation `phase`.
  void (*report)(void *user, const char *phase, const char *step, double done);
  void *user;
} binq_progress;

/// Reports if there is anyone to report to; NULL is allowed.
static inline void binq_progress_report(const binq_progress *progress, const char *phase,
                                        const char *step, double done) {
  if (progress && progress->report)
    progress->report(progress->user, phase, step, done);
}

#endif

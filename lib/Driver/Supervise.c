#include "binq/Driver/Supervise.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MESSAGE_MAX = 4096, FAILED = 1 };

/// The signals that end a run: those that the process was not told to ignore, as nohup does.
static void set_of_ends(sigset_t *set) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
  (void)sigemptyset(set);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct sigaction action;
    if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
      (void)sigaddset(set, numbers[i]);
  }
}

void binq_supervise_prepare(void) {
  sigset_t held;
  set_of_ends(&held);
  (void)sigaddset(&held, SIGCHLD);
  (void)signal(SIGCHLD, SIG_DFL); // a parent that ignores it would leave nothing to wait for
  (void)signal(SIGPIPE, SIG_IGN);
  (void)signal(SIGXFSZ, SIG_IGN);
  (void)sigprocmask(SIG_BLOCK, &held, NULL);
}

static void write_all(int file, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t written = write(file, bytes, size);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return;
    bytes += written;
    size -= (size_t)written;
  }
}

_Noreturn static void run_child(binq_status (*work)(void *), void *argument, int pipe_end) {
  sigset_t held;
  set_of_ends(&held);
  (void)sigaddset(&held, SIGCHLD);
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)sigprocmask(SIG_UNBLOCK, &held, NULL);
  binq_status status = work(argument);
  const char *message = binq_status_message(status);
  size_t length = strlen(message);
  write_all(pipe_end, message, length < MESSAGE_MAX ? length : MESSAGE_MAX - 1);
  // Buffers that stdio still holds are the child's own; the parent's were empty at the fork.
  (void)fflush(NULL);
  _exit(status ? FAILED : 0);
}

/// Waits until the child has ended; kills it when a signal asks for an end. Returns that signal or
/// 0.
static int wait_for(pid_t child, int *code) {
  sigset_t awaited;
  set_of_ends(&awaited);
  (void)sigaddset(&awaited, SIGCHLD);
  int ended_by = 0;
  for (;;) {
    pid_t ended = waitpid(child, code, WNOHANG);
    if (ended == child || (ended < 0 && errno != EINTR))
      return ended_by;
    int number = sigwaitinfo(&awaited, NULL);
    if (number > 0 && number != SIGCHLD) {
      ended_by = number;
      (void)kill(child, SIGKILL);
    }
  }
}

static binq_status end_of_child(int code, const char *message) {
  if (WIFEXITED(code) && WEXITSTATUS(code) == 0)
    return BINQ_OK;
  if (WIFEXITED(code) && WEXITSTATUS(code) == FAILED && message[0])
    return binq_errorf("%s", message);
  if (WIFSIGNALED(code) && WTERMSIG(code) == SIGKILL)
    return binq_errorf("the compiler was killed, which the system does when memory runs out");
  if (WIFSIGNALED(code))
    return binq_errorf("the compiler crashed (%s), which is a bug in binq",
                       strsignal(WTERMSIG(code)));
  return binq_errorf("the compiler stopped (code %d), which is a bug in binq", WEXITSTATUS(code));
}

static void read_message(int pipe_end, char *message) {
  size_t length = 0;
  while (length < MESSAGE_MAX - 1) {
    ssize_t got = read(pipe_end, message + length, MESSAGE_MAX - 1 - length);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      break;
    length += (size_t)got;
  }
  message[length] = '\0';
}

binq_status binq_supervise(binq_status (*work)(void *argument), void *argument,
                           int *signal_number) {
  *signal_number = 0;
  int ends[2];
  if (pipe(ends) != 0)
    return binq_errorf("cannot make a pipe: %s", strerror(errno));
  (void)fflush(NULL);
  pid_t child = fork();
  if (child == 0)
    run_child(work, argument, ends[1]);
  (void)close(ends[1]);
  if (child < 0) {
    (void)close(ends[0]);
    return binq_errorf("cannot start a process: %s", strerror(errno));
  }
  int code = 0;
  *signal_number = wait_for(child, &code);
  char message[MESSAGE_MAX];
  // A message fits into the pipe, so the child could end before it was read.
  read_message(ends[0], message);
  (void)close(ends[0]);
  return *signal_number ? binq_errorf("stopped") : end_of_child(code, message);
}

void binq_supervise_end(int signal_number) {
  sigset_t set;
  (void)sigemptyset(&set);
  (void)sigaddset(&set, signal_number);
  (void)signal(signal_number, SIG_DFL);
  (void)raise(signal_number);
  (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

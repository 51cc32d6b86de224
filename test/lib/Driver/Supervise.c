#include "binq/Driver/Supervise.h"
#include "Check.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static binq_status succeed(void *argument) {
  (void)argument;
  return BINQ_OK;
}

static binq_status fail(void *argument) {
  return binq_errorf("%s went wrong", (const char *)argument);
}

static binq_status fail_at_length(void *argument) {
  (void)argument;
  return binq_errorf("%06000d", 1);
}

static binq_status crash(void *argument) {
  (void)argument;
  (void)signal(SIGSEGV, SIG_DFL); // sanitizers have one of their own
  (void)raise(SIGSEGV);
  return BINQ_OK;
}

static binq_status be_killed(void *argument) {
  (void)argument;
  (void)raise(SIGKILL);
  return BINQ_OK;
}

static binq_status leave(void *argument) {
  (void)argument;
  _exit(7);
}

/// Asks the parent to end, then would go on forever.
static binq_status linger(void *argument) {
  (void)kill(getppid(), *(const int *)argument);
  for (;;)
    (void)pause();
}

static void check_signal(int number) {
  int arrived = 0;
  binq_status status = binq_supervise(linger, &number, &arrived);
  CHECK(status != BINQ_OK);
  CHECK_EQ_INT(arrived, number);
  binq_status_free(status);
  CHECK_EQ_INT(waitpid(-1, NULL, WNOHANG), -1); // the child is gone
  CHECK_EQ_INT(errno, ECHILD);
}

/// Sends its parent a signal and ends well.
static binq_status signal_parent(void *argument) {
  (void)kill(getppid(), *(const int *)argument);
  return BINQ_OK;
}

/// What the process ignores, as under nohup, does not end it.
static void check_ignored(int number) {
  int arrived = 0;
  pid_t child = fork();
  if (child == 0) {
    sigset_t all;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_UNBLOCK, &all, NULL);
    (void)signal(number, SIG_IGN);
    binq_supervise_prepare();
    binq_status status = binq_supervise(signal_parent, &number, &arrived);
    _exit(status || arrived);
  }
  int code = 0;
  REQUIRE(waitpid(child, &code, 0) == child);
  CHECK(WIFEXITED(code));
  CHECK_EQ_INT(WEXITSTATUS(code), 0);
}

/// A process that ends itself by the signal.
static void check_end(int number) {
  pid_t child = fork();
  if (child == 0) {
    binq_supervise_end(number);
    _exit(0);
  }
  int code = 0;
  REQUIRE(waitpid(child, &code, 0) == child);
  CHECK(WIFSIGNALED(code));
  CHECK_EQ_INT(WTERMSIG(code), number);
}

int main(void) {
  binq_supervise_prepare();
  int number = -1;
  CHECK_STATUS_OK(binq_supervise(succeed, NULL, &number));
  CHECK_EQ_INT(number, 0);
  CHECK_STATUS_FAILS(binq_supervise(fail, "a pipe", &number), "a pipe went wrong");
  CHECK_STATUS_FAILS(binq_supervise(fail_at_length, NULL, &number), "0000");
  CHECK_STATUS_FAILS(binq_supervise(crash, NULL, &number), "crashed");
  CHECK_STATUS_FAILS(binq_supervise(be_killed, NULL, &number), "memory");
  CHECK_STATUS_FAILS(binq_supervise(leave, NULL, &number), "code 7");
  check_signal(SIGINT);
  check_signal(SIGTERM);
  check_signal(SIGHUP);
  check_ignored(SIGHUP);
  check_ignored(SIGINT);
  check_end(SIGINT);
  check_end(SIGTERM);
  CHECK_EQ_INT(number, 0);
  return check_result();
}

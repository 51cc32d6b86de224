#include "Child.h"

#include "binq/Support/Memory.h"
#include "runtime/Model.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct binq_child {
  pid_t pid;  ///< 0: not started, or waited for
  int output; ///< what it writes comes from here
  int errors; ///< a file in memory: its standard error
  int64_t vocabulary;
  int64_t rows_left; ///< of the window at hand
  int32_t *tokens;   ///< [window]: those that it has
};

/// The last line that the program wrote to its standard error.
static void last_line(const binq_child *child, char *out, size_t size) {
  off_t end = lseek(child->errors, 0, SEEK_END);
  off_t begin = end >= (off_t)size ? end - (off_t)size + 1 : 0;
  ssize_t length = end > 0 ? pread(child->errors, out, (size_t)(end - begin), begin) : 0;
  out[length > 0 ? length : 0] = '\0';
  char *tail = out + strlen(out);
  while (tail > out && tail[-1] == '\n')
    *--tail = '\0';
  const char *line = strrchr(out, '\n');
  if (line)
    memmove(out, line + 1, strlen(line + 1) + 1);
}

/// Waits for the program: how it ended, if that was badly.
static binq_status reap(binq_child *child) {
  int code = 0;
  char line[512];
  pid_t pid = child->pid;
  child->pid = 0;
  while (waitpid(pid, &code, 0) < 0)
    if (errno != EINTR)
      return binq_errorf("the program cannot be waited for: %s", strerror(errno));
  last_line(child, line, sizeof line);
  if (WIFSIGNALED(code))
    return binq_errorf("the program was ended by signal %d%s%s", WTERMSIG(code), *line ? ": " : "",
                       line);
  if (WEXITSTATUS(code) != 0)
    return binq_errorf("the program failed with exit code %d%s%s", WEXITSTATUS(code),
                       *line ? ": " : "", line);
  return BINQ_OK;
}

/// Reads `size` bytes, or less at the end of what the program writes.
static binq_status read_some(const binq_child *child, void *out, size_t size, size_t *done) {
  for (*done = 0; *done < size;) {
    ssize_t got = read(child->output, (char *)out + *done, size - *done);
    if (got == 0)
      return BINQ_OK;
    if (got < 0 && errno != EINTR)
      return binq_errorf("what the program writes cannot be read: %s", strerror(errno));
    *done += got > 0 ? (size_t)got : 0;
  }
  return BINQ_OK;
}

static binq_status read_all(binq_child *child, void *out, size_t size) {
  size_t done;
  BINQ_TRY(read_some(child, out, size, &done));
  if (done == size)
    return BINQ_OK;
  BINQ_TRY(reap(child));
  return binq_errorf("the program wrote too few logits: its vocabulary is not the reference's");
}

/// Reads what is left of the window and drops it.
static binq_status skip_rows(binq_child *child) {
  char scratch[1 << 14];
  size_t left = (size_t)(child->rows_left * child->vocabulary) * sizeof(float);
  child->rows_left = 0;
  while (left) {
    size_t size = left < sizeof scratch ? left : sizeof scratch;
    BINQ_TRY(read_all(child, scratch, size));
    left -= size;
  }
  return BINQ_OK;
}

static binq_status begin(void *user, const int32_t *tokens, int64_t count) {
  binq_child *child = user;
  size_t size = (size_t)count * sizeof *tokens;
  BINQ_TRY(skip_rows(child));
  BINQ_TRY(read_all(child, child->tokens, size));
  if (memcmp(child->tokens, tokens, size) != 0)
    return binq_errorf("the program splits the text into other tokens than the reference");
  child->rows_left = count;
  return BINQ_OK;
}

static binq_status next(void *user, int64_t count, float *logits) {
  binq_child *child = user;
  int64_t stride = binq_round_up(child->vocabulary, BINQ_ROW_MULTIPLE);
  for (int64_t i = 0; i < count; i++)
    BINQ_TRY(read_all(child, logits + i * stride, (size_t)child->vocabulary * sizeof *logits));
  child->rows_left -= count;
  return BINQ_OK;
}

binq_predictor binq_child_predictor(binq_child *child, const char *name) {
  return (binq_predictor){name, begin, next, child};
}

binq_status binq_child_finish(binq_child *child) {
  char more;
  size_t done;
  BINQ_TRY(skip_rows(child));
  BINQ_TRY(read_some(child, &more, 1, &done));
  if (done)
    return binq_errorf("the program wrote too many logits: its vocabulary is not the reference's");
  return reap(child);
}

/// Runs the program with its standard output at `output`.
static binq_status spawn(binq_child *child, const char *program, char **arguments, int output) {
  posix_spawn_file_actions_t actions;
  if (posix_spawn_file_actions_init(&actions) != 0)
    return binq_errorf("out of memory for a process");
  int error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (!error)
    error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  if (!error)
    error = posix_spawn_file_actions_adddup2(&actions, child->errors, STDERR_FILENO);
  if (!error)
    error = posix_spawn(&child->pid, program, &actions, NULL, arguments, environ);
  if (error)
    child->pid = 0;
  posix_spawn_file_actions_destroy(&actions);
  return error ? binq_errorf("the program cannot be started: %s", strerror(error)) : BINQ_OK;
}

static binq_status start(binq_child *child, const char *program, const char *path,
                         const binq_windows *windows, int64_t threads) {
  char window[48], count[48], pool[48];
  (void)snprintf(window, sizeof window, "--window=%lld", (long long)windows->window);
  (void)snprintf(count, sizeof count, "--windows=%lld", (long long)windows->windows);
  (void)snprintf(pool, sizeof pool, "--threads=%lld", (long long)threads);
  char *arguments[] = {(char *)program, "logits", window, count, pool, "--", (char *)path, NULL};
  int ends[2];
  BINQ_TRY(binq_allocate((size_t)windows->window, sizeof(int32_t), "tokens", &child->tokens));
  child->errors = memfd_create("binq-eval", MFD_CLOEXEC);
  if (child->errors < 0 || pipe2(ends, O_CLOEXEC) != 0)
    return binq_errorf("no pipe for a process: %s", strerror(errno));
  child->output = ends[0];
  binq_status status = spawn(child, program, arguments, ends[1]);
  close(ends[1]);
  return status;
}

binq_status binq_child_start(const char *program, const char *path, const binq_windows *windows,
                             int64_t threads, binq_child **out) {
  *out = NULL;
  binq_child *child;
  BINQ_TRY(binq_allocate(1, sizeof *child, "a process", &child));
  child->output = child->errors = -1;
  child->vocabulary = windows->vocabulary;
  binq_status status = start(child, program, path, windows, threads);
  if (status)
    binq_child_destroy(child);
  else
    *out = child;
  return status;
}

void binq_child_destroy(binq_child *child) {
  if (!child)
    return;
  if (child->output >= 0)
    close(child->output);
  if (child->pid) {
    kill(child->pid, SIGKILL);
    binq_status_free(reap(child));
  }
  if (child->errors >= 0)
    close(child->errors);
  free(child->tokens);
  free(child);
}

// The one step that is left to the system: its C compiler links the program.
#include "Internal.h"
#include "binq/Support/Memory.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS = 32, OWN_WORDS = 6 };

/// CC may hold more than a name ("ccache gcc"): words separated by spaces. NULL-terminated; false
/// if there are too many.
static bool split_words(char *text, const char *words[WORDS + OWN_WORDS + 1], size_t *count) {
  char *rest = NULL;
  *count = 0;
  for (char *word = strtok_r(text, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
    if (*count == WORDS)
      return false;
    words[(*count)++] = word;
  }
  return *count > 0;
}

/// Runs a command whose outputs go to `log`; *code is its exit code, 127 when there is no such
/// command.
static binq_status run(char *const *words, const char *log, int *code) {
  posix_spawn_file_actions_t actions;
  pid_t child;
  int state = 0;
  if (posix_spawn_file_actions_init(&actions))
    return binq_errorf("out of memory");
  int error = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log,
                                               O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (!error)
    error = posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  if (!error)
    error = posix_spawnp(&child, words[0], &actions, NULL, words, environ);
  posix_spawn_file_actions_destroy(&actions);
  *code = 127;
  if (error == ENOENT || error == EACCES)
    return BINQ_OK;
  if (error)
    return binq_errorf("cannot run %s: %s", words[0], strerror(error));
  while (waitpid(child, &state, 0) < 0)
    if (errno != EINTR)
      return binq_errorf("cannot wait for %s: %s", words[0], strerror(errno));
  *code = WIFEXITED(state) ? WEXITSTATUS(state) : 1;
  return BINQ_OK;
}

/// The line of the log that says most: the first with one of these words, else the first. Freed
/// with free(); NULL if there is no log.
static char *telling_line(const char *log) {
  static const char *const words[] = {"No space left", "undefined", "cannot", "error:"};
  char *text = NULL;
  size_t size;
  binq_status status = binq_read_file(log, &text, &size);
  if (status) {
    binq_status_free(status);
    return NULL;
  }
  const char *found = NULL;
  for (size_t i = 0; !found && i < sizeof words / sizeof *words; ++i)
    found = strstr(text, words[i]);
  while (found && found > text && found[-1] != '\n')
    --found;
  char *line = found ? strdup(found) : strdup(text);
  free(text);
  if (line)
    line[strcspn(line, "\n")] = 0;
  return line;
}

static binq_status failed(const char *compiler, int code, const char *log) {
  if (code == 127)
    return binq_errorf(
        "linking the program needs a C compiler, and there is no '%s': install it, or set CC",
        compiler);
  char *line = telling_line(log);
  binq_status status = binq_errorf("linking the program: %s failed: %s", compiler,
                                   line && *line ? line : "no message");
  free(line);
  return status;
}

static binq_status link_with(char *compiler, const char *object, const char *archive,
                             const char *program, const char *log) {
  const char *words[WORDS + OWN_WORDS + 1] = {NULL};
  size_t count;
  if (!split_words(compiler, words, &count))
    return binq_errorf("the environment variable CC names no command");
  const char *own[OWN_WORDS] = {object, archive, "-lm", "-lpthread", "-o", program};
  for (size_t i = 0; i < OWN_WORDS; ++i)
    words[count + i] = own[i];
  int code;
  BINQ_TRY(run((char *const *)words, log, &code));
  return code ? failed(words[0], code, log) : BINQ_OK;
}

/// CC or what the platform takes, freed with free().
static binq_status choose_compiler(const binq_platform *platform, char **out) {
  const char *chosen = getenv("CC");
  *out = strdup(chosen && *chosen ? chosen : platform->compiler);
  return *out ? BINQ_OK : binq_errorf("out of memory");
}

static binq_status check_command(char *compiler) {
  const char *words[WORDS + OWN_WORDS + 1] = {NULL};
  size_t count;
  int code;
  if (!split_words(compiler, words, &count))
    return binq_errorf("the environment variable CC names no command");
  words[count] = "--version";
  BINQ_TRY(run((char *const *)words, "/dev/null", &code));
  return code == 127 ? failed(words[0], code, NULL) : BINQ_OK;
}

binq_status binq_target_check_compiler(const char *target) {
  char *compiler;
  BINQ_TRY(choose_compiler(binq_platform_of(target), &compiler));
  binq_status status = check_command(compiler);
  free(compiler);
  return status;
}

binq_status binq_target_link(const binq_platform *platform, const char *object, const char *archive,
                             const char *program) {
  char *compiler, *log = NULL;
  BINQ_TRY(choose_compiler(platform, &compiler));
  binq_status status = BINQ_OK;
  if (asprintf(&log, "%s.log", program) < 0)
    status = binq_errorf("out of memory");
  if (!status) {
    status = link_with(compiler, object, archive, program, log);
    unlink(log);
  }
  free(compiler);
  free(log);
  return status;
}

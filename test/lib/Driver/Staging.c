#include "binq/Driver/Staging.h"
#include "Check.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

static bool exists(const char *path) {
  return access(path, F_OK) == 0;
}

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  REQUIRE(file != NULL);
  (void)fputs(text, file);
  (void)fclose(file);
}

static char first_byte(const char *path) {
  FILE *file = fopen(path, "r");
  int byte = file ? fgetc(file) : EOF;
  if (file)
    (void)fclose(file);
  return (char)byte;
}

/// Stages a file NAME with a text.
static void stage(const binq_staging *staging, const char *name, const char *text) {
  char *path = NULL;
  REQUIRE(asprintf(&path, "%s/%s", binq_staging_path(staging), name) > 0);
  write_file(path, text);
  free(path);
}

static void clean(void) {
  REQUIRE(system("rm -rf staged old plain") == 0);
}

static void check_commit(void) {
  clean();
  REQUIRE(mkdir("old", 0777) == 0);
  write_file("old/kept", "k");
  write_file("old/replaced", "o");
  binq_staging *staging = NULL;
  CHECK_STATUS_OK(binq_staging_create("old", &staging));
  char *inside = strdup(binq_staging_path(staging));
  stage(staging, "replaced", "n");
  stage(staging, "added", "a");
  CHECK_EQ_INT(first_byte("old/replaced"), 'o');
  CHECK(!exists("old/added"));
  CHECK_STATUS_OK(binq_staging_commit(staging));
  CHECK_EQ_INT(first_byte("old/kept"), 'k');
  CHECK_EQ_INT(first_byte("old/replaced"), 'n');
  CHECK_EQ_INT(first_byte("old/added"), 'a');
  CHECK(!exists(inside));
  free(inside);
}

static void check_discard(const char *folder, const char *first) {
  clean();
  binq_staging *staging = NULL;
  CHECK_STATUS_OK(binq_staging_create(folder, &staging));
  stage(staging, "file", "x");
  CHECK(exists(folder));
  binq_staging_discard(staging);
  CHECK(!exists(first));
}

/// A folder that was there stays; one in the way of a file is an error that changes nothing.
static void check_obstacle(void) {
  clean();
  REQUIRE(mkdir("old", 0777) == 0 && mkdir("old/b", 0777) == 0);
  binq_staging *staging = NULL;
  CHECK_STATUS_OK(binq_staging_create("old", &staging));
  stage(staging, "a", "x");
  stage(staging, "b", "x");
  stage(staging, "c", "x");
  CHECK_STATUS_FAILS(binq_staging_commit(staging), "old/b is a folder");
  CHECK(exists("old/b") && !exists("old/a") && !exists("old/c"));
  REQUIRE(rmdir("old/b") == 0);
  CHECK_EQ_INT(rmdir("old"), 0); // nothing else is in it
}

static void check_errors(void) {
  clean();
  write_file("plain", "x");
  binq_staging *staging = NULL;
  CHECK_STATUS_FAILS(binq_staging_create("plain", &staging),
                     "cannot make the folder plain: Not a directory");
  CHECK(staging == NULL);
  CHECK_STATUS_FAILS(binq_staging_create("plain/below", &staging), "cannot make the folder plain");
  CHECK_STATUS_FAILS(binq_staging_create("/proc/nothing/here", &staging),
                     "cannot make the folder /proc/nothing");
}

int main(void) {
  check_commit();
  check_discard("staged", "staged");
  check_discard("staged/a/b", "staged");
  check_discard("./staged//a/", "staged");
  check_obstacle();
  check_errors();
  clean();
  return check_result();
}

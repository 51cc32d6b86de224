#include "binq/Support/File.h"
#include "Check.h"
#include <sys/stat.h>
#include <unistd.h>

static void write_text(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  REQUIRE(file);
  REQUIRE(fputs(text, file) >= 0);
  REQUIRE(fclose(file) == 0);
}

static void check_text(const char *path, const char *expected) {
  char *text = NULL;
  size_t size = 0;
  CHECK_STATUS_OK(binq_read_file(path, &text, &size));
  CHECK_EQ_STR(text, expected);
  CHECK_EQ_INT(size, strlen(expected));
  free(text);
}

static void test_mapping(void) {
  write_text("mapped", "some bytes");
  binq_mapping *mapping = NULL;
  CHECK_STATUS_OK(binq_mapping_open("mapped", &mapping));
  CHECK_EQ_INT(binq_mapping_size(mapping), 10);
  CHECK(memcmp(binq_mapping_data(mapping), "some bytes", 10) == 0);
  binq_mapping_close(mapping);
  binq_mapping_close(NULL);
  write_text("nothing", "");
  unlink("pipe");
  REQUIRE(mkfifo("pipe", 0600) == 0);
  CHECK_STATUS_FAILS(binq_mapping_open("nothing", &mapping), "nothing: the file is empty");
  CHECK_STATUS_FAILS(binq_mapping_open(".", &mapping), ".: is a directory");
  CHECK_STATUS_FAILS(binq_mapping_open("pipe", &mapping), "pipe: is not a regular file");
  CHECK_STATUS_FAILS(binq_mapping_open("missing", &mapping), "missing: cannot open: No such file");
}

static void test_output(void) {
  char temporary[64];
  snprintf(temporary, sizeof temporary, "written.tmp.%ld", (long)getpid());
  write_text("written", "old");
  binq_output *output = NULL;
  CHECK_STATUS_OK(binq_output_create("written", &output));
  CHECK_STATUS_OK(binq_output_write(output, "new ", 4));
  CHECK_STATUS_OK(binq_output_write(output, NULL, 0));
  CHECK_STATUS_OK(binq_output_write(output, "text", 4));
  CHECK(access(temporary, F_OK) == 0);
  check_text("written", "old");
  CHECK_STATUS_OK(binq_output_commit(output));
  check_text("written", "new text");
  CHECK(access(temporary, F_OK) != 0);

  CHECK_STATUS_OK(binq_output_create("written", &output));
  CHECK_STATUS_OK(binq_output_write(output, "never", 5));
  binq_output_discard(output);
  check_text("written", "new text");
  CHECK(access(temporary, F_OK) != 0);
  binq_output_discard(NULL);
}

static void test_output_errors(void) {
  binq_output *output = NULL;
  CHECK_STATUS_FAILS(binq_output_create(".", &output), ".: is a directory");
  CHECK_STATUS_FAILS(binq_output_create("no/folder", &output), "no/folder: cannot create");
  // A full disk: small writes are only noticed when the buffer is flushed.
  CHECK_STATUS_OK(binq_output_create("/dev/full", &output));
  CHECK_STATUS_OK(binq_output_write(output, "x", 1));
  CHECK_STATUS_FAILS(binq_output_commit(output), "/dev/full: cannot write: No space left");
  CHECK_STATUS_OK(binq_output_create("/dev/full", &output));
  char *block = calloc(1, 1 << 20);
  CHECK_STATUS_FAILS(binq_output_write(output, block, 1 << 20),
                     "/dev/full: cannot write: No space");
  binq_output_discard(output);
  free(block);
  struct stat information;
  CHECK(stat("/dev/full", &information) == 0 && S_ISCHR(information.st_mode));
  // A folder that takes the place of the file meanwhile: the unfinished file must not stay.
  rmdir("place");
  CHECK_STATUS_OK(binq_output_create("place", &output));
  REQUIRE(mkdir("place", 0700) == 0);
  CHECK_STATUS_FAILS(binq_output_commit(output), "place: cannot create");
  char temporary[64];
  snprintf(temporary, sizeof temporary, "place.tmp.%ld", (long)getpid());
  CHECK(access(temporary, F_OK) != 0);
}

static void test_read_file(void) {
  size_t size = 0;
  char *text = NULL;
  CHECK_STATUS_FAILS(binq_read_file("missing", &text, &size), "missing: cannot open");
  CHECK_STATUS_FAILS(binq_read_file(".", &text, &size), ".: cannot read: Is a directory");
  size_t large = 300001; // several growths of the buffer
  char *pattern = malloc(large + 1);
  for (size_t i = 0; i < large; i++)
    pattern[i] = (char)('a' + i % 26);
  pattern[large] = '\0';
  write_text("large", pattern);
  check_text("large", pattern);
  free(pattern);
  write_text("nothing", "");
  check_text("nothing", "");
}

int main(void) {
  test_mapping();
  test_output();
  test_output_errors();
  test_read_file();
  return check_result();
}

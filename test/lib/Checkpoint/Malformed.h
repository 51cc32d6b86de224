/// A model that was changed must be refused: by one line that names the file and then what is
/// wrong.
#ifndef BINQ_TEST_CHECKPOINT_MALFORMED_H
#define BINQ_TEST_CHECKPOINT_MALFORMED_H

#include "Check.h"
#include "binq/Checkpoint/Model.h"
#include "support/ModelFile.h"

static inline bool is_one_line(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < ' ' || *text == 0x7f)
      return false;
  return true;
}

/// Writes the model, frees it, and expects it to be refused with this behind the file's name, or
/// somewhere behind it.
static inline void expect_refusal_at(model_file *file, const char *expected, bool first) {
  static const char path[] = "malformed.gguf", prefix[] = "malformed.gguf: ";
  REQUIRE(model_file_write(file, path));
  model_file_destroy(file);
  const binq_model *model = NULL;
  binq_status status = binq_model_open(path, &model);
  const char *message = binq_status_message(status);
  if (!status) {
    CHECK_FAIL("a model was accepted, expected \"%s\"", expected);
    binq_model_close(model);
    return;
  }
  CHECK(is_one_line(message));
  bool named = strncmp(message, prefix, strlen(prefix)) == 0;
  const char *found = named ? strstr(message + strlen(prefix), expected) : NULL;
  if (!found || (first && found != message + strlen(prefix)))
    CHECK_FAIL("\"%s\" lacks \"%s%s\"", message, prefix, expected);
  binq_status_free(status);
}

static inline void expect_refusal(model_file *file, const char *expected) {
  expect_refusal_at(file, expected, true);
}

static inline model_file *small_model(void) {
  model_file_options options = model_file_defaults();
  return model_file_create(&options);
}

#endif

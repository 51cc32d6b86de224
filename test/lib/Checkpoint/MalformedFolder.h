/// A Hugging Face folder that was changed must be refused: by one line that names the folder and
/// then what is wrong.
#ifndef BINQ_TEST_CHECKPOINT_MALFORMEDFOLDER_H
#define BINQ_TEST_CHECKPOINT_MALFORMEDFOLDER_H

#include "Malformed.h"
#include "support/ModelFolder.h"

#define MALFORMED_FOLDER "malformed-folder"

/// The folder as it was written must be refused with this behind its name and a slash or colon.
static inline void expect_folder_refusal(const char *expected) {
  static const char path[] = MALFORMED_FOLDER;
  const binq_model *model = NULL;
  binq_status status = binq_model_open(path, &model);
  const char *message = binq_status_message(status);
  if (!status) {
    CHECK_FAIL("a folder was accepted, expected \"%s\"", expected);
    binq_model_close(model);
    return;
  }
  CHECK(is_one_line(message));
  if (strncmp(message, path, strlen(path)) != 0 ||
      strncmp(message + strlen(path), expected, strlen(expected)) != 0)
    CHECK_FAIL("\"%s\" does not begin with \"%s%s\"", message, path, expected);
  binq_status_free(status);
}

static inline void write_folder(model_folder *folder) {
  REQUIRE(model_folder_write(folder, MALFORMED_FOLDER));
  model_folder_destroy(folder);
}

/// A folder with little in it, so that there can be many of them.
static inline model_folder *tiny_folder(size_t files) {
  model_file_options options = model_file_defaults();
  options.hidden = options.ffn = 32;
  options.layers = 1;
  options.vocabulary = 265;
  options.embedding = options.attention = options.ffn_type = BINQ_TENSOR_F32;
  model_file *file = model_file_create(&options);
  model_folder *folder = model_folder_create(file, files);
  model_file_destroy(file);
  return folder;
}

#endif

#include "Internal.h"

binq_status binq_read_folder(binq_open_model *opened, const char *path) {
  (void)opened;
  return binq_errorf("%s: is a directory, a file is needed", path);
}

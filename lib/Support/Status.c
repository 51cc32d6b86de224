#include "binq/Support/Status.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct binq_error {
  char *message;
};

static char out_of_memory_message[] = "out of memory";
static struct binq_error out_of_memory = {out_of_memory_message};

/// A message is one line, whatever the names in it hold.
static void hide_control_characters(char *message) {
  for (; *message; message++)
    if ((unsigned char)*message < ' ' || *message == 0x7f)
      *message = '?';
}

binq_status binq_errorf(const char *format, ...) {
  binq_status status = malloc(sizeof *status);
  if (!status)
    return &out_of_memory;
  va_list arguments;
  va_start(arguments, format);
  int length = vasprintf(&status->message, format, arguments);
  va_end(arguments);
  if (length < 0) {
    free(status);
    return &out_of_memory;
  }
  hide_control_characters(status->message);
  return status;
}

binq_status binq_annotate(binq_status status, const char *format, ...) {
  if (!status)
    return BINQ_OK;
  char *context = NULL;
  va_list arguments;
  va_start(arguments, format);
  int length = vasprintf(&context, format, arguments);
  va_end(arguments);
  if (length < 0)
    return status;
  binq_status annotated = binq_errorf("%s: %s", context, status->message);
  free(context);
  binq_status_free(status);
  return annotated;
}

const char *binq_status_message(binq_status status) {
  return status ? status->message : "";
}

void binq_status_free(binq_status status) {
  if (!status || status == &out_of_memory)
    return;
  free(status->message);
  free(status);
}

binq_status binq_status_join(binq_status first, binq_status second) {
  if (!first)
    return second;
  binq_status_free(second);
  return first;
}

#include "binq/Dialect/IR.h"

#include <stdarg.h>
#include <stdio.h>

/// The place in a file that a location comes down to, "" if there is none.
static void describe(MlirLocation location, char *out, size_t size) {
  while (mlirLocationIsAName(location))
    location = mlirLocationNameGetChildLoc(location);
  out[0] = '\0';
  if (!mlirLocationIsAFileLineColRange(location))
    return;
  MlirStringRef file = mlirIdentifierStr(mlirLocationFileLineColRangeGetFilename(location));
  snprintf(out, size, "%.*s:%d:%d: ", BINQ_STR_ARGS(file),
           mlirLocationFileLineColRangeGetStartLine(location),
           mlirLocationFileLineColRangeGetStartColumn(location));
}

binq_status binq_op_error(MlirOperation op, const char *format, ...) {
  char text[1024], message[1536], place[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  snprintf(message, sizeof(message), "'%.*s' op %s", BINQ_STR_ARGS(binq_op_name(op)), text);
  MlirLocation location = mlirOperationGetLocation(op);
  mlirEmitError(location, message);
  describe(location, place, sizeof(place));
  return binq_errorf("%s%s", place, message);
}

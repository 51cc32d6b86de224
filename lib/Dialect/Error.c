#include "binq/Dialect/IR.h"

#include <stdarg.h>
#include <stdio.h>

MlirLocation binq_file_location(MlirLocation location) {
  MlirLocation first;
  for (;;) {
    if (mlirLocationIsAName(location)) {
      location = mlirLocationNameGetChildLoc(location);
    } else if (mlirLocationIsACallSite(location)) {
      location = mlirLocationCallSiteGetCallee(location);
    } else if (mlirLocationIsAFused(location) && mlirLocationFusedGetNumLocations(location) == 1) {
      mlirLocationFusedGetLocations(location, &first);
      location = first;
    } else {
      return location;
    }
  }
}

void binq_location_text(MlirLocation location, char *out, size_t size) {
  MlirLocation place = binq_file_location(location);
  out[0] = '\0';
  if (mlirLocationIsAFileLineColRange(place)) {
    MlirStringRef file = mlirIdentifierStr(mlirLocationFileLineColRangeGetFilename(place));
    int line = mlirLocationFileLineColRangeGetStartLine(place);
    int column = mlirLocationFileLineColRangeGetStartColumn(place);
    if (line == 0) // the whole file
      snprintf(out, size, "%.*s: ", BINQ_STR_ARGS(file));
    else
      snprintf(out, size, "%.*s:%d:%d: ", BINQ_STR_ARGS(file), line, column);
  } else if (mlirLocationIsAName(location)) {
    MlirStringRef name = mlirIdentifierStr(mlirLocationNameGetName(location));
    snprintf(out, size, "%.*s: ", BINQ_STR_ARGS(name));
  }
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
  binq_location_text(location, place, sizeof(place));
  return binq_errorf("%s%s", place, message);
}

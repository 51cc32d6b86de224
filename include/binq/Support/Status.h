/// Errors as values. A fallible function returns a binq_status: NULL on success, else an error that
/// carries one line saying what went wrong, where, and what to do about it.
#ifndef BINQ_SUPPORT_STATUS_H
#define BINQ_SUPPORT_STATUS_H

typedef struct binq_error *binq_status;

#define BINQ_OK ((binq_status)0)

/// Makes an error with a printf-style message. Never fails: when memory is out it returns a fixed
/// error that says so.
binq_status binq_errorf(const char *format, ...)
    __attribute__((format(printf, 1, 2), returns_nonnull));

/// Puts "context: " before the message of `status` and returns it; a success stays one.
binq_status binq_annotate(binq_status status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/// The message of an error; valid until it is freed. "" for a success.
const char *binq_status_message(binq_status status);

/// Releases an error; a success is ignored.
void binq_status_free(binq_status status);

/// Keeps the first error of two: returns `first` if it failed (and frees `second`), else `second`.
binq_status binq_status_join(binq_status first, binq_status second);

/// Returns from the calling function with the error of `expression`, if it has one.
#define BINQ_TRY(expression)                                                                       \
  do {                                                                                             \
    binq_status binq_try_ = (expression);                                                          \
    if (binq_try_)                                                                                 \
      return binq_try_;                                                                            \
  } while (0)

#endif

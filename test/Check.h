/// Checks for test programs. A failed CHECK prints where and goes on; a failed REQUIRE or
/// CHECK_STATUS_OK ends the program, for what comes after could not run. main ends with `return
/// check_result();`.
#ifndef BINQ_TEST_CHECK_H
#define BINQ_TEST_CHECK_H

#include "binq/Support/Status.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// Weak, so that all files of a test program share one.
__attribute__((weak)) int check_failures;

#define CHECK_FAIL(...)                                                                            \
  do {                                                                                             \
    check_failures++;                                                                              \
    fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                                \
    fprintf(stderr, __VA_ARGS__);                                                                  \
    fputc('\n', stderr);                                                                           \
  } while (0)

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition))                                                                              \
      CHECK_FAIL("failed: %s", #condition);                                                        \
  } while (0)

#define REQUIRE(condition)                                                                         \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      CHECK_FAIL("failed: %s", #condition);                                                        \
      exit(1);                                                                                     \
    }                                                                                              \
  } while (0)

#define CHECK_EQ_INT(a, b)                                                                         \
  do {                                                                                             \
    long long check_a = (long long)(a), check_b = (long long)(b);                                  \
    if (check_a != check_b)                                                                        \
      CHECK_FAIL("%s is %lld, %s is %lld", #a, check_a, #b, check_b);                              \
  } while (0)

#define CHECK_EQ_STR(a, b)                                                                         \
  do {                                                                                             \
    const char *check_a = (a), *check_b = (b);                                                     \
    if (strcmp(check_a, check_b) != 0)                                                             \
      CHECK_FAIL("%s is \"%s\", %s is \"%s\"", #a, check_a, #b, check_b);                          \
  } while (0)

#define CHECK_STATUS_OK(expression)                                                                \
  do {                                                                                             \
    binq_status check_status = (expression);                                                       \
    if (check_status) {                                                                            \
      CHECK_FAIL("%s: %s", #expression, binq_status_message(check_status));                        \
      exit(1);                                                                                     \
    }                                                                                              \
  } while (0)

/// The expression must fail with a message that contains `part`.
#define CHECK_STATUS_FAILS(expression, part)                                                       \
  do {                                                                                             \
    binq_status check_status = (expression);                                                       \
    if (!check_status)                                                                             \
      CHECK_FAIL("%s succeeded, expected \"%s\"", #expression, part);                              \
    else if (!strstr(binq_status_message(check_status), part))                                     \
      CHECK_FAIL("%s: \"%s\" lacks \"%s\"", #expression, binq_status_message(check_status), part); \
    binq_status_free(check_status);                                                                \
  } while (0)

/// What main returns.
static inline int check_result(void) {
  if (check_failures)
    fprintf(stderr, "%d checks failed\n", check_failures);
  return check_failures ? 1 : 0;
}

#endif

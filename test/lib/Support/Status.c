#include "binq/Support/Status.h"
#include "Check.h"

static binq_status fail_at(int step, int *reached) {
  BINQ_TRY(step == 1 ? binq_errorf("step %d", 1) : BINQ_OK);
  *reached = 1;
  return BINQ_OK;
}

static void test_messages(void) {
  binq_status status = binq_errorf("%s: %d rows", "blk.0", 7);
  CHECK_EQ_STR(binq_status_message(status), "blk.0: 7 rows");
  status = binq_annotate(status, "model%s", ".gguf");
  CHECK_EQ_STR(binq_status_message(status), "model.gguf: blk.0: 7 rows");
  binq_status_free(status);
  CHECK_EQ_STR(binq_status_message(BINQ_OK), "");
  CHECK(binq_annotate(BINQ_OK, "context") == BINQ_OK);
  binq_status_free(BINQ_OK);
}

static void test_one_line(void) {
  CHECK_STATUS_FAILS(binq_errorf("%s: cannot open", "a\nb\033[2J\x7f.gguf"),
                     "a?b?[2J?.gguf: cannot open");
  binq_status status = binq_annotate(binq_errorf("no"), "\u00fc\n");
  CHECK_EQ_STR(binq_status_message(status), "\u00fc?: no");
  binq_status_free(status);
}

static void test_join(void) {
  CHECK(binq_status_join(BINQ_OK, BINQ_OK) == BINQ_OK);
  CHECK_STATUS_FAILS(binq_status_join(binq_errorf("first"), BINQ_OK), "first");
  CHECK_STATUS_FAILS(binq_status_join(BINQ_OK, binq_errorf("second")), "second");
  CHECK_STATUS_FAILS(binq_status_join(binq_errorf("first"), binq_errorf("second")), "first");
}

static void test_try(void) {
  int reached = 0;
  CHECK_STATUS_FAILS(fail_at(1, &reached), "step 1");
  CHECK_EQ_INT(reached, 0);
  CHECK_STATUS_OK(fail_at(0, &reached));
  CHECK_EQ_INT(reached, 1);
}

int main(void) {
  test_messages();
  test_one_line();
  test_join();
  test_try();
  return check_result();
}

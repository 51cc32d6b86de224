#include "binq/Support/Memory.h"
#include "Check.h"

static void test_sizes(void) {
  size_t size = 0;
  CHECK_STATUS_OK(binq_size_multiply(3, 5, "rows", &size));
  CHECK_EQ_INT(size, 15);
  CHECK_STATUS_OK(binq_size_multiply(SIZE_MAX, 0, "rows", &size));
  CHECK_EQ_INT(size, 0);
  CHECK_STATUS_FAILS(binq_size_multiply(SIZE_MAX / 2, 3, "rows", &size), "rows");
  CHECK_STATUS_OK(binq_size_add(SIZE_MAX - 1, 1, "offset", &size));
  CHECK(size == SIZE_MAX);
  CHECK_STATUS_FAILS(binq_size_add(SIZE_MAX, 1, "offset", &size), "offset");
  CHECK_EQ_INT(binq_round_up(0, 32), 0);
  CHECK_EQ_INT(binq_round_up(33, 32), 64);
}

static void test_allocate(void) {
  uint64_t *values = NULL;
  CHECK_STATUS_OK(binq_allocate(1000, sizeof *values, "values", &values));
  CHECK_EQ_INT((uintptr_t)values % 64, 0);
  for (int i = 0; i < 1000; i++)
    CHECK(values[i] == 0);
  free(values);
  CHECK_STATUS_OK(binq_allocate(0, 8, "nothing", &values));
  CHECK(values != NULL);
  free(values);
  CHECK_STATUS_FAILS(binq_allocate(SIZE_MAX / 4, 8, "weights", &values), "weights");
  CHECK_STATUS_FAILS(binq_allocate(SIZE_MAX, 1, "weights", &values), "weights");
  CHECK_STATUS_FAILS(binq_allocate(SIZE_MAX / 2, 1, "weights", &values), "out of memory");
}

static void test_arena(void) {
  binq_arena *arena = NULL;
  CHECK_STATUS_OK(binq_arena_create(&arena));
  uint8_t *blocks[400];
  size_t sizes[400];
  for (size_t i = 0; i < 400; i++) {
    sizes[i] = i % 50 == 49 ? 100000 : i * 7;
    CHECK_STATUS_OK(binq_arena_allocate(arena, sizes[i], 1, &blocks[i]));
    CHECK_EQ_INT((uintptr_t)blocks[i] % 64, 0);
    for (size_t j = 0; j < sizes[i]; j++)
      CHECK(blocks[i][j] == 0);
    memset(blocks[i], (int)(i % 251), sizes[i]);
    char *text = NULL;
    CHECK_STATUS_OK(binq_arena_format(arena, &text, "%s.%zu", "blk", i));
    char expected[32];
    snprintf(expected, sizeof expected, "blk.%zu", i);
    CHECK_EQ_STR(text, expected);
  }
  for (size_t i = 0; i < 400; i++)
    for (size_t j = 0; j < sizes[i]; j++)
      CHECK(blocks[i][j] == i % 251);
  char *copy = NULL;
  CHECK_STATUS_OK(binq_arena_copy_string(arena, "abcdef", 3, &copy));
  CHECK_EQ_STR(copy, "abc");
  CHECK_STATUS_OK(binq_arena_copy_string(arena, NULL, 0, &copy));
  CHECK_EQ_STR(copy, "");
  void *huge = NULL;
  CHECK_STATUS_FAILS(binq_arena_allocate(arena, SIZE_MAX / 2, 4, &huge), "too large");
  CHECK_STATUS_FAILS(binq_arena_allocate(arena, SIZE_MAX, 1, &huge), "too large");
  CHECK_STATUS_FAILS(binq_arena_allocate(arena, SIZE_MAX / 2, 1, &huge), "out of memory");
  binq_arena_destroy(arena);
  binq_arena_destroy(NULL);
}

int main(void) {
  test_sizes();
  test_allocate();
  test_arena();
  return check_result();
}

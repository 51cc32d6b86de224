/// Files with random bytes changed: they may be read or refused, but reading must stay inside them.
/// Most of what goes wrong shows in a build with BINQ_SANITIZE only.
#ifndef BINQ_TEST_CHECKPOINT_MUTATE_H
#define BINQ_TEST_CHECKPOINT_MUTATE_H

#include "Check.h"
#include "binq/Checkpoint/Model.h"
#include "binq/Checkpoint/TextTokens.h"
#include <fcntl.h>
#include <unistd.h>

enum { ROUNDS = 20000, MOST_CHANGES = 4 };

static uint64_t random_state = 7;

static inline uint64_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  return random_state ^= random_state << 17;
}

/// Values that are at the edge of something, and any others.
static inline uint8_t odd_byte(uint8_t old) {
  static const uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0x20, 0x22, 0x5b};
  switch (next_random() % 4) {
  case 0:
    return edges[next_random() % sizeof edges];
  case 1:
    return (uint8_t)(old + 1 - 2 * (int)(next_random() % 2));
  case 2:
    return (uint8_t)(old ^ 1 << next_random() % 8);
  default:
    return (uint8_t)next_random();
  }
}

static inline void check_message(const char *path, binq_status status) {
  const char *message = binq_status_message(status);
  CHECK(strncmp(message, path, strlen(path)) == 0);
  for (; *message; message++)
    CHECK((unsigned char)*message >= ' ');
  binq_status_free(status);
}

/// Whatever a vocabulary that was accepted holds, its tables can be made and used.
static inline void use_vocabulary(const binq_vocabulary *vocabulary) {
  static const char text[] = "the rain  \xe2\x96\x81 in <s>Spain\xff\xe6\x97\xa5 <unk>";
  binq_text_tokenizer *tokenizer = NULL;
  int32_t *tokens = NULL;
  size_t count = 0;
  CHECK_STATUS_OK(binq_text_tokenizer_create(vocabulary, &tokenizer));
  CHECK_STATUS_OK(binq_text_tokens(tokenizer, text, sizeof text - 1, &tokens, &count));
  for (size_t i = 0; i < count; i++)
    CHECK(tokens[i] >= 0 && (uint32_t)tokens[i] < vocabulary->token_count);
  free(tokens);
  binq_text_tokenizer_destroy(tokenizer);
}

/// Touches everything that a reader of the model may touch. Returns whether it was accepted.
static inline bool use_model(const char *path) {
  const binq_model *model = NULL;
  binq_status status = binq_model_open(path, &model);
  if (status) {
    check_message(path, status);
    return false;
  }
  uint64_t sum = 0;
  for (size_t i = 0; i < model->tensor_count; i++) {
    const binq_tensor *tensor = &model->tensors[i];
    float *row = malloc((size_t)tensor->columns * sizeof *row);
    REQUIRE(row);
    for (int64_t j = 0; j < tensor->rows; j++)
      binq_tensor_dequantize(tensor, j, j + 1, row);
    free(row);
    CHECK(binq_model_tensor(model, tensor->name) == tensor);
  }
  const binq_vocabulary *vocabulary = &model->vocabulary;
  for (uint32_t i = 0; i < vocabulary->token_count; i++)
    for (uint32_t j = 0; j < vocabulary->tokens[i].length; j++)
      sum += vocabulary->tokens[i].bytes[j];
  for (uint32_t i = 0; i < vocabulary->merge_count; i++) {
    const binq_merge *merge = &vocabulary->merges[i];
    CHECK(merge->left < vocabulary->token_count && merge->right < vocabulary->token_count &&
          merge->result < vocabulary->token_count);
  }
  CHECK(sum > 0);
  // Byte-level tables hold the classes of all characters, which takes a while each time.
  if (vocabulary->pre_tokenizer == BINQ_PRE_TOKENIZER_SENTENCEPIECE)
    use_vocabulary(vocabulary);
  CHECK(model->head_count % model->kv_head_count == 0);
  CHECK(vocabulary->bos < vocabulary->token_count && vocabulary->eos < vocabulary->token_count);
  binq_model_close(model);
  return true;
}

/// Changes some bytes of a file, tries what it is or is part of, changes them back. Three times of
/// four the change is before `tables`, where the numbers are that the rest hangs on.
static inline void mutate(const char *path, const uint8_t *bytes, size_t size, size_t tables,
                          const char *used, bool (*use)(const char *path)) {
  int descriptor = open(path, O_RDWR | O_CLOEXEC);
  REQUIRE(descriptor >= 0);
  int accepted = 0;
  for (int round = 0; round < ROUNDS; round++) {
    size_t positions[MOST_CHANGES];
    int changes = 1 + (int)(next_random() % MOST_CHANGES);
    for (int i = 0; i < changes; i++) {
      positions[i] = next_random() % (next_random() % 4 ? tables : size);
      uint8_t changed = odd_byte(bytes[positions[i]]);
      REQUIRE(pwrite(descriptor, &changed, 1, (off_t)positions[i]) == 1);
    }
    accepted += use(used);
    for (int i = 0; i < changes; i++)
      REQUIRE(pwrite(descriptor, &bytes[positions[i]], 1, (off_t)positions[i]) == 1);
  }
  // Both must happen, or the changes test nothing.
  CHECK(accepted > ROUNDS / 100 && accepted < ROUNDS * 99 / 100);
  CHECK(use(used));
  close(descriptor);
}

#endif

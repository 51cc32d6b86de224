/// A language model's file as a checked table: whatever the format it came in, the code behind this
/// header has validated every count, size, offset and name once.
#ifndef BINQ_CHECKPOINT_MODEL_H
#define BINQ_CHECKPOINT_MODEL_H

#include "binq/Support/Status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  BINQ_TENSOR_F32,
  BINQ_TENSOR_F16,
  BINQ_TENSOR_BF16,
  BINQ_TENSOR_Q8_0,
  BINQ_TENSOR_Q4_0,
  BINQ_TENSOR_Q4_1,
} binq_tensor_type;

/// A tensor in the mapped file: `rows` rows of `columns` values, row-major; a vector has one row.
typedef struct {
  const char *name;
  binq_tensor_type type;
  int64_t rows, columns;
  const uint8_t *data;
  size_t size; ///< bytes of data
} binq_tensor;

/// How the text is cut before byte-pair merging.
typedef enum {
  BINQ_PRE_TOKENIZER_GPT2,
  BINQ_PRE_TOKENIZER_SMOLLM,
  BINQ_PRE_TOKENIZER_LLAMA_BPE,
  BINQ_PRE_TOKENIZER_QWEN2,
} binq_pre_tokenizer;

typedef enum {
  BINQ_TOKEN_NORMAL,
  BINQ_TOKEN_CONTROL, ///< never printed, matched in text only when special tokens are asked for
  BINQ_TOKEN_USER_DEFINED, ///< matched in text before anything else
  BINQ_TOKEN_UNUSED,
} binq_token_kind;

/// A token: the bytes it stands for (byte-level encoding already undone) and its kind.
typedef struct {
  const uint8_t *bytes;
  uint32_t length;
  binq_token_kind kind;
} binq_token;

/// A merge of two tokens into a third; the earlier in the list, the sooner it is applied.
typedef struct {
  uint32_t left, right, result;
} binq_merge;

typedef struct {
  binq_pre_tokenizer pre_tokenizer;
  const binq_token *tokens;
  uint32_t token_count;
  const binq_merge *merges;
  uint32_t merge_count;
  int64_t bos, eos; ///< token indices, -1 where the file names none
  bool add_bos;     ///< the file asks for `bos` before a text
} binq_vocabulary;

typedef struct {
  const char *name;         ///< general.name, "" if none
  const char *license;      ///< general.license, "" if none
  const char *architecture; ///< "llama"
  int64_t vocabulary_size, context_length, hidden_size, ffn_size;
  int64_t layer_count, head_count, kv_head_count, head_size;
  float norm_epsilon;
  double rope_base;
  bool tied_embedding; ///< no output.weight: the head is the embedding
  const binq_tensor *tensors;
  size_t tensor_count;
  binq_vocabulary vocabulary;
} binq_model;

/// Maps and checks a GGUF file of a dense llama-architecture model. Every error names the file and
/// the field. The model owns the mapping; binq_model_close releases both. Format: GGUF version 2
/// and 3, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
binq_status binq_model_open(const char *path, const binq_model **out);
/// Releases the model and its mapping. NULL is ignored.
void binq_model_close(const binq_model *model);

/// The tensor of that name, or NULL. "output.weight" of a tied model is its "token_embd.weight".
const binq_tensor *binq_model_tensor(const binq_model *model, const char *name);

/// Writes rows [begin, end) of `tensor` as float32, `columns` values a row, to `out`.
void binq_tensor_dequantize(const binq_tensor *tensor, int64_t begin, int64_t end, float *out);

/// SHA-256 of the whole file, 64 hexadecimal digits and a NUL.
void binq_model_hash(const binq_model *model, char hex[65]);

#endif

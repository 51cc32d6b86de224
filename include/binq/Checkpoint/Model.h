/// A language model as a checked table: whatever the format it came in, the code behind this header
/// has validated every count, size, offset and name once.
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
  BINQ_TENSOR_Q5_0,
  BINQ_TENSOR_Q5_1,
  BINQ_TENSOR_Q2_K,
  BINQ_TENSOR_Q3_K,
  BINQ_TENSOR_Q4_K,
  BINQ_TENSOR_Q5_K,
  BINQ_TENSOR_Q6_K,
} binq_tensor_type;

/// A tensor in a mapped file: `rows` rows of `columns` values, row-major; a vector has one row.
typedef struct {
  const char *name;
  binq_tensor_type type;
  int64_t rows, columns;
  const uint8_t *data;
  size_t size; ///< bytes of data
  /// 0, or half the rows of a head: its row 2i + j is row i + j * half_head of the head in the
  /// file. binq rotates neighbours, Hugging Face files are made for rotating one half with the
  /// other.
  int64_t half_head;
} binq_tensor;

/// How the text is cut before merging, and what merging begins with. Byte-level BPE cuts it by one
/// of the models' expressions and begins with bytes. SentencePiece does not cut it; there merging
/// begins with characters: the normal token spelled like one, or else its bytes (tokens of kind
/// BINQ_TOKEN_BYTE) if all of them are there, or else `unknown`, once for a run of such characters.
typedef enum {
  BINQ_PRE_TOKENIZER_GPT2,
  BINQ_PRE_TOKENIZER_SMOLLM,
  BINQ_PRE_TOKENIZER_LLAMA_BPE,
  BINQ_PRE_TOKENIZER_QWEN2,
  BINQ_PRE_TOKENIZER_SENTENCEPIECE,
} binq_pre_tokenizer;

/// Where encoding puts a space that is not in the text; only with SentencePiece.
typedef enum {
  BINQ_SPACE_NEVER,
  BINQ_SPACE_FIRST,  ///< before a text, unless it begins with a space or a special token
  BINQ_SPACE_ALWAYS, ///< before a text and after every special token in it
} binq_space;

typedef enum {
  BINQ_TOKEN_NORMAL,
  BINQ_TOKEN_CONTROL, ///< never printed, matched in text only when special tokens are asked for
  BINQ_TOKEN_USER_DEFINED, ///< matched in text before anything else
  BINQ_TOKEN_UNUSED,       ///< nothing begins with it, but merges may lead to it
  BINQ_TOKEN_BYTE,         ///< "<0xNN>" of SentencePiece: a byte of a character that is no token
} binq_token_kind;

/// A token: the bytes it stands for and its kind. What vocabularies write for bytes is already
/// undone: the byte-level encoding, "\u2581" for a space, "<0xNN>".
typedef struct {
  const uint8_t *bytes;
  uint32_t length;
  binq_token_kind kind;
} binq_token;

/// A merge of two tokens into a third. Those of the lowest rank are applied first, of these the
/// leftmost in the text; several merges may have the same rank. A list of merges (byte-level BPE,
/// tokenizer.json) gives each its place as its rank. Where tokens have scores instead (GGUF's
/// "llama"), there is a merge for each way to cut a token into two, and its rank is that of the
/// token's score among all scores, the highest being 0.
typedef struct {
  uint32_t left, right, result;
  uint32_t rank; ///< at most INT32_MAX
} binq_merge;

typedef struct {
  binq_pre_tokenizer pre_tokenizer;
  const binq_token *tokens;
  uint32_t token_count;
  const binq_merge *merges;
  uint32_t merge_count;
  int64_t bos, eos; ///< token indices, -1 where the file names none
  bool add_bos;     ///< the file asks for `bos` before a text
  binq_space space;
  int64_t unknown; ///< of SentencePiece: what stands for characters that cannot be spelled; -1:
                   ///< they are left out
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

/// Maps and checks a dense llama-architecture model: a GGUF file (version 2 or 3,
/// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), or a Hugging Face folder with
/// config.json, tokenizer.json and *.safetensors. Every error names the file and the field. The
/// model owns what is mapped; binq_model_close releases both.
binq_status binq_model_open(const char *path, const binq_model **out);
/// Releases the model and what it maps. NULL is ignored.
void binq_model_close(const binq_model *model);

/// The tensor of that name, or NULL. "output.weight" of a tied model is its "token_embd.weight".
const binq_tensor *binq_model_tensor(const binq_model *model, const char *name);

/// Writes rows [begin, end) of `tensor` as float32, `columns` values a row, to `out`; the rows of
/// heads in the order that binq rotates them in.
void binq_tensor_dequantize(const binq_tensor *tensor, int64_t begin, int64_t end, float *out);

/// SHA-256 of the whole file, 64 hexadecimal digits and a NUL. Of a folder: of the lines that
/// `sha256sum` prints for the files that were read, in this order: config.json, tokenizer.json,
/// tokenizer_config.json and model.safetensors.index.json where there are such, the *.safetensors.
void binq_model_hash(const binq_model *model, char hex[65]);

#endif

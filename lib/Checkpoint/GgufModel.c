#include "Internal.h"
#include <string.h>

/// Metadata before tensors: what a file is not supported for shows there first.
static binq_status read_model(binq_open_model *opened, binq_bytes file) {
  binq_model *model = &opened->model;
  binq_gguf gguf = {0};
  BINQ_TRY(binq_gguf_parse_fields(file, opened->arena, &gguf));
  BINQ_TRY(binq_read_hyperparameters(&gguf, opened->arena, model));
  BINQ_TRY(binq_read_vocabulary(&gguf, opened->arena, &model->vocabulary));
  BINQ_TRY(binq_gguf_parse_tensors(file, opened->arena, &gguf));
  model->vocabulary_size = model->vocabulary.token_count;
  int64_t size = model->vocabulary_size;
  BINQ_TRY(binq_gguf_integer(&gguf, "llama.vocab_size", false, 1, INT32_MAX, &size));
  if (size != model->vocabulary_size)
    return binq_errorf("llama.vocab_size: is %lld, but there are %lld tokens", (long long)size,
                       (long long)model->vocabulary_size);
  model->tied_embedding = binq_name_table_find(&gguf.names, (binq_bytes){"output.weight", 13}) < 0;
  return binq_take_tensors(
      opened, &(binq_tensor_table){BINQ_NAMES_GGUF, gguf.tensors, gguf.tensor_count, gguf.names});
}

binq_status binq_read_gguf(binq_open_model *opened, const char *path) {
  binq_bytes file;
  BINQ_TRY(binq_map_source(opened, path, "", &file));
  return binq_annotate(read_model(opened, file), "%s", path);
}

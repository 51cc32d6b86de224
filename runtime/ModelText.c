// Text: from text to tokens, from logits to a token, from tokens to text.
#include "runtime/FloatMode.h"
#include "runtime/ModelInternal.h"
#include "runtime/Sampler.h"
#include "runtime/Utf8.h"
#include <errno.h>
#include <string.h>

static unsigned tokenizer_options(unsigned options) {
  return (options & BINQ_ENCODE_CONTROL ? BINQ_ENCODE_SPECIAL : 0u) |
         (options & BINQ_ENCODE_START ? BINQ_ENCODE_BOS : 0u);
}

binq_error binq_encode(const binq_model *model, const char *text, size_t length, unsigned options,
                       int32_t *tokens, size_t capacity, size_t *count) {
  const unsigned known = BINQ_ENCODE_CONTROL | BINQ_ENCODE_START;
  if (!model || (!text && length) || (!tokens && capacity) || !count || options & ~known)
    return BINQ_ERROR_ARGUMENT;
  int error = binq_tokenizer_encode(&model->tokenizer, text, length, tokenizer_options(options),
                                    tokens, capacity, count);
  if (error)
    return error == ENOMEM ? BINQ_ERROR_MEMORY : BINQ_ERROR_ARGUMENT;
  return BINQ_OK;
}

int binq_is_control(const binq_model *model, int32_t token) {
  return model && binq_tokenizer_is_control(&model->tokenizer, token);
}

/// Ends a text of `size` bytes, which are in place.
static binq_error finish(char *text, size_t size, size_t *length) {
  text[size] = 0;
  if (length)
    *length = size;
  return BINQ_OK;
}

binq_error binq_decode(const binq_model *model, binq_decoder *decoder, int32_t token, char *text,
                       size_t *length) {
  if (!model || !decoder || decoder->count > sizeof decoder->bytes || !text)
    return BINQ_ERROR_ARGUMENT;
  size_t size;
  binq_text_stream stream = {.characters.count = decoder->count, .start = decoder->start != 0};
  memcpy(stream.characters.bytes, decoder->bytes, sizeof decoder->bytes);
  if (binq_tokenizer_decode(&model->tokenizer, &stream, token, text, &size))
    return BINQ_ERROR_TOKEN;
  memcpy(decoder->bytes, stream.characters.bytes, sizeof decoder->bytes);
  decoder->count = (unsigned)stream.characters.count;
  decoder->start = stream.start;
  return finish(text, size, length);
}

binq_error binq_decode_end(binq_decoder *decoder, char *text, size_t *length) {
  if (!decoder || decoder->count > sizeof decoder->bytes || !text)
    return BINQ_ERROR_ARGUMENT;
  binq_utf8_stream stream = {.count = decoder->count};
  decoder->count = 0;
  return finish(text, binq_utf8_end(&stream, text), length);
}

binq_error binq_sample(binq_context *context, binq_sampling *sampling, int32_t *token) {
  // Written so that a NaN is refused.
  if (!context || !sampling || !token || !(sampling->temperature >= 0) || sampling->top_k < 0 ||
      !(sampling->top_p >= 0 && sampling->top_p <= 1))
    return BINQ_ERROR_ARGUMENT;
  if (!context->last_logits)
    return BINQ_ERROR_EMPTY;
  binq_sampler sampler = {.temperature = sampling->temperature,
                          .top_k = sampling->top_k,
                          .top_p = sampling->top_p > 0 ? sampling->top_p : 1,
                          .state = sampling->seed};
  uint64_t mode = binq_float_mode_enter();
  *token = binq_sampler_pick(&sampler, context->last_logits, binq_constants.vocabulary_size,
                             context->sampler_workspace);
  binq_float_mode_leave(mode);
  sampling->seed = sampler.state;
  return BINQ_OK;
}

// The first code of the library that a program calls. It must run on a CPU that cannot run the
// rest, so this file is compiled for the oldest one and calls nothing else before it has looked.
#include "runtime/Isa.h"
#include "runtime/ModelInternal.h"
#include <stdlib.h>

binq_error binq_open(const char *path, binq_model **model) {
  if (!model)
    return BINQ_ERROR_ARGUMENT;
  *model = NULL;
  binq_cpu cpu = binq_cpu_read();
  const binq_level *level = binq_level_choose(&cpu, getenv(BINQ_ISA_VARIABLE),
                                              binq_constants.levels, binq_constants.level_count);
  if (!level)
    return BINQ_ERROR_CPU;
  return binq_model_load(path, level, model);
}

const char *binq_error_message(binq_error error) {
  switch (error) {
  case BINQ_OK:
    return "no error";
  case BINQ_ERROR_CPU:
    return binq_constants.cpu_message;
  case BINQ_ERROR_ARGUMENT:
    return "an argument is NULL or out of its range";
  case BINQ_ERROR_FILE:
    return "the weights file cannot be read";
  case BINQ_ERROR_WEIGHTS:
    return "the file does not hold the weights that this model was compiled with, or is damaged";
  case BINQ_ERROR_MEMORY:
    return "out of memory";
  case BINQ_ERROR_THREAD:
    return "threads cannot be started";
  case BINQ_ERROR_TOKEN:
    return "a token is not in the vocabulary";
  case BINQ_ERROR_FULL:
    return "the context is full";
  case BINQ_ERROR_STOPPED:
    return "stopped";
  case BINQ_ERROR_EMPTY:
    return "the context has no logits: nothing was fed";
  }
  return "unknown error";
}

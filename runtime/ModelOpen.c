// The first code of the library that a program calls. It must run on a CPU that cannot run the
// rest, so this file is compiled for the oldest x86-64 and calls nothing else before it has looked.
#include "runtime/Cpu.h"
#include "runtime/ModelInternal.h"

binq_error binq_open(const char *path, binq_model **model) {
  if (!model)
    return BINQ_ERROR_ARGUMENT;
  *model = NULL;
  binq_cpu cpu = binq_cpu_read();
  if (!binq_cpu_suffices(&cpu))
    return BINQ_ERROR_CPU;
  return binq_model_load(path, model);
}

const char *binq_error_message(binq_error error) {
  switch (error) {
  case BINQ_OK:
    return "no error";
  case BINQ_ERROR_CPU:
    return "this CPU lacks instructions the model was compiled for (x86-64-v3: AVX2, FMA, BMI2, "
           "F16C, LZCNT, MOVBE)";
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

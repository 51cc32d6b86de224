#include "binq/Driver/Pipeline.h"

#include "PipelineText.h"
#include "Steps.h"
#include "binq/Support/Memory.h"
#include "mlir-c/RegisterEverything.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

binq_status binq_pipeline_create(MlirContext context, binq_pipeline **out) {
  // The registry of MLIR's passes belongs to the process.
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, mlirRegisterAllPasses);
  binq_pipeline *pipeline = NULL;
  BINQ_TRY(binq_allocate(1, sizeof(*pipeline), "a pass pipeline", &pipeline));
  pipeline->context = context;
  *out = pipeline;
  return BINQ_OK;
}

static void free_step(pipeline_step *step) {
  binq_pass_arguments_free(step->arguments);
  if (!mlirPassManagerIsNull(step->manager))
    mlirPassManagerDestroy(step->manager);
}

void binq_pipeline_destroy(binq_pipeline *pipeline) {
  if (!pipeline)
    return;
  for (size_t i = 0; i < pipeline->count; ++i)
    free_step(&pipeline->steps[i]);
  free(pipeline->steps);
  free(pipeline);
}

static binq_status append(binq_pipeline *pipeline, pipeline_step step) {
  size_t size = (pipeline->count + 1) * sizeof(*pipeline->steps);
  pipeline_step *steps = realloc(pipeline->steps, size);
  if (!steps) {
    free_step(&step);
    return binq_errorf("out of memory for a pass pipeline");
  }
  pipeline->steps = steps;
  steps[pipeline->count++] = step;
  return BINQ_OK;
}

// --- passes of binq

static binq_status parse_options(binq_pass_arguments *arguments, text_slice text) {
  for (;;) {
    text_slice name, value;
    bool found;
    BINQ_TRY(binq_next_option(&text, &name, &value, &found));
    if (!found)
      return BINQ_OK;
    BINQ_TRY(binq_pass_arguments_set(arguments, name.data, name.length, value.data, value.length));
  }
}

static binq_status add_own(binq_pipeline *pipeline, const binq_pass *pass, text_slice options) {
  pipeline_step step = {.pass = pass};
  BINQ_TRY(binq_pass_arguments_create(pass, &step.arguments));
  binq_status status = options.data ? parse_options(step.arguments, options) : BINQ_OK;
  if (status) {
    free_step(&step);
    return status;
  }
  return append(pipeline, step);
}

binq_status binq_pipeline_add(binq_pipeline *pipeline, const char *flag, const char *options) {
  const binq_pass *pass = binq_pass_find(flag, strlen(flag));
  if (!pass)
    return binq_errorf("'%s' is not a pass of binq", flag);
  return add_own(pipeline, pass, (text_slice){options, options ? strlen(options) : 0});
}

binq_status binq_pipeline_set(binq_pipeline *pipeline, const char *option, const char *value) {
  if (pipeline->count == 0 || !pipeline->steps[pipeline->count - 1].pass)
    return binq_errorf("there is no pass of binq to set the option '%s' of", option);
  return binq_pass_arguments_set(pipeline->steps[pipeline->count - 1].arguments, option,
                                 strlen(option), value, strlen(value));
}

// --- passes of MLIR

/// What MLIR says about a text it does not take, without the picture of the text around it.
static void keep_message(MlirStringRef chunk, void *user) {
  char *message = user;
  size_t used = strlen(message);
  if (chunk.length >= MESSAGE_SIZE - used)
    chunk.length = MESSAGE_SIZE - used - 1;
  memcpy(message + used, chunk.data, chunk.length);
  message[used + chunk.length] = '\0';
}

static const char *essence(char *message) {
  char *start = strstr(message, "error: ");
  start = start ? start + strlen("error: ") : message;
  start[strcspn(start, "\n")] = '\0';
  return start;
}

static binq_status add_upstream(binq_pipeline *pipeline, text_slice text) {
  char message[MESSAGE_SIZE] = "";
  MlirStringRef elements = mlirStringRefCreate(text.data, text.length);
  pipeline_step step = {.manager = mlirPassManagerCreate(pipeline->context)};
  MlirLogicalResult added = mlirOpPassManagerAddPipeline(
      mlirPassManagerGetAsOpPassManager(step.manager), elements, keep_message, message);
  if (mlirLogicalResultIsFailure(added)) {
    free_step(&step);
    return binq_errorf("%s", *message ? essence(message) : "MLIR does not take it");
  }
  return append(pipeline, step);
}

/// Passes of binq work on a module, so they stand at the top.
static binq_status refuse_own(text_slice elements, text_slice parent) {
  for (;;) {
    pipeline_element element;
    bool found;
    BINQ_TRY(binq_next_element(&elements, &element, &found));
    if (!found)
      return BINQ_OK;
    if (binq_pass_find(element.name.data, element.name.length))
      return binq_errorf("%.*s works on the whole module and cannot stand in %.*s(...)",
                         (int)element.name.length, element.name.data, (int)parent.length,
                         parent.data);
    if (element.nested.data)
      BINQ_TRY(refuse_own(element.nested, element.name));
  }
}

// --- text

/// A run of neighbouring MLIR passes becomes one step.
static binq_status flush(binq_pipeline *pipeline, text_slice *upstream) {
  text_slice text = *upstream;
  *upstream = (text_slice){0};
  return text.data ? add_upstream(pipeline, text) : BINQ_OK;
}

static binq_status add_element(binq_pipeline *pipeline, const pipeline_element *element,
                               text_slice *upstream) {
  const binq_pass *pass = binq_pass_find(element->name.data, element->name.length);
  if (pass) {
    if (element->nested.data)
      return binq_errorf("%s is a pass: its options go into {...}, not (...)", pass->flag);
    BINQ_TRY(flush(pipeline, upstream));
    return add_own(pipeline, pass, element->options);
  }
  if (element->nested.data)
    BINQ_TRY(refuse_own(element->nested, element->name));
  if (!upstream->data)
    upstream->data = element->whole.data;
  upstream->length = (size_t)(element->whole.data + element->whole.length - upstream->data);
  return BINQ_OK;
}

static binq_status parse(binq_pipeline *pipeline, const char *text) {
  text_slice rest = {text, strlen(text)}, upstream = {0};
  pipeline_element element;
  bool found;
  BINQ_TRY(binq_next_element(&rest, &element, &found));
  if (!found || rest.length || !element.nested.data ||
      element.name.length != strlen("builtin.module") ||
      memcmp(element.name.data, "builtin.module", element.name.length) != 0)
    return binq_errorf("expected builtin.module(...), not '%s'", text);
  rest = element.nested;
  for (;;) {
    BINQ_TRY(binq_next_element(&rest, &element, &found));
    if (!found)
      return flush(pipeline, &upstream);
    BINQ_TRY(add_element(pipeline, &element, &upstream));
  }
}

binq_status binq_pipeline_parse(binq_pipeline *pipeline, const char *text) {
  return binq_annotate(parse(pipeline, text), "pass pipeline");
}

#include "binq/Driver/Opt.h"

#include "binq/Driver/Pipeline.h"
#include "binq/Pass/Arguments.h"

static const char introduction[] =
    "<!-- Generated from the pass table: binq-opt --pass-docs. -->\n"
    "\n"
    "# Passes\n"
    "\n"
    "Run one with its flag, `binq-opt --binq-import=\"model=model.gguf\" empty.mlir`, or several, "
    "MLIR's own among\n"
    "them, in a pipeline: `binq-opt "
    "--pass-pipeline='builtin.module(binq-import{model=model.gguf},func.func(cse))'`.\n"
    "Options are written `name=value`; a value with spaces in it goes into quotes. Passes of binq "
    "work on the whole\n"
    "module.\n";

static void document_options(const binq_pass *pass, FILE *out) {
  fputs("\n| option | type | default | meaning |\n| --- | --- | --- | --- |\n", out);
  for (size_t i = 0; i < pass->option_count; ++i) {
    const binq_pass_option *option = &pass->options[i];
    const char *value = option->default_value;
    fprintf(out, "| `%s` | %s | ", option->name, binq_option_type_name(option->type));
    if (!value)
      fputs("required", out);
    else if (*value)
      fprintf(out, "`%s`", value);
    fprintf(out, " | %s |\n", option->help);
  }
}

void binq_pass_docs(FILE *out) {
  size_t count;
  const binq_pass *const *passes = binq_passes(&count);
  fputs(introduction, out);
  for (size_t i = 0; i < count; ++i) {
    const binq_pass *pass = passes[i];
    fprintf(out, "\n## %s\n\n%s.\n\n%s\n", pass->flag, pass->summary, pass->description);
    if (pass->option_count)
      document_options(pass, out);
  }
}

void binq_pass_help(FILE *out) {
  size_t count;
  const binq_pass *const *passes = binq_passes(&count);
  fputs("\nPasses, in the order given; options in quotes: --PASS=\"name=value ...\"\n", out);
  for (size_t i = 0; i < count; ++i) {
    fprintf(out, "  --%-26s %s\n", passes[i]->flag, passes[i]->summary);
    for (size_t j = 0; j < passes[i]->option_count; ++j) {
      const binq_pass_option *option = &passes[i]->options[j];
      const char *value = option->default_value ? option->default_value : "required";
      fprintf(out, "      %-24s %s%s%s%s\n", option->name, option->help, *value ? " [" : "", value,
              *value ? "]" : "");
    }
  }
}

#include "Check.h"
#include "binq/Driver/Compile.h"

static void check(const char *path, const char *expected) {
  char *name = NULL;
  CHECK_STATUS_OK(binq_compile_name(path, &name));
  CHECK_EQ_STR(name, expected);
  free(name);
}

int main(void) {
  check("model.gguf", "model");
  check("/models/SmolLM2-135M-Instruct.Q4_1.gguf", "smollm2_135m_instruct_q4_1");
  check("a..b--c.GGUF", "a_b_c");
  check("7b.gguf", "model_7b");
  check("_x_.gguf", "model_x");
  check("d\303\251j\303\240.gguf", "d_j");
  check("folder.gguf/plain", "plain");
  check("folders/Some-Model/", "some_model");
  check("folders/model.gguf///", "model");
  check("/", "model");
  check(".gguf", "model_gguf");
  check("---", "model");
  return check_result();
}

/// binq-opt: runs passes over modules, as mlir-opt does.
#include "binq/Driver/Opt.h"

int main(int argc, char **argv) {
  return binq_opt_main(argc, argv);
}

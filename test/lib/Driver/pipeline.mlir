// Pipelines in MLIR's own form: nesting, options, quotes, spaces, passes of binq among MLIR's.
// RUN: binq-opt %s --pass-pipeline='builtin.module(func.func(cse))' | FileCheck --check-prefix=CSE %s
// RUN: binq-opt %s --pass-pipeline='builtin.module( func.func( cse , canonicalize{max-iterations=5 top-down=true} ) , symbol-dce )' | FileCheck --check-prefix=DCE %s
// RUN: binq-opt %s --pass-pipeline='builtin.module()' | FileCheck --check-prefix=NONE %s
// RUN: binq-opt %s --pass-pipeline='  builtin.module(any(cse),inline{default-pipeline=canonicalize})' | FileCheck --check-prefix=CSE %s
// RUN: binq-opt %s | FileCheck --check-prefix=NONE %s

// Options of a pass of binq, quoted in the three ways there are.
// RUN: make-model --layers 1 "%t model.gguf"
// RUN: echo "" > %t.empty.mlir
// RUN: binq-opt %t.empty.mlir --pass-pipeline="builtin.module(binq-import{model='%t model.gguf'},func.func(cse))" | FileCheck --check-prefix=MODEL %s
// RUN: binq-opt %t.empty.mlir --pass-pipeline="builtin.module(symbol-dce,binq-import{ model={%t model.gguf} })" | FileCheck --check-prefix=MODEL %s
// RUN: binq-opt %t.empty.mlir --binq-import='model="%t model.gguf"' | FileCheck --check-prefix=MODEL %s
// MODEL: binq.source = "{{.*}} model.gguf"
// MODEL: func.func @layer_0

// CSE: func.func private @unused
// CSE: arith.constant 1
// CSE-NOT: arith.constant 1
// DCE-NOT: @unused
// NONE: arith.constant 1
// NONE: arith.constant 1
func.func private @unused()
func.func @twice() -> (i32, i32) {
  %0 = arith.constant 1 : i32
  %1 = arith.constant 1 : i32
  return %0, %1 : i32, i32
}

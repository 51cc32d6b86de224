// The parts of a file are separate modules: symbols may repeat, and each is run through the passes.
// RUN: binq-opt %s --split-input-file --pass-pipeline='builtin.module(symbol-dce)' | FileCheck %s
// RUN: not binq-opt %s 2>&1 | FileCheck --check-prefix=WHOLE %s

// WHOLE: error: redefinition of symbol named 'f'

// CHECK: func.func @f() -> i32
// CHECK-NOT: @private
// CHECK: // -----
// CHECK: func.func @f() -> i64
// CHECK: // -----
// CHECK: module {
// CHECK-NEXT: }
func.func @f() -> i32 {
  %0 = arith.constant 1 : i32
  return %0 : i32
}
func.func private @private()
// -----
// a line that only begins like a separator is none:
// ------ here
func.func @f() -> i64 {
  %0 = arith.constant 1 : i64
  return %0 : i64
}
// -----

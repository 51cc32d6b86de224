// What the dialect's text refuses. Each part is one mistake.
// RUN: binq-opt %s --split-input-file --verify-diagnostics

// expected-error@+1 {{attribute "name" is expected but not provided}}
%0 = "binq.param"() : () -> tensor<8xf32>

// -----

// expected-error@+1 {{op expects exactly 0 operands, but got 1}}
func.func @f(%x: tensor<8xf32>) { "binq.param"(%x) {name = "a"} : (tensor<8xf32>) -> tensor<8xf32> return }

// -----

func.func @f(%x: tensor<?x8xf32>, %w: tensor<8xf32>) {
  // expected-error@below {{attribute "epsilon" is expected but not provided}}
  "binq.rms_norm"(%x, %w) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @f(%x: tensor<?x8xf32>, %w: tensor<8xf32>) {
  "binq.rms_norm"(%x, %w) {epsilon = 1 : i64} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  // expected-error@above {{expected base attribute 'builtin.float'}}
  return
}

// -----

func.func @f(%x: tensor<?x8xf32>, %up: tensor<?x16xf32>) {
  // expected-error@+1 {{expected}}
  "binq.swiglu"(%x, %up) : (tensor<?x8xf32>, tensor<?x16xf32>) -> tensor<?x8xf32>
  return
}

// -----

// expected-error@+1 {{expected dynamic type}}
func.func private @f(!binq.nothing)

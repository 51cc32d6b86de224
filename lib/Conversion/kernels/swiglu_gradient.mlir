// With s = 1 / (1 + exp(-gate)): dup = dy * (gate * s), dgate = dy * up * (s + gate * s * (1 - s)). 32 values at a time
// over all rows.
func.func private @swiglu_gradient(
    %gate: memref<?xf32>, %up: memref<?xf32>, %dy: memref<?xf32>, %dgate: memref<?xf32>, %dup: memref<?xf32>,
    %count: index, %thread: index, %threads: index, %row_stride: index) {
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %ones = arith.constant dense<1.0> : vector<32xf32>
  %values = arith.muli %count, %row_stride : index
  %pieces = arith.divui %values, %c32 : index
  %begin, %end = func.call @range_of(%pieces, %thread, %threads) : (index, index, index) -> (index, index)
  scf.for %piece = %begin to %end step %c1 {
    %at = arith.muli %piece, %c32 : index
    %g = vector.load %gate[%at] : memref<?xf32>, vector<32xf32>
    %u = vector.load %up[%at] : memref<?xf32>, vector<32xf32>
    %d = vector.load %dy[%at] : memref<?xf32>, vector<32xf32>
    %negative = arith.negf %g : vector<32xf32>
    %e = func.call @exp_32(%negative) : (vector<32xf32>) -> vector<32xf32>
    %divisor = arith.addf %ones, %e : vector<32xf32>
    %s = arith.divf %ones, %divisor : vector<32xf32>
    %silu = arith.mulf %g, %s : vector<32xf32>
    %d_up = arith.mulf %d, %silu : vector<32xf32>
    vector.store %d_up, %dup[%at] : memref<?xf32>, vector<32xf32>
    %rest = arith.subf %ones, %s : vector<32xf32>
    %bend = arith.mulf %silu, %rest : vector<32xf32>
    %slope = arith.addf %s, %bend : vector<32xf32>
    %d_silu = arith.mulf %d, %u : vector<32xf32>
    %d_gate = arith.mulf %d_silu, %slope : vector<32xf32>
    vector.store %d_gate, %dgate[%at] : memref<?xf32>, vector<32xf32>
  }
  return
}

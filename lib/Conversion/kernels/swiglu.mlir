// y = (gate / (1 + exp(-gate))) * up, 32 values at a time over all rows.
func.func private @swiglu(
    %gate: memref<?xf32>, %up: memref<?xf32>, %y: memref<?xf32>,
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
    %negative = arith.negf %g : vector<32xf32>
    %e = func.call @exp_32(%negative) : (vector<32xf32>) -> vector<32xf32>
    %divisor = arith.addf %ones, %e : vector<32xf32>
    %silu = arith.divf %g, %divisor : vector<32xf32>
    %product = arith.mulf %silu, %u : vector<32xf32>
    vector.store %product, %y[%at] : memref<?xf32>, vector<32xf32>
  }
  return
}

// y = a + b, 32 values at a time over all rows.
func.func private @add(
    %a: memref<?xf32>, %b: memref<?xf32>, %y: memref<?xf32>,
    %count: index, %thread: index, %threads: index, %row_stride: index) {
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %values = arith.muli %count, %row_stride : index
  %pieces = arith.divui %values, %c32 : index
  %begin, %end = func.call @range_of(%pieces, %thread, %threads) : (index, index, index) -> (index, index)
  scf.for %piece = %begin to %end step %c1 {
    %at = arith.muli %piece, %c32 : index
    %va = vector.load %a[%at] : memref<?xf32>, vector<32xf32>
    %vb = vector.load %b[%at] : memref<?xf32>, vector<32xf32>
    %sum = arith.addf %va, %vb : vector<32xf32>
    vector.store %sum, %y[%at] : memref<?xf32>, vector<32xf32>
  }
  return
}

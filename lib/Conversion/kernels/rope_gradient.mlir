// The rotation of @rope undone: rotates the pairs of dy by the negative angle, (a c + b s, b c - a s).
func.func private @rope_gradient(
    %dy: memref<?xf32>, %positions: memref<?xi32>, %table: memref<?xf32>, %dx: memref<?xf32>,
    %count: index, %thread: index, %threads: index,
    %columns: index, %row_stride: index, %head_size: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zeros = arith.constant dense<0.0> : vector<8xf32>
  %begin, %end = func.call @range_of(%count, %thread, %threads) : (index, index, index) -> (index, index)
  scf.for %token = %begin to %end step %c1 {
    %row_at = arith.muli %token, %row_stride : index
    %position32 = memref.load %positions[%token] : memref<?xi32>
    %position = arith.index_cast %position32 : i32 to index
    %table_at = arith.muli %position, %head_size : index
    scf.for %column = %c0 to %columns step %c8 {
      %at = arith.addi %row_at, %column : index
      %in_head = arith.remui %column, %head_size : index
      %angle_at = arith.addi %table_at, %in_head : index
      %v = vector.load %dy[%at] : memref<?xf32>, vector<8xf32>
      %angle = vector.load %table[%angle_at] : memref<?xf32>, vector<8xf32>
      %cosines = vector.shuffle %angle, %angle [0, 0, 2, 2, 4, 4, 6, 6] : vector<8xf32>, vector<8xf32>
      %sines = vector.shuffle %angle, %angle [1, 1, 3, 3, 5, 5, 7, 7] : vector<8xf32>, vector<8xf32>
      %swapped = vector.shuffle %v, %v [1, 0, 3, 2, 5, 4, 7, 6] : vector<8xf32>, vector<8xf32>
      %straight = arith.mulf %v, %cosines : vector<8xf32>
      %crossed = arith.mulf %swapped, %sines : vector<8xf32>
      %plus = arith.addf %straight, %crossed : vector<8xf32>
      %minus = arith.subf %straight, %crossed : vector<8xf32>
      %rotated = vector.shuffle %plus, %minus [0, 9, 2, 11, 4, 13, 6, 15] : vector<8xf32>, vector<8xf32>
      vector.store %rotated, %dx[%at] : memref<?xf32>, vector<8xf32>
    }
    scf.for %column = %columns to %row_stride step %c8 {
      %at = arith.addi %row_at, %column : index
      vector.store %zeros, %dx[%at] : memref<?xf32>, vector<8xf32>
    }
  }
  return
}

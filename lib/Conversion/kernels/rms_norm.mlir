// y = (x * (1 / sqrt(mean(x^2) + epsilon))) * weight, a token at a time. Lane l of 8 sums x[8i+l]^2 in the order of i
// over the padded row.
func.func private @rms_norm(
    %x: memref<?xf32>, %weight: memref<?xf32>, %epsilon: f32, %y: memref<?xf32>,
    %count: index, %thread: index, %threads: index,
    %row_stride: index, %columns: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %one = arith.constant 1.0 : f32
  %zeros = arith.constant dense<0.0> : vector<8xf32>
  %begin, %end = func.call @range_of(%count, %thread, %threads) : (index, index, index) -> (index, index)
  scf.for %token = %begin to %end step %c1 {
    %row_at = arith.muli %token, %row_stride : index
    %sums = scf.for %column = %c0 to %row_stride step %c8 iter_args(%acc = %zeros) -> (vector<8xf32>) {
      %at = arith.addi %row_at, %column : index
      %v = vector.load %x[%at] : memref<?xf32>, vector<8xf32>
      %square = arith.mulf %v, %v : vector<8xf32>
      %next = arith.addf %acc, %square : vector<8xf32>
      scf.yield %next : vector<8xf32>
    }
    %sum = func.call @sum_of_8(%sums) : (vector<8xf32>) -> f32
    %mean = arith.divf %sum, %columns : f32
    %shifted = arith.addf %mean, %epsilon : f32
    %root = math.sqrt %shifted : f32
    %factor = arith.divf %one, %root : f32
    %factors = vector.broadcast %factor : f32 to vector<8xf32>
    scf.for %column = %c0 to %row_stride step %c8 {
      %at = arith.addi %row_at, %column : index
      %v = vector.load %x[%at] : memref<?xf32>, vector<8xf32>
      %w = vector.load %weight[%column] : memref<?xf32>, vector<8xf32>
      %normal = arith.mulf %v, %factors : vector<8xf32>
      %scaled = arith.mulf %normal, %w : vector<8xf32>
      vector.store %scaled, %y[%at] : memref<?xf32>, vector<8xf32>
    }
  }
  return
}

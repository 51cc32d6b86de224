// With r = 1 / sqrt(mean(x^2) + epsilon) and g = dy * weight: dx = r * g - x * (r^3 * sum(g * x) / columns), a token at
// a time. Keeps r of every token in `factors`.
func.func private @rms_norm_gradient(
    %x: memref<?xf32>, %weight: memref<?xf32>, %dy: memref<?xf32>, %epsilon: f32,
    %dx: memref<?xf32>, %factors: memref<?xf32>,
    %count: index, %thread: index, %threads: index, %row_stride: index, %columns: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %one = arith.constant 1.0 : f32
  %zeros = arith.constant dense<0.0> : vector<8xf32>
  %begin, %end = func.call @range_of(%count, %thread, %threads) : (index, index, index) -> (index, index)
  scf.for %token = %begin to %end step %c1 {
    %row_at = arith.muli %token, %row_stride : index
    %squares, %products = scf.for %column = %c0 to %row_stride step %c8
        iter_args(%xx = %zeros, %gx = %zeros) -> (vector<8xf32>, vector<8xf32>) {
      %at = arith.addi %row_at, %column : index
      %v = vector.load %x[%at] : memref<?xf32>, vector<8xf32>
      %w = vector.load %weight[%column] : memref<?xf32>, vector<8xf32>
      %d = vector.load %dy[%at] : memref<?xf32>, vector<8xf32>
      %square = arith.mulf %v, %v : vector<8xf32>
      %next_xx = arith.addf %xx, %square : vector<8xf32>
      %g = arith.mulf %d, %w : vector<8xf32>
      %product = arith.mulf %g, %v : vector<8xf32>
      %next_gx = arith.addf %gx, %product : vector<8xf32>
      scf.yield %next_xx, %next_gx : vector<8xf32>, vector<8xf32>
    }
    %sum = func.call @sum_of_8(%squares) : (vector<8xf32>) -> f32
    %mean = arith.divf %sum, %columns : f32
    %shifted = arith.addf %mean, %epsilon : f32
    %root = math.sqrt %shifted : f32
    %r = arith.divf %one, %root : f32
    memref.store %r, %factors[%token] : memref<?xf32>
    %dot = func.call @sum_of_8(%products) : (vector<8xf32>) -> f32
    %r2 = arith.mulf %r, %r : f32
    %r3 = arith.mulf %r2, %r : f32
    %mean_dot = arith.divf %dot, %columns : f32
    %back = arith.mulf %r3, %mean_dot : f32
    %rs = vector.broadcast %r : f32 to vector<8xf32>
    %backs = vector.broadcast %back : f32 to vector<8xf32>
    scf.for %column = %c0 to %row_stride step %c8 {
      %at = arith.addi %row_at, %column : index
      %v = vector.load %x[%at] : memref<?xf32>, vector<8xf32>
      %w = vector.load %weight[%column] : memref<?xf32>, vector<8xf32>
      %d = vector.load %dy[%at] : memref<?xf32>, vector<8xf32>
      %g = arith.mulf %d, %w : vector<8xf32>
      %straight = arith.mulf %rs, %g : vector<8xf32>
      %bent = arith.mulf %v, %backs : vector<8xf32>
      %difference = arith.subf %straight, %bent : vector<8xf32>
      vector.store %difference, %dx[%at] : memref<?xf32>, vector<8xf32>
    }
  }
  return
}

// dweight = sum over tokens of dy * (x * factor), 32 columns at a time: sums of 64 tokens, added up in order. A thread
// has its columns to itself.
func.func private @rms_norm_weight_gradient(
    %x: memref<?xf32>, %dy: memref<?xf32>, %factors: memref<?xf32>, %dweight: memref<?xf32>,
    %count: index, %thread: index, %threads: index, %row_stride: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %zeros = arith.constant dense<0.0> : vector<32xf32>
  %pieces = arith.divui %row_stride, %c32 : index
  %begin, %end = func.call @range_of(%pieces, %thread, %threads) : (index, index, index) -> (index, index)
  scf.for %piece = %begin to %end step %c1 {
    %column = arith.muli %piece, %c32 : index
    %total = scf.for %first = %c0 to %count step %c64 iter_args(%before = %zeros) -> (vector<32xf32>) {
      %full = arith.addi %first, %c64 : index
      %last = arith.minui %full, %count : index
      %part = scf.for %token = %first to %last step %c1 iter_args(%acc = %zeros) -> (vector<32xf32>) {
        %row_at = arith.muli %token, %row_stride : index
        %at = arith.addi %row_at, %column : index
        %v = vector.load %x[%at] : memref<?xf32>, vector<32xf32>
        %d = vector.load %dy[%at] : memref<?xf32>, vector<32xf32>
        %factor = memref.load %factors[%token] : memref<?xf32>
        %rs = vector.broadcast %factor : f32 to vector<32xf32>
        %normal = arith.mulf %v, %rs : vector<32xf32>
        %term = arith.mulf %d, %normal : vector<32xf32>
        %next = arith.addf %acc, %term : vector<32xf32>
        scf.yield %next : vector<32xf32>
      }
      %sum = arith.addf %before, %part : vector<32xf32>
      scf.yield %sum : vector<32xf32>
    }
    vector.store %total, %dweight[%column] : memref<?xf32>, vector<32xf32>
  }
  return
}

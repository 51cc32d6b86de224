// Causal attention over the cache, of which append_cache has the layout: for every (token, head) blocks of 32 positions
// in order, with the running maximum, sum and output of an online softmax. Threads take the items by turns, for later
// tokens cost more; items of one head follow one another, so that its keys and values stay in the cache.
func.func private @attention(
    %q: memref<?xf32>, %positions: memref<?xi32>, %cache: memref<?xi8>, %y: memref<?xf32>,
    %sequences: index, %capacity: index, %count: index, %thread: index, %threads: index,
    %heads: index, %kv_heads: index, %head_size: index, %row_stride: index, %scale: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c32 = arith.constant 32 : index
  %zero = arith.constant 0.0 : f32
  %minus_infinity = arith.constant 0xFF800000 : f32
  %weights = memref.alloca() {alignment = 64 : i64} : memref<32xf32>

  %head_floats = arith.muli %capacity, %head_size : index
  %half_floats = arith.muli %kv_heads, %head_floats : index
  %sequence_floats = arith.muli %half_floats, %c2 : index
  %all_floats = arith.muli %sequence_floats, %sequences : index
  %floats = memref.view %cache[%c0][%all_floats] : memref<?xi8> to memref<?xf32>
  %tokens = arith.divui %count, %sequences : index
  %heads_per_kv = arith.divui %heads, %kv_heads : index
  %columns = arith.muli %heads, %head_size : index
  %items = arith.muli %heads, %count : index

  scf.for %item = %thread to %items step %threads {
    %head = arith.divui %item, %count : index
    %token = arith.remui %item, %count : index
    %row_at = arith.muli %token, %row_stride : index
    %in_row = arith.muli %head, %head_size : index
    %q_at = arith.addi %row_at, %in_row : index
    %sequence = arith.divui %token, %tokens : index
    %sequence_at = arith.muli %sequence, %sequence_floats : index
    %kv_head = arith.divui %head, %heads_per_kv : index
    %kv_offset = arith.muli %kv_head, %head_floats : index
    %keys_at = arith.addi %sequence_at, %kv_offset : index
    %values_at = arith.addi %keys_at, %half_floats : index
    %position32 = memref.load %positions[%token] : memref<?xi32>
    %position = arith.index_cast %position32 : i32 to index

    func.call @clear_head(%y, %q_at, %head_size) : (memref<?xf32>, index, index) -> ()
    %up_to = arith.addi %position, %c1 : index
    %max, %sum = scf.for %first = %c0 to %up_to step %c32
        iter_args(%max0 = %minus_infinity, %sum0 = %zero) -> (f32, f32) {
      %block_offset = arith.muli %first, %head_size : index
      %block_keys = arith.addi %keys_at, %block_offset : index
      %scores = func.call @scores_of_block(%q, %q_at, %floats, %block_keys, %head_size, %scale)
          : (memref<?xf32>, index, memref<?xf32>, index, index, f32) -> vector<32xf32>

      %left = arith.subi %up_to, %first : index
      %valid = arith.minui %left, %c32 : index
      %these, %max1, %f, %block_sum = func.call @softmax_of_block(%scores, %valid, %max0)
          : (vector<32xf32>, index, f32) -> (vector<32xf32>, f32, f32, f32)
      vector.store %these, %weights[%c0] : memref<32xf32>, vector<32xf32>
      %is_first = arith.cmpi eq, %first, %c0 : index
      %kept = arith.select %is_first, %zero, %f : f32
      %sum_kept = arith.mulf %sum0, %kept : f32
      %sum1 = arith.addf %sum_kept, %block_sum : f32

      %block_values = arith.addi %values_at, %block_offset : index
      func.call @mix_values(%y, %q_at, %kept, %floats, %block_values, %weights, %valid, %head_size)
          : (memref<?xf32>, index, f32, memref<?xf32>, index, memref<32xf32>, index, index) -> ()
      scf.yield %max1, %sum1 : f32, f32
    }
    func.call @finish_head(%y, %q_at, %head_size, %sum) : (memref<?xf32>, index, index, f32) -> ()
    %is_first_head = arith.cmpi eq, %head, %c0 : index
    scf.if %is_first_head {
      %padding_at = arith.addi %row_at, %columns : index
      %padding = arith.subi %row_stride, %columns : index
      func.call @clear_head(%y, %padding_at, %padding) : (memref<?xf32>, index, index) -> ()
    }
  }
  return
}

// y = y * kept + the sum over the first `valid` positions p, ascending, of weights[p] * value[p]. 64 channels at a time are
// eight sums in registers that do not wait for one another; what is left of a head goes by eights.
func.func private @mix_values(%y: memref<?xf32>, %y_at: index, %kept: f32, %floats: memref<?xf32>, %values_at: index,
                              %weights: memref<32xf32>, %valid: index, %head_size: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c64 = arith.constant 64 : index
  %rest = arith.remui %head_size, %c64 : index
  %wide = arith.subi %head_size, %rest : index
  %kept64 = vector.broadcast %kept : f32 to vector<64xf32>
  scf.for %d = %c0 to %wide step %c64 {
    %o_at = arith.addi %y_at, %d : index
    %o0 = vector.load %y[%o_at] : memref<?xf32>, vector<64xf32>
    %o1 = arith.mulf %o0, %kept64 : vector<64xf32>
    %column_at = arith.addi %values_at, %d : index
    %o = scf.for %p = %c0 to %valid step %c1 iter_args(%acc = %o1) -> (vector<64xf32>) {
      %value_offset = arith.muli %p, %head_size : index
      %value_at = arith.addi %column_at, %value_offset : index
      %value = vector.load %floats[%value_at] : memref<?xf32>, vector<64xf32>
      %weight = memref.load %weights[%p] : memref<32xf32>
      %ws = vector.broadcast %weight : f32 to vector<64xf32>
      %term = arith.mulf %ws, %value : vector<64xf32>
      %next = arith.addf %acc, %term : vector<64xf32>
      scf.yield %next : vector<64xf32>
    }
    vector.store %o, %y[%o_at] : memref<?xf32>, vector<64xf32>
  }
  %kept8 = vector.broadcast %kept : f32 to vector<8xf32>
  scf.for %d = %wide to %head_size step %c8 {
    %o_at = arith.addi %y_at, %d : index
    %o0 = vector.load %y[%o_at] : memref<?xf32>, vector<8xf32>
    %o1 = arith.mulf %o0, %kept8 : vector<8xf32>
    %column_at = arith.addi %values_at, %d : index
    %o = scf.for %p = %c0 to %valid step %c1 iter_args(%acc = %o1) -> (vector<8xf32>) {
      %value_offset = arith.muli %p, %head_size : index
      %value_at = arith.addi %column_at, %value_offset : index
      %value = vector.load %floats[%value_at] : memref<?xf32>, vector<8xf32>
      %weight = memref.load %weights[%p] : memref<32xf32>
      %ws = vector.broadcast %weight : f32 to vector<8xf32>
      %term = arith.mulf %ws, %value : vector<8xf32>
      %next = arith.addf %acc, %term : vector<8xf32>
      scf.yield %next : vector<8xf32>
    }
    vector.store %o, %y[%o_at] : memref<?xf32>, vector<8xf32>
  }
  return
}

// Zeros, as many as a multiple of 8.
func.func private @clear_head(%y: memref<?xf32>, %at: index, %size: index) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %zeros = arith.constant dense<0.0> : vector<8xf32>
  scf.for %d = %c0 to %size step %c8 {
    %y_at = arith.addi %at, %d : index
    vector.store %zeros, %y[%y_at] : memref<?xf32>, vector<8xf32>
  }
  return
}

// y / sum
func.func private @finish_head(%y: memref<?xf32>, %at: index, %head_size: index, %sum: f32) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %sums = vector.broadcast %sum : f32 to vector<8xf32>
  scf.for %d = %c0 to %head_size step %c8 {
    %y_at = arith.addi %at, %d : index
    %o = vector.load %y[%y_at] : memref<?xf32>, vector<8xf32>
    %normal = arith.divf %o, %sums : vector<8xf32>
    vector.store %normal, %y[%y_at] : memref<?xf32>, vector<8xf32>
  }
  return
}

// (sum over d ascending of q[d] * key[p][d]) * scale for the 32 positions p of a block.
func.func private @scores_of_block(%q: memref<?xf32>, %q_at: index, %keys: memref<?xf32>, %keys_at: index,
                                   %head_size: index, %scale: f32) -> vector<32xf32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %zeros = arith.constant dense<0.0> : vector<32xf32>
  %dots = scf.for %d = %c0 to %head_size step %c1 iter_args(%acc = %zeros) -> (vector<32xf32>) {
    %d_at = arith.addi %q_at, %d : index
    %q_d = memref.load %q[%d_at] : memref<?xf32>
    %qs = vector.broadcast %q_d : f32 to vector<32xf32>
    %offset = arith.muli %d, %c32 : index
    %at = arith.addi %keys_at, %offset : index
    %key = vector.load %keys[%at] : memref<?xf32>, vector<32xf32>
    %product = arith.mulf %qs, %key : vector<32xf32>
    %next = arith.addf %acc, %product : vector<32xf32>
    scf.yield %next : vector<32xf32>
  }
  %scales = vector.broadcast %scale : f32 to vector<32xf32>
  %scores = arith.mulf %dots, %scales : vector<32xf32>
  return %scores : vector<32xf32>
}

// The weights exp(score - maximum) of the first `valid` positions, zero for the others; the new maximum, exp(old - new)
// and the sum of the weights.
func.func private @softmax_of_block(%scores: vector<32xf32>, %valid: index, %max0: f32)
    -> (vector<32xf32>, f32, f32, f32) {
  %one = arith.constant 1.0 : f32
  %zeros = arith.constant dense<0.0> : vector<32xf32>
  %none = arith.constant dense<0xFF800000> : vector<32xf32>
  %is_valid = func.call @first_lanes(%valid) : (index) -> vector<32xi1>
  %masked = arith.select %is_valid, %scores, %none : vector<32xi1>, vector<32xf32>
  %block_max = func.call @max_of_32(%masked) : (vector<32xf32>) -> f32
  %is_larger = arith.cmpf ogt, %block_max, %max0 : f32
  %max = arith.select %is_larger, %block_max, %max0 : f32

  %maxs = vector.broadcast %max : f32 to vector<32xf32>
  %differences = arith.subf %masked, %maxs : vector<32xf32>
  %exps = func.call @exp_32(%differences) : (vector<32xf32>) -> vector<32xf32>
  %weights = arith.select %is_valid, %exps, %zeros : vector<32xi1>, vector<32xf32>
  %sum = func.call @sum_of_32(%weights) : (vector<32xf32>) -> f32

  // Most blocks change no maximum, and exp(0) is 1.
  %factor = scf.if %is_larger -> (f32) {
    %change = arith.subf %max0, %max : f32
    %changes = vector.broadcast %change : f32 to vector<32xf32>
    %factors = func.call @exp_32(%changes) : (vector<32xf32>) -> vector<32xf32>
    %first = vector.extract %factors[0] : f32 from vector<32xf32>
    scf.yield %first : f32
  } else {
    scf.yield %one : f32
  }
  return %weights, %max, %factor, %sum : vector<32xf32>, f32, f32, f32
}

// Whether a lane of 32 is among the first `valid`.
func.func private @first_lanes(%valid: index) -> vector<32xi1> {
  %lanes = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
                                 24, 25, 26, 27, 28, 29, 30, 31]> : vector<32xi32>
  %valid32 = arith.index_cast %valid : index to i32
  %valids = vector.broadcast %valid32 : i32 to vector<32xi32>
  %is_valid = arith.cmpi ult, %lanes, %valids : vector<32xi32>
  return %is_valid : vector<32xi1>
}

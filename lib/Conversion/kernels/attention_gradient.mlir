// The adjoint of attention over whole sequences. With scores s = scale * q k^T, weights p = softmax(s), dp = dy v^T and,
// for every query, D = sum(dy * y): ds = p * (dp - D), dq = scale * ds k, dk = scale * ds^T q, dv = p^T dy. Weights are
// made anew from the scores, 32 queries by 32 keys at a time: one kernel goes over blocks of queries, the other over
// blocks of keys, and either has one block to itself at a time. Block i goes together with the i-th from the end: every
// such pair is the same work.

// dq; and of every query and head its largest score, 1 / sum(exp(s - largest)) and D, to `statistics`.
func.func private @attention_query_gradient(
    %q: memref<?xf32>, %k: memref<?xf32>, %v: memref<?xf32>, %y: memref<?xf32>, %dy: memref<?xf32>,
    %dq: memref<?xf32>, %statistics: memref<?xf32>,
    %sequences: index, %count: index, %thread: index, %threads: index,
    %heads: index, %kv_heads: index, %head_size: index, %q_stride: index, %kv_stride: index, %statistics_stride: index,
    %scale: f32) {
  %no = arith.constant false
  %yes = arith.constant true
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c31 = arith.constant 31 : index
  %c32 = arith.constant 32 : index
  %zeros = arith.constant dense<0.0> : vector<32xf32>
  %ones = arith.constant dense<1.0> : vector<32xf32>
  %none = arith.constant dense<0xFF800000> : vector<32xf32>
  %scales = vector.broadcast %scale : f32 to vector<32xf32>
  %block_floats = arith.muli %head_size, %c32 : index
  // Of the block of queries: q and dy with the queries side by side, sums of ds k; then a value a query.
  %q_turned = memref.alloca(%block_floats) {alignment = 64} : memref<?xf32>
  %dy_turned = memref.alloca(%block_floats) {alignment = 64} : memref<?xf32>
  %sums = memref.alloca(%block_floats) {alignment = 64} : memref<?xf32>
  %factors = memref.alloca(%c32) {alignment = 64} : memref<?xf32>
  %ds_sums = memref.alloca(%c32) {alignment = 64} : memref<?xf32>
  // [key][query]: s, then ds; dp.
  %square = arith.muli %c32, %c32 : index
  %scores = memref.alloca(%square) {alignment = 64} : memref<?xf32>
  %products = memref.alloca(%square) {alignment = 64} : memref<?xf32>

  %group = arith.divui %heads, %kv_heads : index
  %length = arith.divui %count, %sequences : index
  %pairs = func.call @pairs_of_blocks(%length) : (index) -> index
  %all_heads = arith.muli %sequences, %heads : index
  %items = arith.muli %all_heads, %pairs : index
  %begin, %end = func.call @range_of(%items, %thread, %threads) : (index, index, index) -> (index, index)
  scf.for %item = %begin to %end step %c1 {
    %pair = arith.remui %item, %pairs : index
    %some_head = arith.divui %item, %pairs : index
    %head = arith.remui %some_head, %heads : index
    %sequence = arith.divui %some_head, %heads : index
    %kv_head = arith.divui %head, %group : index
    %first_row = arith.muli %sequence, %length : index
    %halves = func.call @blocks_of_pair(%length, %pair) : (index, index) -> index
    scf.for %half = %c0 to %halves step %c1 {
      %block = func.call @block_of_pair(%length, %pair, %half) : (index, index, index) -> index
      %queries = func.call @rows_of_block(%length, %block) : (index, index) -> index
      %block_row = arith.muli %block, %c32 : index
      %row = arith.addi %first_row, %block_row : index
      %at = func.call @address_of_head(%row, %q_stride, %head, %head_size) : (index, index, index, index) -> index
      func.call @turn_block(%q, %at, %q_stride, %queries, %head_size, %q_turned)
          : (memref<?xf32>, index, index, index, index, memref<?xf32>) -> ()
      func.call @turn_block(%dy, %at, %q_stride, %queries, %head_size, %dy_turned)
          : (memref<?xf32>, index, index, index, index, memref<?xf32>) -> ()
      func.call @dots_of_block(%dy, %y, %at, %q_stride, %queries, %head_size, %ds_sums)
          : (memref<?xf32>, memref<?xf32>, index, index, index, index, memref<?xf32>) -> ()
      %ds_sum = vector.load %ds_sums[%c0] : memref<?xf32>, vector<32xf32>
      func.call @clear(%sums, %block_floats) : (memref<?xf32>, index) -> ()

      %key_blocks = arith.addi %block, %c1 : index
      %max, %sum = scf.for %key_block = %c0 to %key_blocks step %c1
          iter_args(%max0 = %none, %sum0 = %zeros) -> (vector<32xf32>, vector<32xf32>) {
        %keys = func.call @rows_of_block(%length, %key_block) : (index, index) -> index
        %last_key = arith.subi %keys, %c1 : index
        %key_block_row = arith.muli %key_block, %c32 : index
        %key_row = arith.addi %first_row, %key_block_row : index
        %key_at = func.call @address_of_head(%key_row, %kv_stride, %kv_head, %head_size)
            : (index, index, index, index) -> index
        func.call @product(%k, %key_at, %kv_stride, %c1, %last_key, %q_turned, %c0, %c32, %scores, %c32, %no,
                           %c32, %c32, %head_size)
            : (memref<?xf32>, index, index, index, index, memref<?xf32>, index, index, memref<?xf32>, index, i1,
               index, index, index) -> ()
        func.call @product(%v, %key_at, %kv_stride, %c1, %last_key, %dy_turned, %c0, %c32, %products, %c32, %no,
                           %c32, %c32, %head_size)
            : (memref<?xf32>, index, index, index, index, memref<?xf32>, index, index, memref<?xf32>, index, i1,
               index, index, index) -> ()

        // How many positions the first query is ahead of the first key.
        %ahead = arith.subi %block_row, %key_block_row : index
        %max1 = scf.for %key = %c0 to %keys step %c1 iter_args(%before = %max0) -> (vector<32xf32>) {
          %key_at_scores = arith.muli %key, %c32 : index
          %s0 = vector.load %scores[%key_at_scores] : memref<?xf32>, vector<32xf32>
          %s1 = arith.mulf %s0, %scales : vector<32xf32>
          %is_visible = func.call @lanes_not_before(%key, %ahead) : (index, index) -> vector<32xi1>
          %s = arith.select %is_visible, %s1, %none : vector<32xi1>, vector<32xf32>
          vector.store %s, %scores[%key_at_scores] : memref<?xf32>, vector<32xf32>
          %is_larger = arith.cmpf ogt, %s, %before : vector<32xf32>
          %larger = arith.select %is_larger, %s, %before : vector<32xi1>, vector<32xf32>
          scf.yield %larger : vector<32xf32>
        }
        %change = arith.subf %max0, %max1 : vector<32xf32>
        %factor = func.call @exp_32(%change) : (vector<32xf32>) -> vector<32xf32>
        func.call @scale_rows(%sums, %head_size, %factor, %factors)
            : (memref<?xf32>, index, vector<32xf32>, memref<?xf32>) -> ()
        %kept = arith.mulf %sum0, %factor : vector<32xf32>
        %sum1 = scf.for %key = %c0 to %keys step %c1 iter_args(%before = %kept) -> (vector<32xf32>) {
          %key_at_scores = arith.muli %key, %c32 : index
          %s = vector.load %scores[%key_at_scores] : memref<?xf32>, vector<32xf32>
          %difference = arith.subf %s, %max1 : vector<32xf32>
          %e = func.call @exp_32(%difference) : (vector<32xf32>) -> vector<32xf32>
          %is_visible = func.call @lanes_not_before(%key, %ahead) : (index, index) -> vector<32xi1>
          %p = arith.select %is_visible, %e, %zeros : vector<32xi1>, vector<32xf32>
          %dp = vector.load %products[%key_at_scores] : memref<?xf32>, vector<32xf32>
          %slope = arith.subf %dp, %ds_sum : vector<32xf32>
          %ds = arith.mulf %p, %slope : vector<32xf32>
          vector.store %ds, %scores[%key_at_scores] : memref<?xf32>, vector<32xf32>
          %more = arith.addf %before, %p : vector<32xf32>
          scf.yield %more : vector<32xf32>
        }
        func.call @product(%scores, %c0, %c1, %c32, %c31, %k, %key_at, %kv_stride, %sums, %head_size, %yes,
                           %c32, %head_size, %keys)
            : (memref<?xf32>, index, index, index, index, memref<?xf32>, index, index, memref<?xf32>, index, i1,
               index, index, index) -> ()
        scf.yield %max1, %sum1 : vector<32xf32>, vector<32xf32>
      }

      %inverse = arith.divf %ones, %sum : vector<32xf32>
      %rest = arith.mulf %scales, %inverse : vector<32xf32>
      func.call @scale_rows(%sums, %head_size, %rest, %factors)
          : (memref<?xf32>, index, vector<32xf32>, memref<?xf32>) -> ()
      func.call @store_rows(%sums, %queries, %head_size, %dq, %at, %q_stride)
          : (memref<?xf32>, index, index, memref<?xf32>, index, index) -> ()
      %statistics_at = func.call @address_of_head(%row, %statistics_stride, %head, %c3)
          : (index, index, index, index) -> index
      %inverse_at = arith.addi %statistics_at, %c1 : index
      %ds_sum_at = arith.addi %statistics_at, %c2 : index
      func.call @spread(%max, %queries, %factors, %statistics, %statistics_at, %statistics_stride)
          : (vector<32xf32>, index, memref<?xf32>, memref<?xf32>, index, index) -> ()
      func.call @spread(%inverse, %queries, %factors, %statistics, %inverse_at, %statistics_stride)
          : (vector<32xf32>, index, memref<?xf32>, memref<?xf32>, index, index) -> ()
      func.call @spread(%ds_sum, %queries, %factors, %statistics, %ds_sum_at, %statistics_stride)
          : (vector<32xf32>, index, memref<?xf32>, memref<?xf32>, index, index) -> ()
      func.call @clear_padding(%dq, %row, %queries, %head, %heads, %head_size, %q_stride)
          : (memref<?xf32>, index, index, index, index, index, index) -> ()
    }
  }
  return
}

// dk and dv, sums over all heads that read them, with the statistics of the queries.
func.func private @attention_key_gradient(
    %q: memref<?xf32>, %k: memref<?xf32>, %v: memref<?xf32>, %dy: memref<?xf32>, %statistics: memref<?xf32>,
    %dk: memref<?xf32>, %dv: memref<?xf32>,
    %sequences: index, %count: index, %thread: index, %threads: index,
    %heads: index, %kv_heads: index, %head_size: index, %q_stride: index, %kv_stride: index, %statistics_stride: index,
    %scale: f32) {
  %no = arith.constant false
  %yes = arith.constant true
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c31 = arith.constant 31 : index
  %c32 = arith.constant 32 : index
  %zeros = arith.constant dense<0.0> : vector<32xf32>
  %scales = vector.broadcast %scale : f32 to vector<32xf32>
  %block_floats = arith.muli %head_size, %c32 : index
  // Of the block of keys: k and v with the keys side by side, sums of ds^T q and of p^T dy; then a value a key.
  %k_turned = memref.alloca(%block_floats) {alignment = 64} : memref<?xf32>
  %v_turned = memref.alloca(%block_floats) {alignment = 64} : memref<?xf32>
  %k_sums = memref.alloca(%block_floats) {alignment = 64} : memref<?xf32>
  %v_sums = memref.alloca(%block_floats) {alignment = 64} : memref<?xf32>
  %factors = memref.alloca(%c32) {alignment = 64} : memref<?xf32>
  // [query][key]: s, then p; dp, then ds.
  %square = arith.muli %c32, %c32 : index
  %scores = memref.alloca(%square) {alignment = 64} : memref<?xf32>
  %products = memref.alloca(%square) {alignment = 64} : memref<?xf32>

  %group = arith.divui %heads, %kv_heads : index
  %length = arith.divui %count, %sequences : index
  %pairs = func.call @pairs_of_blocks(%length) : (index) -> index
  %blocks = arith.ceildivui %length, %c32 : index
  %all_heads = arith.muli %sequences, %kv_heads : index
  %items = arith.muli %all_heads, %pairs : index
  %begin, %end = func.call @range_of(%items, %thread, %threads) : (index, index, index) -> (index, index)
  scf.for %item = %begin to %end step %c1 {
    %pair = arith.remui %item, %pairs : index
    %some_head = arith.divui %item, %pairs : index
    %kv_head = arith.remui %some_head, %kv_heads : index
    %sequence = arith.divui %some_head, %kv_heads : index
    %first_head = arith.muli %kv_head, %group : index
    %end_head = arith.addi %first_head, %group : index
    %first_row = arith.muli %sequence, %length : index
    %halves = func.call @blocks_of_pair(%length, %pair) : (index, index) -> index
    scf.for %half = %c0 to %halves step %c1 {
      %block = func.call @block_of_pair(%length, %pair, %half) : (index, index, index) -> index
      %keys = func.call @rows_of_block(%length, %block) : (index, index) -> index
      %block_row = arith.muli %block, %c32 : index
      %row = arith.addi %first_row, %block_row : index
      %at = func.call @address_of_head(%row, %kv_stride, %kv_head, %head_size) : (index, index, index, index) -> index
      func.call @turn_block(%k, %at, %kv_stride, %keys, %head_size, %k_turned)
          : (memref<?xf32>, index, index, index, index, memref<?xf32>) -> ()
      func.call @turn_block(%v, %at, %kv_stride, %keys, %head_size, %v_turned)
          : (memref<?xf32>, index, index, index, index, memref<?xf32>) -> ()
      func.call @clear(%k_sums, %block_floats) : (memref<?xf32>, index) -> ()
      func.call @clear(%v_sums, %block_floats) : (memref<?xf32>, index) -> ()

      scf.for %head = %first_head to %end_head step %c1 {
        scf.for %query_block = %block to %blocks step %c1 {
          %queries = func.call @rows_of_block(%length, %query_block) : (index, index) -> index
          %last_query = arith.subi %queries, %c1 : index
          %query_block_row = arith.muli %query_block, %c32 : index
          %query_row = arith.addi %first_row, %query_block_row : index
          %query_at = func.call @address_of_head(%query_row, %q_stride, %head, %head_size)
              : (index, index, index, index) -> index
          func.call @product(%q, %query_at, %q_stride, %c1, %last_query, %k_turned, %c0, %c32, %scores, %c32, %no,
                             %c32, %c32, %head_size)
              : (memref<?xf32>, index, index, index, index, memref<?xf32>, index, index, memref<?xf32>, index, i1,
                 index, index, index) -> ()
          func.call @product(%dy, %query_at, %q_stride, %c1, %last_query, %v_turned, %c0, %c32, %products, %c32, %no,
                             %c32, %c32, %head_size)
              : (memref<?xf32>, index, index, index, index, memref<?xf32>, index, index, memref<?xf32>, index, i1,
                 index, index, index) -> ()

          %statistics_at = func.call @address_of_head(%query_row, %statistics_stride, %head, %c3)
              : (index, index, index, index) -> index
          %ahead = arith.subi %query_block_row, %block_row : index
          scf.for %query = %c0 to %queries step %c1 {
            %max_offset = arith.muli %query, %statistics_stride : index
            %max_at = arith.addi %statistics_at, %max_offset : index
            %inverse_at = arith.addi %max_at, %c1 : index
            %ds_sum_at = arith.addi %max_at, %c2 : index
            %max = memref.load %statistics[%max_at] : memref<?xf32>
            %inverse = memref.load %statistics[%inverse_at] : memref<?xf32>
            %ds_sum = memref.load %statistics[%ds_sum_at] : memref<?xf32>
            %query_at_scores = arith.muli %query, %c32 : index
            %s0 = vector.load %scores[%query_at_scores] : memref<?xf32>, vector<32xf32>
            %s = arith.mulf %s0, %scales : vector<32xf32>
            %maxs = vector.broadcast %max : f32 to vector<32xf32>
            %difference = arith.subf %s, %maxs : vector<32xf32>
            %e = func.call @exp_32(%difference) : (vector<32xf32>) -> vector<32xf32>
            %inverses = vector.broadcast %inverse : f32 to vector<32xf32>
            %p0 = arith.mulf %e, %inverses : vector<32xf32>
            %position = arith.addi %query, %ahead : index
            %is_visible = func.call @lanes_not_after(%position) : (index) -> vector<32xi1>
            %p = arith.select %is_visible, %p0, %zeros : vector<32xi1>, vector<32xf32>
            vector.store %p, %scores[%query_at_scores] : memref<?xf32>, vector<32xf32>
            %dp = vector.load %products[%query_at_scores] : memref<?xf32>, vector<32xf32>
            %ds_sums = vector.broadcast %ds_sum : f32 to vector<32xf32>
            %slope = arith.subf %dp, %ds_sums : vector<32xf32>
            %ds = arith.mulf %p, %slope : vector<32xf32>
            vector.store %ds, %products[%query_at_scores] : memref<?xf32>, vector<32xf32>
          }
          func.call @product(%scores, %c0, %c1, %c32, %c31, %dy, %query_at, %q_stride, %v_sums, %head_size, %yes,
                             %c32, %head_size, %queries)
              : (memref<?xf32>, index, index, index, index, memref<?xf32>, index, index, memref<?xf32>, index, i1,
                 index, index, index) -> ()
          func.call @product(%products, %c0, %c1, %c32, %c31, %q, %query_at, %q_stride, %k_sums, %head_size, %yes,
                             %c32, %head_size, %queries)
              : (memref<?xf32>, index, index, index, index, memref<?xf32>, index, index, memref<?xf32>, index, i1,
                 index, index, index) -> ()
        }
      }

      func.call @scale_rows(%k_sums, %head_size, %scales, %factors)
          : (memref<?xf32>, index, vector<32xf32>, memref<?xf32>) -> ()
      func.call @store_rows(%k_sums, %keys, %head_size, %dk, %at, %kv_stride)
          : (memref<?xf32>, index, index, memref<?xf32>, index, index) -> ()
      func.call @store_rows(%v_sums, %keys, %head_size, %dv, %at, %kv_stride)
          : (memref<?xf32>, index, index, memref<?xf32>, index, index) -> ()
      func.call @clear_padding(%dk, %row, %keys, %kv_head, %kv_heads, %head_size, %kv_stride)
          : (memref<?xf32>, index, index, index, index, index, index) -> ()
      func.call @clear_padding(%dv, %row, %keys, %kv_head, %kv_heads, %head_size, %kv_stride)
          : (memref<?xf32>, index, index, index, index, index, index) -> ()
    }
  }
  return
}

// Pairs that the blocks of a sequence make: one from either end; the middle one may be alone.
func.func private @pairs_of_blocks(%length: index) -> index {
  %c64 = arith.constant 64 : index
  %pairs = arith.ceildivui %length, %c64 : index
  return %pairs : index
}

func.func private @blocks_of_pair(%length: index, %pair: index) -> index {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %last = func.call @block_of_pair(%length, %pair, %c1) : (index, index, index) -> index
  %is_alone = arith.cmpi eq, %last, %pair : index
  %blocks = arith.select %is_alone, %c1, %c2 : index
  return %blocks : index
}

// The first (half 0) or the second block of a pair.
func.func private @block_of_pair(%length: index, %pair: index, %half: index) -> index {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %blocks = arith.ceildivui %length, %c32 : index
  %from_end = arith.addi %pair, %c1 : index
  %second = arith.subi %blocks, %from_end : index
  %is_first = arith.cmpi eq, %half, %c0 : index
  %block = arith.select %is_first, %pair, %second : index
  return %block : index
}

// Rows of a block: 32, but for the last one of a sequence.
func.func private @rows_of_block(%length: index, %block: index) -> index {
  %c32 = arith.constant 32 : index
  %before = arith.muli %block, %c32 : index
  %left = arith.subi %length, %before : index
  %rows = arith.minui %left, %c32 : index
  return %rows : index
}

// row * stride + head * size
func.func private @address_of_head(%row: index, %stride: index, %head: index, %size: index) -> index {
  %row_at = arith.muli %row, %stride : index
  %in_row = arith.muli %head, %size : index
  %at = arith.addi %row_at, %in_row : index
  return %at : index
}

// Lane l, a query, is `ahead` + l positions behind the first key: whether it is not before `key`.
func.func private @lanes_not_before(%key: index, %ahead: index) -> vector<32xi1> {
  %first = arith.subi %key, %ahead : index
  %first32 = arith.index_cast %first : index to i32
  %firsts = vector.broadcast %first32 : i32 to vector<32xi32>
  %lanes = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
                                 24, 25, 26, 27, 28, 29, 30, 31]> : vector<32xi32>
  %result = arith.cmpi sge, %lanes, %firsts : vector<32xi32>
  return %result : vector<32xi1>
}

// Whether lane l, a key, is not after `position`.
func.func private @lanes_not_after(%position: index) -> vector<32xi1> {
  %last32 = arith.index_cast %position : index to i32
  %lasts = vector.broadcast %last32 : i32 to vector<32xi32>
  %lanes = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
                                 24, 25, 26, 27, 28, 29, 30, 31]> : vector<32xi32>
  %result = arith.cmpi sle, %lanes, %lasts : vector<32xi32>
  return %result : vector<32xi1>
}

// out[d][i] = x[at + i * stride + d] for `rows` rows i and `columns` columns d; zero for the rest of 32 rows.
func.func private @turn_block(%x: memref<?xf32>, %at: index, %stride: index, %rows: index, %columns: index,
                              %out: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %floats = arith.muli %columns, %c32 : index
  func.call @clear(%out, %floats) : (memref<?xf32>, index) -> ()
  scf.for %i = %c0 to %rows step %c1 {
    %row_offset = arith.muli %i, %stride : index
    %row_at = arith.addi %at, %row_offset : index
    scf.for %d = %c0 to %columns step %c1 {
      %from = arith.addi %row_at, %d : index
      %value = memref.load %x[%from] : memref<?xf32>
      %column_at = arith.muli %d, %c32 : index
      %to = arith.addi %column_at, %i : index
      memref.store %value, %out[%to] : memref<?xf32>
    }
  }
  return
}

// out[i] = sum over d of a[at + i * stride + d] * b[the same] for `rows` rows, zero for the rest of 32: lane l of 8 sums
// the products of d = 8i + l.
func.func private @dots_of_block(%a: memref<?xf32>, %b: memref<?xf32>, %at: index, %stride: index, %rows: index,
                                 %columns: index, %out: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c32 = arith.constant 32 : index
  %zeros = arith.constant dense<0.0> : vector<8xf32>
  func.call @clear(%out, %c32) : (memref<?xf32>, index) -> ()
  scf.for %i = %c0 to %rows step %c1 {
    %row_offset = arith.muli %i, %stride : index
    %row_at = arith.addi %at, %row_offset : index
    %lanes = scf.for %d = %c0 to %columns step %c8 iter_args(%acc = %zeros) -> (vector<8xf32>) {
      %from = arith.addi %row_at, %d : index
      %va = vector.load %a[%from] : memref<?xf32>, vector<8xf32>
      %vb = vector.load %b[%from] : memref<?xf32>, vector<8xf32>
      %product = arith.mulf %va, %vb : vector<8xf32>
      %next = arith.addf %acc, %product : vector<8xf32>
      scf.yield %next : vector<8xf32>
    }
    %sum = func.call @sum_of_8(%lanes) : (vector<8xf32>) -> f32
    memref.store %sum, %out[%i] : memref<?xf32>
  }
  return
}

func.func private @clear(%x: memref<?xf32>, %floats: index) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %zeros = arith.constant dense<0.0> : vector<8xf32>
  scf.for %i = %c0 to %floats step %c8 {
    vector.store %zeros, %x[%i] : memref<?xf32>, vector<8xf32>
  }
  return
}

// Row i of x, 32 in all, times factor i; `room` is for 32 values.
func.func private @scale_rows(%x: memref<?xf32>, %columns: index, %factor: vector<32xf32>, %room: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c32 = arith.constant 32 : index
  vector.store %factor, %room[%c0] : memref<?xf32>, vector<32xf32>
  scf.for %i = %c0 to %c32 step %c1 {
    %value = memref.load %room[%i] : memref<?xf32>
    %values = vector.broadcast %value : f32 to vector<8xf32>
    %row_at = arith.muli %i, %columns : index
    scf.for %d = %c0 to %columns step %c8 {
      %at = arith.addi %row_at, %d : index
      %before = vector.load %x[%at] : memref<?xf32>, vector<8xf32>
      %after = arith.mulf %before, %values : vector<8xf32>
      vector.store %after, %x[%at] : memref<?xf32>, vector<8xf32>
    }
  }
  return
}

// Copies `rows` rows to rows that are `stride` floats apart.
func.func private @store_rows(%x: memref<?xf32>, %rows: index, %columns: index, %y: memref<?xf32>, %at: index,
                              %stride: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  scf.for %i = %c0 to %rows step %c1 {
    %from_row = arith.muli %i, %columns : index
    %to_offset = arith.muli %i, %stride : index
    %to_row = arith.addi %at, %to_offset : index
    scf.for %d = %c0 to %columns step %c8 {
      %from = arith.addi %from_row, %d : index
      %to = arith.addi %to_row, %d : index
      %v = vector.load %x[%from] : memref<?xf32>, vector<8xf32>
      vector.store %v, %y[%to] : memref<?xf32>, vector<8xf32>
    }
  }
  return
}

// y[at + i * stride] = values[i] for `rows` of them; `room` is for 32 values.
func.func private @spread(%values: vector<32xf32>, %rows: index, %room: memref<?xf32>, %y: memref<?xf32>, %at: index,
                          %stride: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  vector.store %values, %room[%c0] : memref<?xf32>, vector<32xf32>
  scf.for %i = %c0 to %rows step %c1 {
    %offset = arith.muli %i, %stride : index
    %to = arith.addi %at, %offset : index
    %value = memref.load %room[%i] : memref<?xf32>
    memref.store %value, %y[%to] : memref<?xf32>
  }
  return
}

// Zeros what is behind the heads in rows [row, row + rows), for the first head.
func.func private @clear_padding(%y: memref<?xf32>, %row: index, %rows: index, %head: index, %heads: index,
                                 %head_size: index, %stride: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zeros = arith.constant dense<0.0> : vector<8xf32>
  %columns = arith.muli %heads, %head_size : index
  %is_first = arith.cmpi eq, %head, %c0 : index
  scf.if %is_first {
    scf.for %i = %c0 to %rows step %c1 {
      %this_row = arith.addi %row, %i : index
      %row_at = arith.muli %this_row, %stride : index
      scf.for %column = %columns to %stride step %c8 {
        %at = arith.addi %row_at, %column : index
        vector.store %zeros, %y[%at] : memref<?xf32>, vector<8xf32>
      }
    }
  }
  return
}

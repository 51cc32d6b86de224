// Causal attention over a coded cache, of which coded_heads has the layout; otherwise as attention over floats. Codes
// are never widened to floats: a query and the weights of a block become 16-bit numbers with a unit of their own, and
// sums of products of whole numbers are exact. Four such numbers, which meet four bytes of the cache, are two words,
// whose products are summed up apart: how is for the instruction set to say.
func.func private @attention_coded(
    %q: memref<?xf32>, %positions: memref<?xi32>, %cache: memref<?xi8>, %y: memref<?xf32>,
    %sequences: index, %capacity: index, %count: index, %thread: index, %threads: index,
    // Sizes: runs of `rotation` channels of queries are rotated, as those of the keys were.
    %heads: index, %kv_heads: index, %head_size: index, %row_stride: index, %scale: f32, %row_bytes: index,
    %is_int4: i1, %rotation: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %c128 = arith.constant 128 : index
  %zero = arith.constant 0.0 : f32
  %minus_infinity = arith.constant 0xFF800000 : f32
  %x = memref.alloca() {alignment = 64 : i64} : memref<256xf32>
  // Of every head at hand, up to 8: its query; the scores of a block, then their weights; and numbers.
  %query_words = memref.alloca() {alignment = 64 : i64} : memref<1024xi32>
  %scores = memref.alloca() {alignment = 64 : i64} : memref<256xf32>
  %weight_words = memref.alloca() {alignment = 64 : i64} : memref<128xi32>
  %query_scales = memref.alloca() : memref<8xf32>
  %query_sums = memref.alloca() : memref<8xi32>
  %maxs = memref.alloca() : memref<8xf32>
  %sums = memref.alloca() : memref<8xf32>
  %kepts = memref.alloca() : memref<8xf32>
  %units = memref.alloca() : memref<8xf32>
  %lows = memref.alloca() : memref<8xf32>

  %block_bytes, %head_bytes, %sequence_bytes = func.call @coded_sizes(%kv_heads, %capacity, %row_bytes)
      : (index, index, index) -> (index, index, index)
  %halves = func.call @coded_halves(%cache, %sequence_bytes, %sequences) : (memref<?xi8>, index, index) -> memref<?xf16>
  %tokens = arith.divui %count, %sequences : index
  %heads_per_kv = arith.divui %heads, %kv_heads : index
  %columns = arith.muli %heads, %head_size : index
  %together = func.call @heads_together(%heads_per_kv, %kv_heads, %count, %threads) : (index, index, index, index) -> index
  %tiles_per_kv = arith.ceildivui %heads_per_kv, %together : index
  %tiles = arith.muli %kv_heads, %tiles_per_kv : index
  %items = arith.muli %tiles, %count : index

  scf.for %item = %thread to %items step %threads {
    %tile = arith.divui %item, %count : index
    %token = arith.remui %item, %count : index
    %kv_head = arith.divui %tile, %tiles_per_kv : index
    %tile_of_kv = arith.remui %tile, %tiles_per_kv : index
    %heads_before = arith.muli %tile_of_kv, %together : index
    %heads_left = arith.subi %heads_per_kv, %heads_before : index
    %size = arith.minui %heads_left, %together : index
    %kv_first = arith.muli %kv_head, %heads_per_kv : index
    %first_head = arith.addi %kv_first, %heads_before : index
    %row_at = arith.muli %token, %row_stride : index
    %in_row = arith.muli %first_head, %head_size : index
    %q_at = arith.addi %row_at, %in_row : index
    %sequence = arith.divui %token, %tokens : index
    %sequence_at = arith.muli %sequence, %sequence_bytes : index
    %kv_offset = arith.muli %kv_head, %head_bytes : index
    %blocks_at = arith.addi %sequence_at, %kv_offset : index
    %position32 = memref.load %positions[%token] : memref<?xi32>
    %position = arith.index_cast %position32 : i32 to index

    scf.for %h = %c0 to %size step %c1 {
      %offset = arith.muli %h, %head_size : index
      %at = arith.addi %q_at, %offset : index
      %words_at = arith.muli %h, %c128 : index
      %unit, %query_sum = func.call @code_query(%q, %at, %head_size, %rotation, %is_int4, %x, %query_words, %words_at)
          : (memref<?xf32>, index, index, index, i1, memref<256xf32>, memref<1024xi32>, index) -> (f32, i32)
      %query_scale = arith.mulf %unit, %scale : f32
      memref.store %query_scale, %query_scales[%h] : memref<8xf32>
      memref.store %query_sum, %query_sums[%h] : memref<8xi32>
      memref.store %minus_infinity, %maxs[%h] : memref<8xf32>
      memref.store %zero, %sums[%h] : memref<8xf32>
    }
    %floats = arith.muli %size, %head_size : index
    func.call @clear_head(%y, %q_at, %floats) : (memref<?xf32>, index, index) -> ()

    %up_to = arith.addi %position, %c1 : index
    scf.for %first = %c0 to %up_to step %c32 {
      %block = arith.divui %first, %c32 : index
      %block_offset = arith.muli %block, %block_bytes : index
      %keys_at = arith.addi %blocks_at, %block_offset : index
      %left = arith.subi %up_to, %first : index
      %valid = arith.minui %left, %c32 : index
      %is_first = arith.cmpi eq, %first, %c0 : index
      func.call @take_block(%cache, %keys_at, %halves, %row_bytes, %is_int4, %valid, %is_first, %size, %query_words,
                            %query_sums, %query_scales, %scores, %weight_words, %maxs, %sums, %kepts, %units, %lows, %y,
                            %q_at, %head_size)
          : (memref<?xi8>, index, memref<?xf16>, index, i1, index, i1, index, memref<1024xi32>, memref<8xi32>,
             memref<8xf32>, memref<256xf32>, memref<128xi32>, memref<8xf32>, memref<8xf32>, memref<8xf32>,
             memref<8xf32>, memref<8xf32>, memref<?xf32>, index, index) -> ()
    }
    scf.for %h = %c0 to %size step %c1 {
      %sum = memref.load %sums[%h] : memref<8xf32>
      %offset = arith.muli %h, %head_size : index
      %at = arith.addi %q_at, %offset : index
      func.call @finish_head(%y, %at, %head_size, %sum) : (memref<?xf32>, index, index, f32) -> ()
    }
    %is_first_head = arith.cmpi eq, %first_head, %c0 : index
    scf.if %is_first_head {
      %padding_at = arith.addi %row_at, %columns : index
      %padding = arith.subi %row_stride, %columns : index
      func.call @clear_head(%y, %padding_at, %padding) : (memref<?xf32>, index, index) -> ()
    }
  }
  return
}

// A block of 32 positions, of which the first `valid` count, for `size` heads. A step is done for all heads before the
// next one: heads do not wait for one another, so their chains of instructions overlap.
func.func private @take_block(
    %cache: memref<?xi8>, %keys_at: index, %halves: memref<?xf16>, %row_bytes: index, %is_int4: i1, %valid: index,
    %is_first: i1, %size: index, %query_words: memref<1024xi32>, %query_sums: memref<8xi32>,
    %query_scales: memref<8xf32>, %scores: memref<256xf32>, %weight_words: memref<128xi32>, %maxs: memref<8xf32>,
    %sums: memref<8xf32>, %kepts: memref<8xf32>, %units: memref<8xf32>, %lows: memref<8xf32>, %y: memref<?xf32>,
    %q_at: index, %head_size: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c32 = arith.constant 32 : index
  %c128 = arith.constant 128 : index
  %zero = arith.constant 0.0 : f32
  %part_bytes = arith.muli %row_bytes, %c32 : index
  %key_scales_at = arith.addi %keys_at, %part_bytes : index
  %values_at = arith.addi %key_scales_at, %c128 : index
  %value_scales_at = arith.addi %values_at, %part_bytes : index
  %next_block = arith.addi %value_scales_at, %c128 : index
  // Scores.
  scf.for %h = %c0 to %size step %c1 {
    %words_at = arith.muli %h, %c128 : index
    %dots = func.call @coded_dots(%cache, %keys_at, %row_bytes, %is_int4, %query_words, %words_at)
        : (memref<?xi8>, index, index, i1, memref<1024xi32>, index) -> vector<32xi32>
    %query_sum = memref.load %query_sums[%h] : memref<8xi32>
    %query_scale = memref.load %query_scales[%h] : memref<8xf32>
    %these = func.call @coded_scores(%dots, %query_sum, %query_scale, %halves, %key_scales_at)
        : (vector<32xi32>, i32, f32, memref<?xf16>, index) -> vector<32xf32>
    %scores_at = arith.muli %h, %c32 : index
    vector.store %these, %scores[%scores_at] : memref<256xf32>, vector<32xf32>
  }
  // Weights, and what is left of the sums before.
  scf.for %h = %c0 to %size step %c1 {
    %scores_at = arith.muli %h, %c32 : index
    %these = vector.load %scores[%scores_at] : memref<256xf32>, vector<32xf32>
    %max0 = memref.load %maxs[%h] : memref<8xf32>
    %sum0 = memref.load %sums[%h] : memref<8xf32>
    %weights, %max, %factor, %block_sum = func.call @softmax_of_block(%these, %valid, %max0)
        : (vector<32xf32>, index, f32) -> (vector<32xf32>, f32, f32, f32)
    %kept = arith.select %is_first, %zero, %factor : f32
    %sum_kept = arith.mulf %sum0, %kept : f32
    %sum = arith.addf %sum_kept, %block_sum : f32
    memref.store %max, %maxs[%h] : memref<8xf32>
    memref.store %sum, %sums[%h] : memref<8xf32>
    memref.store %kept, %kepts[%h] : memref<8xf32>
    vector.store %weights, %scores[%scores_at] : memref<256xf32>, vector<32xf32>
  }
  // Weights times the scales of values, as whole numbers.
  scf.for %h = %c0 to %size step %c1 {
    %weights_at = arith.muli %h, %c32 : index
    %weights = vector.load %scores[%weights_at] : memref<256xf32>, vector<32xf32>
    %weighed, %low = func.call @weigh_values(%weights, %valid, %halves, %value_scales_at)
        : (vector<32xf32>, index, memref<?xf16>, index) -> (vector<32xf32>, f32)
    %unit = func.call @code_weights(%weighed, %weight_words, %h) : (vector<32xf32>, memref<128xi32>, index) -> f32
    memref.store %unit, %units[%h] : memref<8xf32>
    memref.store %low, %lows[%h] : memref<8xf32>
  }
  // Outputs.
  scf.for %h = %c0 to %size step %c1 {
    %kept = memref.load %kepts[%h] : memref<8xf32>
    %unit = memref.load %units[%h] : memref<8xf32>
    %low = memref.load %lows[%h] : memref<8xf32>
    %offset = arith.muli %h, %head_size : index
    %at = arith.addi %q_at, %offset : index
    func.call @add_block(%y, %at, %head_size, %kept, %cache, %values_at, %next_block, %row_bytes, %is_int4, %weight_words, %h,
                         %unit, %low)
        : (memref<?xf32>, index, index, f32, memref<?xi8>, index, index, index, i1, memref<128xi32>, index, f32, f32) -> ()
  }
  return
}

// How many heads that read the same keys are taken at once: all, or as many equal parts as are of 8 at most, where that
// makes 8 items for every thread, so that none has much more to do than another; else one.
func.func private @heads_together(%heads_per_kv: index, %kv_heads: index, %count: index, %threads: index) -> index {
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %tiles_per_kv = arith.ceildivui %heads_per_kv, %c8 : index
  %most = arith.ceildivui %heads_per_kv, %tiles_per_kv : index
  %tiles = arith.muli %kv_heads, %tiles_per_kv : index
  %items = arith.muli %tiles, %count : index
  %many = arith.muli %threads, %c8 : index
  %is_many = arith.cmpi uge, %items, %many : index
  %is_one = arith.cmpi eq, %threads, %c1 : index
  %is_fair = arith.ori %is_many, %is_one : i1
  %together = arith.select %is_fair, %most, %c1 : index
  return %together : index
}

// Codes a rotated query in 16 bits; returns its unit and the sum of its codes.
func.func private @code_query(%q: memref<?xf32>, %at: index, %head_size: index, %rotation: index, %is_int4: i1,
                              %x: memref<256xf32>, %words: memref<1024xi32>, %words_at: index) -> (f32, i32) {
  %c0 = arith.constant 0 : index
  %c2 = arith.constant 2 : index
  %c15 = arith.constant 15 : index
  %c16 = arith.constant 16 : index
  %one = arith.constant 1.0 : f32
  %zeros = arith.constant dense<0.0> : vector<16xf32>
  %none = arith.constant dense<0> : vector<16xi32>
  func.call @copy_head(%q, %at, %head_size, %one, %x) : (memref<?xf32>, index, index, f32, memref<256xf32>) -> ()
  func.call @rotate_head(%x, %head_size, %rotation) : (memref<256xf32>, index, index) -> ()
  %up_to_fifteen = arith.addi %head_size, %c15 : index
  %sixteens = arith.divui %up_to_fifteen, %c16 : index
  %size = arith.muli %sixteens, %c16 : index
  %sizes = scf.for %i = %c0 to %size step %c16 iter_args(%largest0 = %zeros) -> (vector<16xf32>) {
    %values = vector.load %x[%i] : memref<256xf32>, vector<16xf32>
    %largest1 = func.call @larger_size(%largest0, %values) : (vector<16xf32>, vector<16xf32>) -> vector<16xf32>
    scf.yield %largest1 : vector<16xf32>
  }
  %unit = func.call @unit_of_codes(%sizes) : (vector<16xf32>) -> f32
  %sums = scf.for %i = %c0 to %size step %c16 iter_args(%sums0 = %none) -> (vector<16xi32>) {
    %values = vector.load %x[%i] : memref<256xf32>, vector<16xf32>
    %codes = func.call @codes_of_16(%values, %unit) : (vector<16xf32>, f32) -> vector<16xi32>
    %offset = arith.divui %i, %c2 : index
    %to = arith.addi %words_at, %offset : index
    %ordered = func.call @words_of_codes(%codes, %is_int4) : (vector<16xi32>, i1) -> vector<8xi32>
    vector.store %ordered, %words[%to] : memref<1024xi32>, vector<8xi32>
    %sums1 = arith.addi %sums0, %codes : vector<16xi32>
    scf.yield %sums1 : vector<16xi32>
  }
  %sum = vector.reduction <add>, %sums : vector<16xi32> into i32
  return %unit, %sum : f32, i32
}

// Codes the 32 numbers that the values of a block count with in 16 bits, for head h; returns their unit.
func.func private @code_weights(%x: vector<32xf32>, %words: memref<128xi32>, %h: index) -> f32 {
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %false = arith.constant false
  %zeros = arith.constant dense<0.0> : vector<16xf32>
  %low = vector.extract_strided_slice %x {offsets = [0], sizes = [16], strides = [1]} : vector<32xf32> to vector<16xf32>
  %high = vector.extract_strided_slice %x {offsets = [16], sizes = [16], strides = [1]} : vector<32xf32> to vector<16xf32>
  %largest = func.call @larger_size(%zeros, %low) : (vector<16xf32>, vector<16xf32>) -> vector<16xf32>
  %sizes = func.call @larger_size(%largest, %high) : (vector<16xf32>, vector<16xf32>) -> vector<16xf32>
  %unit = func.call @unit_of_codes(%sizes) : (vector<16xf32>) -> f32
  %low_codes = func.call @codes_of_16(%low, %unit) : (vector<16xf32>, f32) -> vector<16xi32>
  %high_codes = func.call @codes_of_16(%high, %unit) : (vector<16xf32>, f32) -> vector<16xi32>
  %low_words = func.call @words_of_codes(%low_codes, %false) : (vector<16xi32>, i1) -> vector<8xi32>
  %high_words = func.call @words_of_codes(%high_codes, %false) : (vector<16xi32>, i1) -> vector<8xi32>
  %at = arith.muli %h, %c16 : index
  %next = arith.addi %at, %c8 : index
  vector.store %low_words, %words[%at] : memref<128xi32>, vector<8xi32>
  vector.store %high_words, %words[%next] : memref<128xi32>, vector<8xi32>
  return %unit : f32
}

// y = y * kept + the sum over a block's positions of what its values, coded, count with. The machine does not foresee that
// the keys of the next block follow, which is at `next_block`; the first head asks for them. Past the end it does no harm.
func.func private @add_block(%y: memref<?xf32>, %at: index, %head_size: index, %kept: f32, %cache: memref<?xi8>,
                             %values_at: index, %next_block: index, %row_bytes: index, %is_int4: i1,
                             %weight_words: memref<128xi32>, %h: index, %unit: f32, %low: f32) {
  %c0 = arith.constant 0 : index
  %c8 = arith.constant 8 : index
  %c16 = arith.constant 16 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %c512 = arith.constant 512 : index
  %words_at = arith.muli %h, %c16 : index
  %is_first_head = arith.cmpi eq, %h, %c0 : index
  %last = arith.subi %row_bytes, %c8 : index
  scf.for %byte = %c0 to %row_bytes step %c16 {
    scf.if %is_first_head {
      %key_offset = arith.muli %byte, %c32 : index
      %next_keys = arith.addi %next_block, %key_offset : index
      scf.for %line = %c0 to %c512 step %c64 {
        %line_at = arith.addi %next_keys, %line : index
        memref.prefetch %cache[%line_at], read, locality<3>, data : memref<?xi8>
      }
    }
    // Where eight bytes are left, they are taken twice, and count once.
    %next_byte = arith.addi %byte, %c8 : index
    %other = arith.minui %next_byte, %last : index
    %sums:4 = func.call @coded_sums(%cache, %values_at, %byte, %other, %row_bytes, %is_int4, %weight_words, %words_at)
        : (memref<?xi8>, index, index, index, index, i1, memref<128xi32>, index)
        -> (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>)
    func.call @add_channels(%y, %at, %byte, %head_size, %is_int4, %kept, %sums#0, %sums#1, %unit, %low)
        : (memref<?xf32>, index, index, index, i1, f32, vector<8xi32>, vector<8xi32>, f32, f32) -> ()
    %is_other = arith.cmpi ugt, %other, %byte : index
    scf.if %is_other {
      func.call @add_channels(%y, %at, %other, %head_size, %is_int4, %kept, %sums#2, %sums#3, %unit, %low)
          : (memref<?xf32>, index, index, index, i1, f32, vector<8xi32>, vector<8xi32>, f32, f32) -> ()
    }
  }
  return
}

// The same for what 8 bytes of the rows stand for: 8 channels or, with 4 bits, 16, of which the last 8 may not be there.
func.func private @add_channels(%y: memref<?xf32>, %at: index, %byte: index, %head_size: index, %is_int4: i1, %kept: f32,
                                %in_low: vector<8xi32>, %in_high: vector<8xi32>, %unit: f32, %low: f32) {
  %c8 = arith.constant 8 : index
  scf.if %is_int4 {
    %d = arith.addi %byte, %byte : index
    %y_at = arith.addi %at, %d : index
    func.call @add_values(%y, %y_at, %kept, %in_low, %unit, %low)
        : (memref<?xf32>, index, f32, vector<8xi32>, f32, f32) -> ()
    %next = arith.addi %d, %c8 : index
    %is_channel = arith.cmpi ult, %next, %head_size : index
    scf.if %is_channel {
      %next_at = arith.addi %at, %next : index
      func.call @add_values(%y, %next_at, %kept, %in_high, %unit, %low)
          : (memref<?xf32>, index, f32, vector<8xi32>, f32, f32) -> ()
    }
  } else {
    %y_at = arith.addi %at, %byte : index
    func.call @add_values(%y, %y_at, %kept, %in_low, %unit, %low)
        : (memref<?xf32>, index, f32, vector<8xi32>, f32, f32) -> ()
  }
  return
}

// The exact products of the 32 keys of a block with the query.
func.func private @coded_dots(%cache: memref<?xi8>, %keys_at: index, %row_bytes: index, %is_int4: i1,
                              %words: memref<1024xi32>, %query_at: index) -> vector<32xi32> {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %none = arith.constant dense<0> : vector<8xi32>
  %parts:8 = scf.for %byte = %c0 to %row_bytes step %c4
      iter_args(%a0 = %none, %b0 = %none, %a1 = %none, %b1 = %none, %a2 = %none, %b2 = %none, %a3 = %none, %b3 = %none)
      -> (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>,
          vector<8xi32>) {
    %offset = arith.muli %byte, %c32 : index
    %at0 = arith.addi %keys_at, %offset : index
    %at1 = arith.addi %at0, %c32 : index
    %at2 = arith.addi %at1, %c32 : index
    %at3 = arith.addi %at2, %c32 : index
    %na0, %nb0 = func.call @add_keys(%a0, %b0, %cache, %at0, %byte, %is_int4, %words, %query_at)
        : (vector<8xi32>, vector<8xi32>, memref<?xi8>, index, index, i1, memref<1024xi32>, index)
        -> (vector<8xi32>, vector<8xi32>)
    %na1, %nb1 = func.call @add_keys(%a1, %b1, %cache, %at1, %byte, %is_int4, %words, %query_at)
        : (vector<8xi32>, vector<8xi32>, memref<?xi8>, index, index, i1, memref<1024xi32>, index)
        -> (vector<8xi32>, vector<8xi32>)
    %na2, %nb2 = func.call @add_keys(%a2, %b2, %cache, %at2, %byte, %is_int4, %words, %query_at)
        : (vector<8xi32>, vector<8xi32>, memref<?xi8>, index, index, i1, memref<1024xi32>, index)
        -> (vector<8xi32>, vector<8xi32>)
    %na3, %nb3 = func.call @add_keys(%a3, %b3, %cache, %at3, %byte, %is_int4, %words, %query_at)
        : (vector<8xi32>, vector<8xi32>, memref<?xi8>, index, index, i1, memref<1024xi32>, index)
        -> (vector<8xi32>, vector<8xi32>)
    scf.yield %na0, %nb0, %na1, %nb1, %na2, %nb2, %na3, %nb3
        : vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>,
          vector<8xi32>
  }
  %d0 = func.call @sum_of_parts(%parts#0, %parts#1) : (vector<8xi32>, vector<8xi32>) -> vector<8xi32>
  %d1 = func.call @sum_of_parts(%parts#2, %parts#3) : (vector<8xi32>, vector<8xi32>) -> vector<8xi32>
  %d2 = func.call @sum_of_parts(%parts#4, %parts#5) : (vector<8xi32>, vector<8xi32>) -> vector<8xi32>
  %d3 = func.call @sum_of_parts(%parts#6, %parts#7) : (vector<8xi32>, vector<8xi32>) -> vector<8xi32>
  %all = func.call @join_rows(%d0, %d1, %d2, %d3)
      : (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) -> vector<32xi32>
  return %all : vector<32xi32>
}

// Adds the products of four bytes of 8 keys, which begin with the byte `byte` of their rows, with the query.
func.func private @add_keys(%a: vector<8xi32>, %b: vector<8xi32>, %cache: memref<?xi8>, %at: index, %byte: index,
                            %is_int4: i1, %words: memref<1024xi32>, %query_at: index)
    -> (vector<8xi32>, vector<8xi32>) {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4s = arith.constant dense<4> : vector<16xi16>
  %bytes = vector.load %cache[%at] : memref<?xi8>, vector<32xi8>
  %lanes = vector.bitcast %bytes : vector<32xi8> to vector<16xi16>
  // Two words meet four bytes, or four words where a byte has two codes.
  %halved = arith.divui %byte, %c2 : index
  %in_query = arith.select %is_int4, %byte, %halved : index
  %word_at = arith.addi %query_at, %in_query : index
  %next_at = arith.addi %word_at, %c1 : index
  %word_a = memref.load %words[%word_at] : memref<1024xi32>
  %word_b = memref.load %words[%next_at] : memref<1024xi32>
  %low_a, %low_b = func.call @add_products(%a, %b, %lanes, %is_int4, %word_a, %word_b)
      : (vector<8xi32>, vector<8xi32>, vector<16xi16>, i1, i32, i32) -> (vector<8xi32>, vector<8xi32>)
  %all_a, %all_b = scf.if %is_int4 -> (vector<8xi32>, vector<8xi32>) {
    %high_a_at = arith.addi %word_at, %c2 : index
    %high_b_at = arith.addi %next_at, %c2 : index
    %high_word_a = memref.load %words[%high_a_at] : memref<1024xi32>
    %high_word_b = memref.load %words[%high_b_at] : memref<1024xi32>
    %high_lanes = arith.shrui %lanes, %c4s : vector<16xi16>
    %high_a, %high_b = func.call @add_products(%low_a, %low_b, %high_lanes, %is_int4, %high_word_a, %high_word_b)
        : (vector<8xi32>, vector<8xi32>, vector<16xi16>, i1, i32, i32) -> (vector<8xi32>, vector<8xi32>)
    scf.yield %high_a, %high_b : vector<8xi32>, vector<8xi32>
  } else {
    scf.yield %low_a, %low_b : vector<8xi32>, vector<8xi32>
  }
  return %all_a, %all_b : vector<8xi32>, vector<8xi32>
}

// (float(dot) * scale + float(query sum) * low) * query scale for 32 keys.
func.func private @coded_scores(%dots: vector<32xi32>, %query_sum: i32, %query_scale: f32, %halves: memref<?xf16>,
                                %scales_byte: index) -> vector<32xf32> {
  %scales, %lows = func.call @load_factors(%halves, %scales_byte) : (memref<?xf16>, index) -> (vector<32xf32>, vector<32xf32>)
  %dots32 = arith.sitofp %dots : vector<32xi32> to vector<32xf32>
  %scaled = arith.mulf %dots32, %scales : vector<32xf32>
  %query_sum32 = arith.sitofp %query_sum : i32 to f32
  %query_sums = vector.broadcast %query_sum32 : f32 to vector<32xf32>
  %offsets = arith.mulf %query_sums, %lows : vector<32xf32>
  %all = arith.addf %scaled, %offsets : vector<32xf32>
  %query_scales = vector.broadcast %query_scale : f32 to vector<32xf32>
  %scores = arith.mulf %all, %query_scales : vector<32xf32>
  return %scores : vector<32xf32>
}

// The scales and lows of a block's 32 positions.
func.func private @load_factors(%halves: memref<?xf16>, %byte: index) -> (vector<32xf32>, vector<32xf32>) {
  %c2 = arith.constant 2 : index
  %c32 = arith.constant 32 : index
  %scales_at = arith.divui %byte, %c2 : index
  %lows_at = arith.addi %scales_at, %c32 : index
  %scales16 = vector.load %halves[%scales_at] : memref<?xf16>, vector<32xf16>
  %lows16 = vector.load %halves[%lows_at] : memref<?xf16>, vector<32xf16>
  %scales = arith.extf %scales16 : vector<32xf16> to vector<32xf32>
  %lows = arith.extf %lows16 : vector<32xf16> to vector<32xf32>
  return %scales, %lows : vector<32xf32>, vector<32xf32>
}

// weight * scale of the values of a block, zeros past the first `valid`; and the sum of weight * low.
func.func private @weigh_values(%weights: vector<32xf32>, %valid: index, %halves: memref<?xf16>, %scales_byte: index)
    -> (vector<32xf32>, f32) {
  %zeros = arith.constant dense<0.0> : vector<32xf32>
  %is_valid = func.call @first_lanes(%valid) : (index) -> vector<32xi1>
  %scales, %lows = func.call @load_factors(%halves, %scales_byte) : (memref<?xf16>, index) -> (vector<32xf32>, vector<32xf32>)
  %scaled = arith.mulf %weights, %scales : vector<32xf32>
  %kept = arith.select %is_valid, %scaled, %zeros : vector<32xi1>, vector<32xf32>
  %offsets = arith.mulf %weights, %lows : vector<32xf32>
  %kept_offsets = arith.select %is_valid, %offsets, %zeros : vector<32xi1>, vector<32xf32>
  %sum = func.call @sum_of_32(%kept_offsets) : (vector<32xf32>) -> f32
  return %kept, %sum : vector<32xf32>, f32
}

// The exact sums over the 32 positions of a block of codes times weights, for 8 bytes of the rows from the byte `byte` on
// and 8 from `other` on, which share the weights: the codes in their low parts and, with 4 bits, those in their high halves.
func.func private @coded_sums(%cache: memref<?xi8>, %values_at: index, %byte: index, %other: index, %row_bytes: index,
                              %is_int4: i1, %words: memref<128xi32>, %weights_at: index)
    -> (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c8 = arith.constant 8 : index
  %none = arith.constant dense<0> : vector<8xi32>
  %parts:8 = scf.for %four = %c0 to %c8 step %c1
      iter_args(%a0 = %none, %b0 = %none, %ha0 = %none, %hb0 = %none,
                %oa0 = %none, %ob0 = %none, %oha0 = %none, %ohb0 = %none)
      -> (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>,
          vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) {
    %row = arith.muli %four, %row_bytes : index
    %two_fours = arith.muli %four, %c2 : index
    %word_at = arith.addi %weights_at, %two_fours : index
    %next_at = arith.addi %word_at, %c1 : index
    %word_a = memref.load %words[%word_at] : memref<128xi32>
    %word_b = memref.load %words[%next_at] : memref<128xi32>
    %sums:4 = func.call @add_coded(%cache, %values_at, %row, %byte, %is_int4, %word_a, %word_b, %a0, %b0, %ha0, %hb0)
        : (memref<?xi8>, index, index, index, i1, i32, i32, vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>)
        -> (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>)
    %others:4 = func.call @add_coded(%cache, %values_at, %row, %other, %is_int4, %word_a, %word_b, %oa0, %ob0, %oha0, %ohb0)
        : (memref<?xi8>, index, index, index, i1, i32, i32, vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>)
        -> (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>)
    scf.yield %sums#0, %sums#1, %sums#2, %sums#3, %others#0, %others#1, %others#2, %others#3
        : vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>,
          vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>
  }
  %low = func.call @sum_of_parts(%parts#0, %parts#1) : (vector<8xi32>, vector<8xi32>) -> vector<8xi32>
  %high = func.call @sum_of_parts(%parts#2, %parts#3) : (vector<8xi32>, vector<8xi32>) -> vector<8xi32>
  %other_low = func.call @sum_of_parts(%parts#4, %parts#5) : (vector<8xi32>, vector<8xi32>) -> vector<8xi32>
  %other_high = func.call @sum_of_parts(%parts#6, %parts#7) : (vector<8xi32>, vector<8xi32>) -> vector<8xi32>
  return %low, %high, %other_low, %other_high : vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>
}

// Adds the products of four positions of 8 bytes with two words of weights.
func.func private @add_coded(%cache: memref<?xi8>, %values_at: index, %row: index, %byte: index, %is_int4: i1, %word_a: i32,
                             %word_b: i32, %low_a: vector<8xi32>, %low_b: vector<8xi32>, %high_a: vector<8xi32>,
                             %high_b: vector<8xi32>)
    -> (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) {
  %c4 = arith.constant 4 : index
  %c4s = arith.constant dense<4> : vector<16xi16>
  %column = arith.addi %row, %byte : index
  %offset = arith.muli %column, %c4 : index
  %at = arith.addi %values_at, %offset : index
  %bytes = vector.load %cache[%at] : memref<?xi8>, vector<32xi8>
  %lanes = vector.bitcast %bytes : vector<32xi8> to vector<16xi16>
  %low_a1, %low_b1 = func.call @add_products(%low_a, %low_b, %lanes, %is_int4, %word_a, %word_b)
      : (vector<8xi32>, vector<8xi32>, vector<16xi16>, i1, i32, i32) -> (vector<8xi32>, vector<8xi32>)
  %high_a1, %high_b1 = scf.if %is_int4 -> (vector<8xi32>, vector<8xi32>) {
    %high_lanes = arith.shrui %lanes, %c4s : vector<16xi16>
    %more_a, %more_b = func.call @add_products(%high_a, %high_b, %high_lanes, %is_int4, %word_a, %word_b)
        : (vector<8xi32>, vector<8xi32>, vector<16xi16>, i1, i32, i32) -> (vector<8xi32>, vector<8xi32>)
    scf.yield %more_a, %more_b : vector<8xi32>, vector<8xi32>
  } else {
    scf.yield %high_a, %high_b : vector<8xi32>, vector<8xi32>
  }
  return %low_a1, %low_b1, %high_a1, %high_b1 : vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>
}

// y = y * kept + (float(sums) * unit + low)
func.func private @add_values(%y: memref<?xf32>, %at: index, %kept: f32, %sums: vector<8xi32>, %unit: f32, %low: f32) {
  %kepts = vector.broadcast %kept : f32 to vector<8xf32>
  %units = vector.broadcast %unit : f32 to vector<8xf32>
  %lows = vector.broadcast %low : f32 to vector<8xf32>
  %y0 = vector.load %y[%at] : memref<?xf32>, vector<8xf32>
  %before = arith.mulf %y0, %kepts : vector<8xf32>
  %sums32 = arith.sitofp %sums : vector<8xi32> to vector<8xf32>
  %scaled = arith.mulf %sums32, %units : vector<8xf32>
  %values = arith.addf %scaled, %lows : vector<8xf32>
  %y1 = arith.addf %before, %values : vector<8xf32>
  vector.store %y1, %y[%at] : memref<?xf32>, vector<8xf32>
  return
}

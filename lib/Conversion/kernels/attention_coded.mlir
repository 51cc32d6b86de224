// Causal attention over a coded cache, of which coded_heads has the layout; otherwise as attention over floats. Codes
// are never widened to floats: a query and the weights of a block become 16-bit numbers with a unit of their own, and
// sums of products of whole numbers are exact.
func.func private @attention_coded(
    %q: memref<?xf32>, %positions: memref<?xi32>, %cache: memref<?xi8>, %y: memref<?xf32>,
    %sequences: index, %capacity: index, %count: index, %thread: index, %threads: index,
    // Sizes: runs of `rotation` channels of queries are rotated, as those of the keys were.
    %heads: index, %kv_heads: index, %head_size: index, %row_stride: index, %scale: f32, %row_bytes: index,
    %is_int4: i1, %rotation: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %c15 = arith.constant 15 : index
  %c16 = arith.constant 16 : index
  %c32 = arith.constant 32 : index
  %c128 = arith.constant 128 : index
  %false = arith.constant false
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %minus_infinity = arith.constant 0xFF800000 : f32
  %mask4 = arith.constant 15 : i16
  %mask8 = arith.constant 255 : i16
  %mask = arith.select %is_int4, %mask4, %mask8 : i16
  %x = memref.alloca() {alignment = 64 : i64} : memref<256xf32>
  %weights = memref.alloca() {alignment = 64 : i64} : memref<32xf32>
  %query_pairs = memref.alloca() {alignment = 64 : i64} : memref<128xi32>
  %weight_pairs = memref.alloca() {alignment = 64 : i64} : memref<128xi32>

  %block_bytes, %head_bytes, %sequence_bytes = func.call @coded_sizes(%kv_heads, %capacity, %row_bytes)
      : (index, index, index) -> (index, index, index)
  %halves = func.call @coded_halves(%cache, %sequence_bytes, %sequences) : (memref<?xi8>, index, index) -> memref<?xf16>
  %part_bytes = arith.muli %row_bytes, %c32 : index
  %up_to_fifteen = arith.addi %head_size, %c15 : index
  %sixteens = arith.divui %up_to_fifteen, %c16 : index
  %padded_size = arith.muli %sixteens, %c16 : index
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
    %sequence_at = arith.muli %sequence, %sequence_bytes : index
    %kv_head = arith.divui %head, %heads_per_kv : index
    %kv_offset = arith.muli %kv_head, %head_bytes : index
    %blocks_at = arith.addi %sequence_at, %kv_offset : index
    %position32 = memref.load %positions[%token] : memref<?xi32>
    %position = arith.index_cast %position32 : i32 to index

    func.call @copy_head(%q, %q_at, %head_size, %one, %x) : (memref<?xf32>, index, index, f32, memref<256xf32>) -> ()
    func.call @rotate_head(%x, %head_size, %rotation) : (memref<256xf32>, index, index) -> ()
    %query_unit, %query_sum = func.call @code_pairs(%x, %padded_size, %is_int4, %query_pairs)
        : (memref<256xf32>, index, i1, memref<128xi32>) -> (f32, i32)
    %query_scale = arith.mulf %query_unit, %scale : f32

    func.call @clear_head(%y, %q_at, %head_size) : (memref<?xf32>, index, index) -> ()
    %up_to = arith.addi %position, %c1 : index
    %max, %sum = scf.for %first = %c0 to %up_to step %c32
        iter_args(%max0 = %minus_infinity, %sum0 = %zero) -> (f32, f32) {
      %block = arith.divui %first, %c32 : index
      %block_offset = arith.muli %block, %block_bytes : index
      %keys_at = arith.addi %blocks_at, %block_offset : index
      %key_scales_at = arith.addi %keys_at, %part_bytes : index
      %values_at = arith.addi %key_scales_at, %c128 : index
      %value_scales_at = arith.addi %values_at, %part_bytes : index
      %dots = func.call @coded_dots(%cache, %keys_at, %row_bytes, %is_int4, %mask, %query_pairs)
          : (memref<?xi8>, index, index, i1, i16, memref<128xi32>) -> vector<32xi32>
      %scores = func.call @coded_scores(%dots, %query_sum, %query_scale, %halves, %key_scales_at)
          : (vector<32xi32>, i32, f32, memref<?xf16>, index) -> vector<32xf32>

      %left = arith.subi %up_to, %first : index
      %valid = arith.minui %left, %c32 : index
      %max1, %f, %block_sum = func.call @softmax_of_block(%scores, %valid, %max0, %weights)
          : (vector<32xf32>, index, f32, memref<32xf32>) -> (f32, f32, f32)
      %is_first = arith.cmpi eq, %first, %c0 : index
      %kept = arith.select %is_first, %zero, %f : f32
      %sum_kept = arith.mulf %sum0, %kept : f32
      %sum1 = arith.addf %sum_kept, %block_sum : f32

      %low = func.call @weigh_values(%weights, %valid, %halves, %value_scales_at, %x)
          : (memref<32xf32>, index, memref<?xf16>, index, memref<256xf32>) -> f32
      %unit, %unused = func.call @code_pairs(%x, %c32, %false, %weight_pairs)
          : (memref<256xf32>, index, i1, memref<128xi32>) -> (f32, i32)
      scf.for %byte = %c0 to %row_bytes step %c8 {
        %in_low, %in_high = func.call @coded_sums(%cache, %values_at, %byte, %row_bytes, %is_int4, %mask, %weight_pairs)
            : (memref<?xi8>, index, index, index, i1, i16, memref<128xi32>) -> (vector<8xi32>, vector<8xi32>)
        scf.if %is_int4 {
          %d = arith.addi %byte, %byte : index
          %y_at = arith.addi %q_at, %d : index
          func.call @add_values(%y, %y_at, %kept, %in_low, %unit, %low) : (memref<?xf32>, index, f32, vector<8xi32>, f32, f32) -> ()
          %next = arith.addi %d, %c8 : index
          %is_channel = arith.cmpi ult, %next, %head_size : index
          scf.if %is_channel {
            %next_at = arith.addi %q_at, %next : index
            func.call @add_values(%y, %next_at, %kept, %in_high, %unit, %low) : (memref<?xf32>, index, f32, vector<8xi32>, f32, f32) -> ()
          }
        } else {
          %y_at = arith.addi %q_at, %byte : index
          func.call @add_values(%y, %y_at, %kept, %in_low, %unit, %low) : (memref<?xf32>, index, f32, vector<8xi32>, f32, f32) -> ()
        }
      }
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

// The exact products of the 32 keys of a block with the query.
func.func private @coded_dots(%cache: memref<?xi8>, %keys_at: index, %row_bytes: index, %is_int4: i1, %mask: i16,
                              %pairs: memref<128xi32>) -> vector<32xi32> {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %none = arith.constant dense<0> : vector<8xi32>
  %all0 = arith.constant dense<0> : vector<32xi32>
  %d0, %d1, %d2, %d3 = scf.for %byte = %c0 to %row_bytes step %c4
      iter_args(%a0 = %none, %a1 = %none, %a2 = %none, %a3 = %none)
      -> (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) {
    %offset = arith.muli %byte, %c32 : index
    %at0 = arith.addi %keys_at, %offset : index
    %at1 = arith.addi %at0, %c32 : index
    %at2 = arith.addi %at1, %c32 : index
    %at3 = arith.addi %at2, %c32 : index
    %b0 = func.call @add_keys(%a0, %cache, %at0, %byte, %is_int4, %mask, %pairs)
        : (vector<8xi32>, memref<?xi8>, index, index, i1, i16, memref<128xi32>) -> vector<8xi32>
    %b1 = func.call @add_keys(%a1, %cache, %at1, %byte, %is_int4, %mask, %pairs)
        : (vector<8xi32>, memref<?xi8>, index, index, i1, i16, memref<128xi32>) -> vector<8xi32>
    %b2 = func.call @add_keys(%a2, %cache, %at2, %byte, %is_int4, %mask, %pairs)
        : (vector<8xi32>, memref<?xi8>, index, index, i1, i16, memref<128xi32>) -> vector<8xi32>
    %b3 = func.call @add_keys(%a3, %cache, %at3, %byte, %is_int4, %mask, %pairs)
        : (vector<8xi32>, memref<?xi8>, index, index, i1, i16, memref<128xi32>) -> vector<8xi32>
    scf.yield %b0, %b1, %b2, %b3 : vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>
  }
  %all1 = vector.insert_strided_slice %d0, %all0 {offsets = [0], strides = [1]} : vector<8xi32> into vector<32xi32>
  %all2 = vector.insert_strided_slice %d1, %all1 {offsets = [8], strides = [1]} : vector<8xi32> into vector<32xi32>
  %all3 = vector.insert_strided_slice %d2, %all2 {offsets = [16], strides = [1]} : vector<8xi32> into vector<32xi32>
  %all4 = vector.insert_strided_slice %d3, %all3 {offsets = [24], strides = [1]} : vector<8xi32> into vector<32xi32>
  return %all4 : vector<32xi32>
}

// sum + the products of four bytes of 8 keys, which begin with the byte `byte` of their rows, with the query.
func.func private @add_keys(%sum: vector<8xi32>, %cache: memref<?xi8>, %at: index, %byte: index, %is_int4: i1,
                            %mask: i16, %pairs: memref<128xi32>) -> vector<8xi32> {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4s = arith.constant dense<4> : vector<16xi16>
  %bytes = vector.load %cache[%at] : memref<?xi8>, vector<32xi8>
  %lanes = vector.bitcast %bytes : vector<32xi8> to vector<16xi16>
  // Two pairs meet four bytes, or four pairs where a byte has two codes.
  %halved = arith.divui %byte, %c2 : index
  %pair_at = arith.select %is_int4, %byte, %halved : index
  %next_at = arith.addi %pair_at, %c1 : index
  %pair02 = memref.load %pairs[%pair_at] : memref<128xi32>
  %pair13 = memref.load %pairs[%next_at] : memref<128xi32>
  %low = func.call @add_products(%sum, %lanes, %mask, %pair02, %pair13)
      : (vector<8xi32>, vector<16xi16>, i16, i32, i32) -> vector<8xi32>
  %all = scf.if %is_int4 -> (vector<8xi32>) {
    %high02_at = arith.addi %pair_at, %c2 : index
    %high13_at = arith.addi %next_at, %c2 : index
    %high02 = memref.load %pairs[%high02_at] : memref<128xi32>
    %high13 = memref.load %pairs[%high13_at] : memref<128xi32>
    %high_lanes = arith.shrui %lanes, %c4s : vector<16xi16>
    %high = func.call @add_products(%low, %high_lanes, %mask, %high02, %high13)
        : (vector<8xi32>, vector<16xi16>, i16, i32, i32) -> vector<8xi32>
    scf.yield %high : vector<8xi32>
  } else {
    scf.yield %low : vector<8xi32>
  }
  return %all : vector<8xi32>
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

// Stores weight * scale of the values of a block to x, zeros past the first `valid`; returns the sum of weight * low.
func.func private @weigh_values(%weights: memref<32xf32>, %valid: index, %halves: memref<?xf16>, %scales_byte: index,
                                %x: memref<256xf32>) -> f32 {
  %c0 = arith.constant 0 : index
  %zeros = arith.constant dense<0.0> : vector<32xf32>
  %lanes = arith.constant dense<[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
                                 24, 25, 26, 27, 28, 29, 30, 31]> : vector<32xi32>
  %valid32 = arith.index_cast %valid : index to i32
  %valids = vector.broadcast %valid32 : i32 to vector<32xi32>
  %is_valid = arith.cmpi ult, %lanes, %valids : vector<32xi32>
  %scales, %lows = func.call @load_factors(%halves, %scales_byte) : (memref<?xf16>, index) -> (vector<32xf32>, vector<32xf32>)
  %ws = vector.load %weights[%c0] : memref<32xf32>, vector<32xf32>
  %scaled = arith.mulf %ws, %scales : vector<32xf32>
  %kept = arith.select %is_valid, %scaled, %zeros : vector<32xi1>, vector<32xf32>
  vector.store %kept, %x[%c0] : memref<256xf32>, vector<32xf32>
  %offsets = arith.mulf %ws, %lows : vector<32xf32>
  %kept_offsets = arith.select %is_valid, %offsets, %zeros : vector<32xi1>, vector<32xf32>
  %sum = func.call @sum_of_32(%kept_offsets) : (vector<32xf32>) -> f32
  return %sum : f32
}

// The exact sums over the 32 positions of a block of codes times weights, for 8 bytes of the rows from the byte `byte`
// on: the codes in their low parts and, with 4 bits, those in their high halves.
func.func private @coded_sums(%cache: memref<?xi8>, %values_at: index, %byte: index, %row_bytes: index, %is_int4: i1,
                              %mask: i16, %pairs: memref<128xi32>) -> (vector<8xi32>, vector<8xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c4s = arith.constant dense<4> : vector<16xi16>
  %none = arith.constant dense<0> : vector<8xi32>
  %low, %high = scf.for %four = %c0 to %c8 step %c1 iter_args(%low0 = %none, %high0 = %none)
      -> (vector<8xi32>, vector<8xi32>) {
    %four_bytes = arith.muli %four, %row_bytes : index
    %column = arith.addi %four_bytes, %byte : index
    %offset = arith.muli %column, %c4 : index
    %at = arith.addi %values_at, %offset : index
    %bytes = vector.load %cache[%at] : memref<?xi8>, vector<32xi8>
    %lanes = vector.bitcast %bytes : vector<32xi8> to vector<16xi16>
    %pair_at = arith.muli %four, %c2 : index
    %next_at = arith.addi %pair_at, %c1 : index
    %pair02 = memref.load %pairs[%pair_at] : memref<128xi32>
    %pair13 = memref.load %pairs[%next_at] : memref<128xi32>
    %low1 = func.call @add_products(%low0, %lanes, %mask, %pair02, %pair13)
        : (vector<8xi32>, vector<16xi16>, i16, i32, i32) -> vector<8xi32>
    %high1 = scf.if %is_int4 -> (vector<8xi32>) {
      %high_lanes = arith.shrui %lanes, %c4s : vector<16xi16>
      %more = func.call @add_products(%high0, %high_lanes, %mask, %pair02, %pair13)
          : (vector<8xi32>, vector<16xi16>, i16, i32, i32) -> vector<8xi32>
      scf.yield %more : vector<8xi32>
    } else {
      scf.yield %high0 : vector<8xi32>
    }
    scf.yield %low1, %high1 : vector<8xi32>, vector<8xi32>
  }
  return %low, %high : vector<8xi32>, vector<8xi32>
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

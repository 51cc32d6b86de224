// y = W x for many tokens, by products of bytes: the weights of a block of 32 rows and a group, expanded to a byte each,
// are a panel of 4 KiB that stays in the cache while all tokens go over it. With levels l = lowest + u, u unsigned:
//   grouped-binary  D = sum of c u + lowest * sum of c
//   planes          D = sum of code u + lowest * sum of code - z P
//   acc = acc + float(D) * (float(scale) * mu)
// INT8 columns follow. 128 tokens at a time, whose sums stay close by.
func.func private @linear_dot(
    %weights: memref<?xi8>, %levels: memref<?xi32>, %activations: memref<?xi8>, %y: memref<?xf32>,
    %count: index, %thread: index, %threads: index,
    // Sizes, which are arguments: the layout of weights and activations in bytes; `columns` without the INT8 ones.
    %blocks: index, %block_bytes: index, %group_bytes: index, %columns: index, %planes: index,
    %token_bytes: index, %scales_offset: index, %sums_offset: index, %int8_columns: index, %int8_offset: index,
    %int8_codes_offset: index, %int8_scales_offset: index, %levels_offset: index,
    %least: index, %most: index, %is_large: i1,
    %weight_planes: index, %a0: i32, %a1: i32, %a2: i32, %a3: i32, %is_planes: i1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %c128 = arith.constant 128 : index
  %none = arith.constant dense<0> : vector<32xi32>
  %panel = memref.alloca() {alignment = 64 : i64} : memref<4096xi8>
  %accs = memref.alloca() {alignment = 64 : i64} : memref<4096xf32>

  %weight_bytes = arith.muli %blocks, %block_bytes : index
  %weight_halves = arith.divui %weight_bytes, %c2 : index
  %scales = memref.view %weights[%c0][%weight_halves] : memref<?xi8> to memref<?xf16>
  %activation_bytes = arith.muli %count, %token_bytes : index
  %activation_words = arith.divui %activation_bytes, %c4 : index
  %activation_floats = memref.view %activations[%c0][%activation_words] : memref<?xi8> to memref<?xf32>
  %row_stride = arith.muli %blocks, %c32 : index
  %plane_weights = vector.from_elements %a0, %a1, %a2, %a3 : vector<4xi32>
  %channel_bytes = arith.muli %weight_planes, %c4 : index
  %lowest = func.call @lowest_level(%levels, %planes) : (memref<?xi32>, index) -> i32
  %lowests = vector.broadcast %lowest : i32 to vector<32xi32>
  %skipped = arith.select %is_planes, %c32, %c128 : index

  %begin, %end = func.call @range_for(%blocks, %count, %least, %most, %thread, %threads)
      : (index, index, index, index, index, index) -> (index, index)
  scf.for %block = %begin to %end step %c1 {
    %block_at = arith.muli %block, %block_bytes : index
    scf.for %first = %c0 to %count step %c128 {
      %left_tokens = arith.subi %count, %first : index
      %tokens = arith.minui %left_tokens, %c128 : index
      %tile_at = arith.muli %first, %token_bytes : index
      scf.for %column = %c0 to %columns step %c128 {
        %group = arith.divui %column, %c128 : index
        %left = arith.subi %columns, %column : index
        %channels = arith.minui %left, %c128 : index
        %quads = arith.divui %channels, %c4 : index
        %group_offset = arith.muli %group, %group_bytes : index
        %codes_at = arith.addi %block_at, %group_offset : index
        %code_bytes = arith.muli %channels, %channel_bytes : index
        %coefficients_at = arith.addi %codes_at, %code_bytes : index

        %zs = scf.if %is_planes -> (vector<32xi32>) {
          func.call @expand_planes(%weights, %codes_at, %channels, %weight_planes, %plane_weights, %panel)
              : (memref<?xi8>, index, index, index, vector<4xi32>, memref<4096xi8>) -> ()
          %z8 = vector.load %weights[%coefficients_at] : memref<?xi8>, vector<32xi8>
          %z = arith.extsi %z8 : vector<32xi8> to vector<32xi32>
          scf.yield %z : vector<32xi32>
        } else {
          func.call @expand_codes(%weights, %codes_at, %channels, %coefficients_at, %panel)
              : (memref<?xi8>, index, index, index, memref<4096xi8>) -> ()
          scf.yield %none : vector<32xi32>
        }
        %sums_of_weights = func.call @sums_of_panel(%panel, %quads) : (memref<4096xi8>, index) -> vector<32xi32>
        %of_lowest = arith.muli %sums_of_weights, %lowests : vector<32xi32>
        %row_scales_at = arith.addi %coefficients_at, %skipped : index
        func.call @add_panel(%panel, %quads, %is_large, %of_lowest, %zs, %is_planes, %scales, %row_scales_at,
                             %activations, %tile_at, %token_bytes, %scales_offset, %sums_offset, %levels_offset, %group,
                             %accs, %tokens)
            : (memref<4096xi8>, index, i1, vector<32xi32>, vector<32xi32>, i1, memref<?xf16>, index, memref<?xi8>,
               index, index, index, index, index, index, memref<4096xf32>, index) -> ()
      }
      %tile_row = arith.muli %first, %row_stride : index
      %block_row = arith.muli %block, %c32 : index
      %tile_y = arith.addi %tile_row, %block_row : index
      %int8_at = arith.addi %block_at, %int8_offset : index
      scf.for %token = %c0 to %tokens step %c1 {
        %acc_at = arith.muli %token, %c32 : index
        %acc = vector.load %accs[%acc_at] : memref<4096xf32>, vector<32xf32>
        %in_tile = arith.muli %token, %token_bytes : index
        %token_at = arith.addi %tile_at, %in_tile : index
        %sum = func.call @add_int8_columns(%acc, %weights, %int8_at, %int8_columns, %scales, %activations,
                                           %activation_floats, %token_at, %int8_codes_offset, %int8_scales_offset)
            : (vector<32xf32>, memref<?xi8>, index, index, memref<?xf16>, memref<?xi8>, memref<?xf32>, index, index, index)
            -> vector<32xf32>
        %row_at = arith.muli %token, %row_stride : index
        %y_at = arith.addi %tile_y, %row_at : index
        vector.store %sum, %y[%y_at] : memref<?xf32>, vector<32xf32>
      }
    }
  }
  return
}

// Adds the terms of a group to the sums of up to 128 tokens. `of_lowest` is where the sums of products start; `zs` counts
// if there is any.
func.func private @add_panel(
    %panel: memref<4096xi8>, %quads: index, %is_large: i1, %of_lowest: vector<32xi32>, %zs: vector<32xi32>, %has_z: i1,
    %scales: memref<?xf16>, %row_scales_at: index, %activations: memref<?xi8>, %tile_at: index, %token_bytes: index,
    %scales_offset: index, %sums_offset: index, %levels_offset: index, %group: index, %accs: memref<4096xf32>,
    %tokens: index) attributes {binq.outlined} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c128 = arith.constant 128 : index
  %first_channel = arith.muli %group, %c128 : index
  %levels_in = arith.addi %levels_offset, %first_channel : index
  %levels_at = arith.addi %tile_at, %levels_in : index
  %group_bytes = arith.muli %group, %c4 : index
  %sum_in = arith.addi %sums_offset, %group_bytes : index
  %scale_in = arith.addi %scales_offset, %group_bytes : index
  %sums_at = arith.addi %tile_at, %sum_in : index
  %scales_at = arith.addi %tile_at, %scale_in : index

  %first_scale = arith.divui %row_scales_at, %c2 : index
  %row_scales16 = vector.load %scales[%first_scale] : memref<?xf16>, vector<32xf16>
  %row_scales = arith.extf %row_scales16 : vector<32xf16> to vector<32xf32>

  %fours = arith.divui %tokens, %c4 : index
  %in_fours = arith.muli %fours, %c4 : index
  scf.for %token = %c0 to %in_fours step %c4 {
    %offset = arith.muli %token, %token_bytes : index
    %at = arith.addi %levels_at, %offset : index
    func.call @prefetch_levels(%activations, %at, %token_bytes) : (memref<?xi8>, index, index) -> ()
    %dots:4 = func.call @four_dots_of_panel(%panel, %activations, %at, %token_bytes, %quads, %is_large, %of_lowest)
        : (memref<4096xi8>, memref<?xi8>, index, index, index, i1, vector<32xi32>)
        -> (vector<32xi32>, vector<32xi32>, vector<32xi32>, vector<32xi32>)
    %token1 = arith.addi %token, %c1 : index
    %token2 = arith.addi %token, %c2 : index
    %token3 = arith.addi %token, %c3 : index
    func.call @add_dot(%dots#0, %zs, %has_z, %row_scales, %activations, %token, %token_bytes, %scales_at, %sums_at, %group,
                       %accs)
        : (vector<32xi32>, vector<32xi32>, i1, vector<32xf32>, memref<?xi8>, index, index, index, index, index,
           memref<4096xf32>) -> ()
    func.call @add_dot(%dots#1, %zs, %has_z, %row_scales, %activations, %token1, %token_bytes, %scales_at, %sums_at, %group,
                       %accs)
        : (vector<32xi32>, vector<32xi32>, i1, vector<32xf32>, memref<?xi8>, index, index, index, index, index,
           memref<4096xf32>) -> ()
    func.call @add_dot(%dots#2, %zs, %has_z, %row_scales, %activations, %token2, %token_bytes, %scales_at, %sums_at, %group,
                       %accs)
        : (vector<32xi32>, vector<32xi32>, i1, vector<32xf32>, memref<?xi8>, index, index, index, index, index,
           memref<4096xf32>) -> ()
    func.call @add_dot(%dots#3, %zs, %has_z, %row_scales, %activations, %token3, %token_bytes, %scales_at, %sums_at, %group,
                       %accs)
        : (vector<32xi32>, vector<32xi32>, i1, vector<32xf32>, memref<?xi8>, index, index, index, index, index,
           memref<4096xf32>) -> ()
  }
  scf.for %token = %in_fours to %tokens step %c1 {
    %offset = arith.muli %token, %token_bytes : index
    %at = arith.addi %levels_at, %offset : index
    %dot = func.call @dot_of_panel(%panel, %activations, %at, %quads, %is_large, %of_lowest)
        : (memref<4096xi8>, memref<?xi8>, index, index, i1, vector<32xi32>) -> vector<32xi32>
    func.call @add_dot(%dot, %zs, %has_z, %row_scales, %activations, %token, %token_bytes, %scales_at, %sums_at, %group,
                       %accs)
        : (vector<32xi32>, vector<32xi32>, i1, vector<32xf32>, memref<?xi8>, index, index, index, index, index,
           memref<4096xf32>) -> ()
  }
  return
}

// Asks for the levels of the four tokens after these, which lie too far apart for the machine to foresee. Past the end it
// does no harm.
func.func private @prefetch_levels(%activations: memref<?xi8>, %at: index, %token_bytes: index) {
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c64 = arith.constant 64 : index
  scf.for %token = %c4 to %c8 step %c1 {
    %offset = arith.muli %token, %token_bytes : index
    %first = arith.addi %at, %offset : index
    %second = arith.addi %first, %c64 : index
    memref.prefetch %activations[%first], read, locality<3>, data : memref<?xi8>
    memref.prefetch %activations[%second], read, locality<3>, data : memref<?xi8>
  }
  return
}

// From the sum of weight * level of a token and group to D, and the term to what the token has so far.
func.func private @add_dot(
    %dot: vector<32xi32>, %zs: vector<32xi32>, %has_z: i1, %row_scales: vector<32xf32>, %activations: memref<?xi8>,
    %token: index, %token_bytes: index, %scales_at: index, %sums_at: index, %group: index, %accs: memref<4096xf32>) {
  %c0 = arith.constant 0 : index
  %c32 = arith.constant 32 : index
  %zeros = arith.constant dense<0.0> : vector<32xf32>
  %token_at = arith.muli %token, %token_bytes : index
  %d = scf.if %has_z -> (vector<32xi32>) {
    %sum_at = arith.addi %sums_at, %token_at : index
    %p = func.call @load_word(%activations, %sum_at) : (memref<?xi8>, index) -> i32
    %ps = vector.broadcast %p : i32 to vector<32xi32>
    %z_p = arith.muli %zs, %ps : vector<32xi32>
    %less = arith.subi %dot, %z_p : vector<32xi32>
    scf.yield %less : vector<32xi32>
  } else {
    scf.yield %dot : vector<32xi32>
  }
  %scale_at = arith.addi %scales_at, %token_at : index
  %mu_bits = func.call @load_word(%activations, %scale_at) : (memref<?xi8>, index) -> i32
  %mu = arith.bitcast %mu_bits : i32 to f32
  %acc_at = arith.muli %token, %c32 : index
  %old = vector.load %accs[%acc_at] : memref<4096xf32>, vector<32xf32>
  %is_first = arith.cmpi eq, %group, %c0 : index
  %acc = arith.select %is_first, %zeros, %old : vector<32xf32>
  %next = func.call @add_scaled(%acc, %d, %row_scales, %mu)
      : (vector<32xf32>, vector<32xi32>, vector<32xf32>, f32) -> vector<32xf32>
  vector.store %next, %accs[%acc_at] : memref<4096xf32>, vector<32xf32>
  return
}

// For every row the sum of its weights in the panel: the product with ones.
func.func private @sums_of_panel(%panel: memref<4096xi8>, %quads: index) -> vector<32xi32>
    attributes {binq.outlined} {
  %c0 = arith.constant 0 : index
  %one = arith.constant dense<1> : vector<128xi8>
  %none = arith.constant dense<0> : vector<32xi32>
  %is_large = arith.constant false
  %ones_128 = memref.alloca() {alignment = 64 : i64} : memref<128xi8>
  vector.store %one, %ones_128[%c0] : memref<128xi8>, vector<128xi8>
  %ones = memref.cast %ones_128 : memref<128xi8> to memref<?xi8>
  %sums = func.call @dot_of_panel(%panel, %ones, %c0, %quads, %is_large, %none)
      : (memref<4096xi8>, memref<?xi8>, index, index, i1, vector<32xi32>) -> vector<32xi32>
  return %sums : vector<32xi32>
}

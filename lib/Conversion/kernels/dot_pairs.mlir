// Products with a panel of weights by multiplying bytes and adding pairs into 16 bits, which are widened after four such
// sums. Four fit if levels are below 32, or if they are below 256 and weights at most 16 in size; otherwise `is_large`
// (EmitQuantized.c).

// For 32 rows `start` plus the sums over `quads` times four channels of weight * activation. Per four channels of 32 rows
// with AVX2: 1 broadcast, 4 multiplications with weights in memory, 3 additions, and 2 to widen; 8 registers for sums, 1 for
// activations.
func.func private @dot_of_panel(%panel: memref<4096xi8>, %activations: memref<?xi8>, %at: index, %quads: index,
                                %is_large: i1, %start: vector<32xi32>) -> vector<32xi32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %start0 = vector.extract_strided_slice %start {offsets = [0], sizes = [8], strides = [1]}
      : vector<32xi32> to vector<8xi32>
  %start1 = vector.extract_strided_slice %start {offsets = [8], sizes = [8], strides = [1]}
      : vector<32xi32> to vector<8xi32>
  %start2 = vector.extract_strided_slice %start {offsets = [16], sizes = [8], strides = [1]}
      : vector<32xi32> to vector<8xi32>
  %start3 = vector.extract_strided_slice %start {offsets = [24], sizes = [8], strides = [1]}
      : vector<32xi32> to vector<8xi32>
  %none16 = arith.constant dense<0> : vector<16xi16>
  %sums:4 = scf.if %is_large -> (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) {
    %large:4 = func.call @dot_of_large(%panel, %activations, %at, %quads, %start0, %start1, %start2, %start3)
        : (memref<4096xi8>, memref<?xi8>, index, index, vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>)
        -> (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>)
    scf.yield %large#0, %large#1, %large#2, %large#3 : vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>
  } else {
    %small:4 = scf.for %first = %c0 to %quads step %c4
        iter_args(%a0 = %start0, %b0 = %start1, %c0_ = %start2, %d0 = %start3)
        -> (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) {
      %narrow:4 = scf.for %quad = %c0 to %c4 step %c1
          iter_args(%na0 = %none16, %nb0 = %none16, %nc0 = %none16, %nd0 = %none16)
          -> (vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>) {
        %this = arith.addi %first, %quad : index
        %p:4 = func.call @products_of_quad(%panel, %activations, %at, %this)
            : (memref<4096xi8>, memref<?xi8>, index, index)
            -> (vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>)
        %na1 = arith.addi %na0, %p#0 : vector<16xi16>
        %nb1 = arith.addi %nb0, %p#1 : vector<16xi16>
        %nc1 = arith.addi %nc0, %p#2 : vector<16xi16>
        %nd1 = arith.addi %nd0, %p#3 : vector<16xi16>
        scf.yield %na1, %nb1, %nc1, %nd1 : vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>
      }
      %wide:4 = func.call @add_pairs(%a0, %b0, %c0_, %d0, %narrow#0, %narrow#1, %narrow#2, %narrow#3)
          : (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>,
             vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>)
          -> (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>)
      scf.yield %wide#0, %wide#1, %wide#2, %wide#3 : vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>
    }
    scf.yield %small#0, %small#1, %small#2, %small#3 : vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>
  }
  %dot = func.call @join_rows(%sums#0, %sums#1, %sums#2, %sums#3)
      : (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) -> vector<32xi32>
  return %dot : vector<32xi32>
}

// The same for four tokens.
func.func private @four_dots_of_panel(%panel: memref<4096xi8>, %activations: memref<?xi8>, %at: index,
                                      %token_bytes: index, %quads: index, %is_large: i1, %start: vector<32xi32>)
    -> (vector<32xi32>, vector<32xi32>, vector<32xi32>, vector<32xi32>) {
  %at1 = arith.addi %at, %token_bytes : index
  %at2 = arith.addi %at1, %token_bytes : index
  %at3 = arith.addi %at2, %token_bytes : index
  %dot0 = func.call @dot_of_panel(%panel, %activations, %at, %quads, %is_large, %start)
      : (memref<4096xi8>, memref<?xi8>, index, index, i1, vector<32xi32>) -> vector<32xi32>
  %dot1 = func.call @dot_of_panel(%panel, %activations, %at1, %quads, %is_large, %start)
      : (memref<4096xi8>, memref<?xi8>, index, index, i1, vector<32xi32>) -> vector<32xi32>
  %dot2 = func.call @dot_of_panel(%panel, %activations, %at2, %quads, %is_large, %start)
      : (memref<4096xi8>, memref<?xi8>, index, index, i1, vector<32xi32>) -> vector<32xi32>
  %dot3 = func.call @dot_of_panel(%panel, %activations, %at3, %quads, %is_large, %start)
      : (memref<4096xi8>, memref<?xi8>, index, index, i1, vector<32xi32>) -> vector<32xi32>
  return %dot0, %dot1, %dot2, %dot3 : vector<32xi32>, vector<32xi32>, vector<32xi32>, vector<32xi32>
}

func.func private @add_pairs(%a0: vector<8xi32>, %b0: vector<8xi32>, %c0: vector<8xi32>, %d0: vector<8xi32>,
                             %a: vector<16xi16>, %b: vector<16xi16>, %c: vector<16xi16>, %d: vector<16xi16>)
    -> (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) {
  %wa = func.call @sums_of_pairs(%a) : (vector<16xi16>) -> vector<8xi32>
  %wb = func.call @sums_of_pairs(%b) : (vector<16xi16>) -> vector<8xi32>
  %wc = func.call @sums_of_pairs(%c) : (vector<16xi16>) -> vector<8xi32>
  %wd = func.call @sums_of_pairs(%d) : (vector<16xi16>) -> vector<8xi32>
  %a1 = arith.addi %a0, %wa : vector<8xi32>
  %b1 = arith.addi %b0, %wb : vector<8xi32>
  %c1 = arith.addi %c0, %wc : vector<8xi32>
  %d1 = arith.addi %d0, %wd : vector<8xi32>
  return %a1, %b1, %c1, %d1 : vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>
}

// Four activations, 32 times.
func.func private @broadcast_quad(%activations: memref<?xi8>, %at: index) -> vector<32xi8> {
  %scalar = func.call @load_word(%activations, %at) : (memref<?xi8>, index) -> i32
  %words = vector.broadcast %scalar : i32 to vector<8xi32>
  %bytes = vector.bitcast %words : vector<8xi32> to vector<32xi8>
  return %bytes : vector<32xi8>
}

func.func private @products_of_quad(%panel: memref<4096xi8>, %activations: memref<?xi8>, %at: index, %quad: index)
    -> (vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>) {
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %c128 = arith.constant 128 : index
  %channel = arith.muli %quad, %c4 : index
  %x_at = arith.addi %at, %channel : index
  %x = func.call @broadcast_quad(%activations, %x_at) : (memref<?xi8>, index) -> vector<32xi8>
  %wa_at = arith.muli %quad, %c128 : index
  %wb_at = arith.addi %wa_at, %c32 : index
  %wc_at = arith.addi %wb_at, %c32 : index
  %wd_at = arith.addi %wc_at, %c32 : index
  %wa = vector.load %panel[%wa_at] : memref<4096xi8>, vector<32xi8>
  %wb = vector.load %panel[%wb_at] : memref<4096xi8>, vector<32xi8>
  %wc = vector.load %panel[%wc_at] : memref<4096xi8>, vector<32xi8>
  %wd = vector.load %panel[%wd_at] : memref<4096xi8>, vector<32xi8>
  %a = func.call @products_of_pairs(%x, %wa) : (vector<32xi8>, vector<32xi8>) -> vector<16xi16>
  %b = func.call @products_of_pairs(%x, %wb) : (vector<32xi8>, vector<32xi8>) -> vector<16xi16>
  %c = func.call @products_of_pairs(%x, %wc) : (vector<32xi8>, vector<32xi8>) -> vector<16xi16>
  %d = func.call @products_of_pairs(%x, %wd) : (vector<32xi8>, vector<32xi8>) -> vector<16xi16>
  return %a, %b, %c, %d : vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>
}

// Where two products may not fit 16 bits: half of each weight, then the other half.
func.func private @dot_of_large(%panel: memref<4096xi8>, %activations: memref<?xi8>, %at: index, %quads: index,
                                %start0: vector<8xi32>, %start1: vector<8xi32>, %start2: vector<8xi32>,
                                %start3: vector<8xi32>)
    -> (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %c128 = arith.constant 128 : index
  %sums:4 = scf.for %quad = %c0 to %quads step %c1 iter_args(%a0 = %start0, %b0 = %start1, %c0_ = %start2, %d0 = %start3)
      -> (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) {
    %channel = arith.muli %quad, %c4 : index
    %x_at = arith.addi %at, %channel : index
    %x = func.call @broadcast_quad(%activations, %x_at) : (memref<?xi8>, index) -> vector<32xi8>
    %wa_at = arith.muli %quad, %c128 : index
    %wb_at = arith.addi %wa_at, %c32 : index
    %wc_at = arith.addi %wb_at, %c32 : index
    %wd_at = arith.addi %wc_at, %c32 : index
    %a = func.call @add_large(%a0, %x, %panel, %wa_at)
        : (vector<8xi32>, vector<32xi8>, memref<4096xi8>, index) -> vector<8xi32>
    %b = func.call @add_large(%b0, %x, %panel, %wb_at)
        : (vector<8xi32>, vector<32xi8>, memref<4096xi8>, index) -> vector<8xi32>
    %c = func.call @add_large(%c0_, %x, %panel, %wc_at)
        : (vector<8xi32>, vector<32xi8>, memref<4096xi8>, index) -> vector<8xi32>
    %d = func.call @add_large(%d0, %x, %panel, %wd_at)
        : (vector<8xi32>, vector<32xi8>, memref<4096xi8>, index) -> vector<8xi32>
    scf.yield %a, %b, %c, %d : vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>
  }
  return %sums#0, %sums#1, %sums#2, %sums#3 : vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>
}

func.func private @add_large(%sum: vector<8xi32>, %x: vector<32xi8>, %panel: memref<4096xi8>, %at: index)
    -> vector<8xi32> {
  %one = arith.constant dense<1> : vector<32xi8>
  %w = vector.load %panel[%at] : memref<4096xi8>, vector<32xi8>
  %half = arith.shrsi %w, %one : vector<32xi8>
  %other = arith.subi %w, %half : vector<32xi8>
  %first = func.call @products_of_pairs(%x, %half) : (vector<32xi8>, vector<32xi8>) -> vector<16xi16>
  %second = func.call @products_of_pairs(%x, %other) : (vector<32xi8>, vector<32xi8>) -> vector<16xi16>
  %first32 = func.call @sums_of_pairs(%first) : (vector<16xi16>) -> vector<8xi32>
  %second32 = func.call @sums_of_pairs(%second) : (vector<16xi16>) -> vector<8xi32>
  %with_first = arith.addi %sum, %first32 : vector<8xi32>
  %with_both = arith.addi %with_first, %second32 : vector<8xi32>
  return %with_both : vector<8xi32>
}

// The exact dot products of 32 rows of INT8 weights with INT8 activations over `width` columns: products of sizes and
// signs, for what is multiplied must be unsigned on one side. Codes do not exceed 127 in size, so two products fit 16
// bits. Per four columns of 32 rows with AVX2: 1 broadcast, 1 vpabsb, and 4 each of vpsignb, vpmaddubsw, vpmaddwd, vpaddd.
func.func private @dot_int8(%weights: memref<?xi8>, %weights_at: index, %activations: memref<?xi8>,
                            %activations_at: index, %width: index) -> vector<32xi32> {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %c32 = arith.constant 32 : index
  %none = arith.constant dense<0> : vector<8xi32>
  %sums:4 = scf.for %column = %c0 to %width step %c4 iter_args(%a0 = %none, %b0 = %none, %c0_ = %none, %d0 = %none)
      -> (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) {
    %x_at = arith.addi %activations_at, %column : index
    %x = func.call @broadcast_quad(%activations, %x_at) : (memref<?xi8>, index) -> vector<32xi8>
    %size = func.call @with_sign_of(%x, %x) : (vector<32xi8>, vector<32xi8>) -> vector<32xi8>
    %offset = arith.muli %column, %c32 : index
    %wa_at = arith.addi %weights_at, %offset : index
    %wb_at = arith.addi %wa_at, %c32 : index
    %wc_at = arith.addi %wb_at, %c32 : index
    %wd_at = arith.addi %wc_at, %c32 : index
    %a = func.call @add_signed(%a0, %x, %size, %weights, %wa_at)
        : (vector<8xi32>, vector<32xi8>, vector<32xi8>, memref<?xi8>, index) -> vector<8xi32>
    %b = func.call @add_signed(%b0, %x, %size, %weights, %wb_at)
        : (vector<8xi32>, vector<32xi8>, vector<32xi8>, memref<?xi8>, index) -> vector<8xi32>
    %c = func.call @add_signed(%c0_, %x, %size, %weights, %wc_at)
        : (vector<8xi32>, vector<32xi8>, vector<32xi8>, memref<?xi8>, index) -> vector<8xi32>
    %d = func.call @add_signed(%d0, %x, %size, %weights, %wd_at)
        : (vector<8xi32>, vector<32xi8>, vector<32xi8>, memref<?xi8>, index) -> vector<8xi32>
    scf.yield %a, %b, %c, %d : vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>
  }
  %dot = func.call @join_rows(%sums#0, %sums#1, %sums#2, %sums#3)
      : (vector<8xi32>, vector<8xi32>, vector<8xi32>, vector<8xi32>) -> vector<32xi32>
  return %dot : vector<32xi32>
}

func.func private @add_signed(%sum: vector<8xi32>, %x: vector<32xi8>, %size: vector<32xi8>, %weights: memref<?xi8>,
                              %at: index) -> vector<8xi32> {
  %w = vector.load %weights[%at] : memref<?xi8>, vector<32xi8>
  %signed = func.call @with_sign_of(%w, %x) : (vector<32xi8>, vector<32xi8>) -> vector<32xi8>
  %products = func.call @products_of_pairs(%size, %signed) : (vector<32xi8>, vector<32xi8>) -> vector<16xi16>
  %wide = func.call @sums_of_pairs(%products) : (vector<16xi16>) -> vector<8xi32>
  %next = arith.addi %sum, %wide : vector<8xi32>
  return %next : vector<8xi32>
}

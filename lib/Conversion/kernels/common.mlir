// What several kernels share. These functions are always inlined.

// The part [begin, end) of `items` items that a thread takes: contiguous, sizes differing by one at most.
func.func private @range_of(%items: index, %thread: index, %threads: index) -> (index, index) {
  %before = arith.muli %items, %thread : index
  %begin = arith.divui %before, %threads : index
  %up_to = arith.addi %before, %items : index
  %end = arith.divui %up_to, %threads : index
  return %begin, %end : index, index
}

// The same where the count of tokens is from `least` to `most`, nothing otherwise: one of two kernels for a linear does
// its work, the other none.
func.func private @range_for(%items: index, %count: index, %least: index, %most: index, %thread: index,
                             %threads: index) -> (index, index) {
  %c0 = arith.constant 0 : index
  %is_enough = arith.cmpi uge, %count, %least : index
  %is_few = arith.cmpi ule, %count, %most : index
  %is_mine = arith.andi %is_enough, %is_few : i1
  %share = arith.select %is_mine, %items, %c0 : index
  %begin, %end = func.call @range_of(%share, %thread, %threads) : (index, index, index) -> (index, index)
  return %begin, %end : index, index
}

// Where the planes of a group begin, and its tables, in the activations of the token at `token_at`.
func.func private @planes_of_group(%token_at: index, %group: index, %planes: index) -> index {
  %c16 = arith.constant 16 : index
  %before = arith.muli %group, %planes : index
  %offset = arith.muli %before, %c16 : index
  %at = arith.addi %token_at, %offset : index
  return %at : index
}
func.func private @tables_of_group(%token_at: index, %tables_offset: index, %group: index, %planes: index) -> index {
  %c128 = arith.constant 128 : index
  %before = arith.muli %group, %planes : index
  %offset = arith.muli %before, %c128 : index
  %in_token = arith.addi %tables_offset, %offset : index
  %at = arith.addi %token_at, %in_token : index
  return %at : index
}

// The lowest level: that of the last plane alone, whose scale is the only negative one.
func.func private @lowest_level(%table: memref<?xi32>, %planes: index) -> i32 {
  %c1 = arith.constant 1 : index
  %last = arith.subi %planes, %c1 : index
  %lowest = memref.load %table[%last] : memref<?xi32>
  return %lowest : i32
}

// Four bytes as an integer.
func.func private @load_word(%bytes: memref<?xi8>, %at: index) -> i32 {
  %four = vector.load %bytes[%at] : memref<?xi8>, vector<4xi8>
  %word = vector.bitcast %four : vector<4xi8> to vector<1xi32>
  %scalar = vector.extract %word[0] : i32 from vector<1xi32>
  return %scalar : i32
}

// total + scale_a * a + scale_b * b, where a and b count bits in bytes. Bytes widen to 16 bits even ones first, odd
// ones last: binq_row_slot places rows so that @pairs_of_rows finds them with one instruction each.
func.func private @add_counts(%total: vector<2x16xi16>, %a: vector<32xi8>, %b: vector<32xi8>,
                              %scale_a: i32, %scale_b: i32) -> vector<2x16xi16> {
  %a16 = func.call @widen(%a) : (vector<32xi8>) -> vector<2x16xi16>
  %b16 = func.call @widen(%b) : (vector<32xi8>) -> vector<2x16xi16>
  %narrow_a = arith.trunci %scale_a : i32 to i16
  %narrow_b = arith.trunci %scale_b : i32 to i16
  %scales_a = vector.broadcast %narrow_a : i16 to vector<2x16xi16>
  %scales_b = vector.broadcast %narrow_b : i16 to vector<2x16xi16>
  %scaled_a = arith.muli %a16, %scales_a : vector<2x16xi16>
  %scaled_b = arith.muli %b16, %scales_b : vector<2x16xi16>
  %with_a = arith.addi %total, %scaled_a : vector<2x16xi16>
  %with_b = arith.addi %with_a, %scaled_b : vector<2x16xi16>
  return %with_b : vector<2x16xi16>
}

func.func private @widen(%bytes: vector<32xi8>) -> vector<2x16xi16> {
  %low = arith.constant dense<255> : vector<16xi16>
  %bits = arith.constant dense<8> : vector<16xi16>
  %pairs = vector.bitcast %bytes : vector<32xi8> to vector<16xi16>
  %even = arith.andi %pairs, %low : vector<16xi16>
  %odd = arith.shrui %pairs, %bits : vector<16xi16>
  %none = arith.constant dense<0> : vector<2x16xi16>
  %with_even = vector.insert %even, %none[0] : vector<16xi16> into vector<2x16xi16>
  %all = vector.insert %odd, %with_even[1] : vector<16xi16> into vector<2x16xi16>
  return %all : vector<2x16xi16>
}

// Pairs of a row of `a` and the same of `b`, 8 rows at a time: widened rows in their order.
func.func private @pairs_of_rows(%a: vector<2x16xi16>, %b: vector<2x16xi16>)
    -> (vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>) {
  %a0 = vector.extract %a[0] : vector<16xi16> from vector<2x16xi16>
  %a1 = vector.extract %a[1] : vector<16xi16> from vector<2x16xi16>
  %b0 = vector.extract %b[0] : vector<16xi16> from vector<2x16xi16>
  %b1 = vector.extract %b[1] : vector<16xi16> from vector<2x16xi16>
  %p0 = vector.shuffle %a0, %b0 [0, 16, 1, 17, 2, 18, 3, 19, 8, 24, 9, 25, 10, 26, 11, 27]
      : vector<16xi16>, vector<16xi16>
  %p1 = vector.shuffle %a0, %b0 [4, 20, 5, 21, 6, 22, 7, 23, 12, 28, 13, 29, 14, 30, 15, 31]
      : vector<16xi16>, vector<16xi16>
  %p2 = vector.shuffle %a1, %b1 [0, 16, 1, 17, 2, 18, 3, 19, 8, 24, 9, 25, 10, 26, 11, 27]
      : vector<16xi16>, vector<16xi16>
  %p3 = vector.shuffle %a1, %b1 [4, 20, 5, 21, 6, 22, 7, 23, 12, 28, 13, 29, 14, 30, 15, 31]
      : vector<16xi16>, vector<16xi16>
  return %p0, %p1, %p2, %p3 : vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>
}

func.func private @join_rows(%r0: vector<8xi32>, %r1: vector<8xi32>, %r2: vector<8xi32>, %r3: vector<8xi32>)
    -> vector<32xi32> {
  %low = vector.shuffle %r0, %r1 [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
      : vector<8xi32>, vector<8xi32>
  %high = vector.shuffle %r2, %r3 [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
      : vector<8xi32>, vector<8xi32>
  %all = vector.shuffle %low, %high [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
                                     16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31]
      : vector<16xi32>, vector<16xi32>
  return %all : vector<32xi32>
}

// acc + float(dot) * (float(scales[at ...]) * activation_scale), each operation rounded by itself.
func.func private @add_term(%acc: vector<32xf32>, %dot: vector<32xi32>, %scales: memref<?xf16>, %at: index,
                            %activation_scale: f32) -> vector<32xf32> {
  %scales16 = vector.load %scales[%at] : memref<?xf16>, vector<32xf16>
  %row_scales = arith.extf %scales16 : vector<32xf16> to vector<32xf32>
  %sum = func.call @add_scaled(%acc, %dot, %row_scales, %activation_scale)
      : (vector<32xf32>, vector<32xi32>, vector<32xf32>, f32) -> vector<32xf32>
  return %sum : vector<32xf32>
}

func.func private @add_scaled(%acc: vector<32xf32>, %dot: vector<32xi32>, %row_scales: vector<32xf32>,
                              %activation_scale: f32) -> vector<32xf32> {
  %activation_scales = vector.broadcast %activation_scale : f32 to vector<32xf32>
  %factors = arith.mulf %row_scales, %activation_scales : vector<32xf32>
  %dots = arith.sitofp %dot : vector<32xi32> to vector<32xf32>
  %terms = arith.mulf %dots, %factors : vector<32xf32>
  %sum = arith.addf %acc, %terms : vector<32xf32>
  return %sum : vector<32xf32>
}

// The largest value. With x86, comparing and choosing is one instruction, unlike a maximum that minds what is no number; the
// second of two is chosen where one is none.
func.func private @max_of_32(%x: vector<32xf32>) -> f32 {
  %x0 = vector.extract_strided_slice %x {offsets = [0], sizes = [16], strides = [1]} : vector<32xf32> to vector<16xf32>
  %x1 = vector.extract_strided_slice %x {offsets = [16], sizes = [16], strides = [1]} : vector<32xf32> to vector<16xf32>
  %is_larger = arith.cmpf ogt, %x0, %x1 : vector<16xf32>
  %x01 = arith.select %is_larger, %x0, %x1 : vector<16xi1>, vector<16xf32>
  %max = func.call @max_of_16(%x01) : (vector<16xf32>) -> f32
  return %max : f32
}

func.func private @max_of_16(%x: vector<16xf32>) -> f32 {
  %x0 = vector.extract_strided_slice %x {offsets = [0], sizes = [8], strides = [1]} : vector<16xf32> to vector<8xf32>
  %x1 = vector.extract_strided_slice %x {offsets = [8], sizes = [8], strides = [1]} : vector<16xf32> to vector<8xf32>
  %is_larger = arith.cmpf ogt, %x0, %x1 : vector<8xf32>
  %x01 = arith.select %is_larger, %x0, %x1 : vector<8xi1>, vector<8xf32>
  %max = func.call @max_of_8(%x01) : (vector<8xf32>) -> f32
  return %max : f32
}

func.func private @max_of_8(%x: vector<8xf32>) -> f32 {
  %low4 = vector.extract_strided_slice %x {offsets = [0], sizes = [4], strides = [1]} : vector<8xf32> to vector<4xf32>
  %high4 = vector.extract_strided_slice %x {offsets = [4], sizes = [4], strides = [1]} : vector<8xf32> to vector<4xf32>
  %is_larger4 = arith.cmpf ogt, %low4, %high4 : vector<4xf32>
  %by4 = arith.select %is_larger4, %low4, %high4 : vector<4xi1>, vector<4xf32>
  %low2 = vector.extract_strided_slice %by4 {offsets = [0], sizes = [2], strides = [1]} : vector<4xf32> to vector<2xf32>
  %high2 = vector.extract_strided_slice %by4 {offsets = [2], sizes = [2], strides = [1]} : vector<4xf32> to vector<2xf32>
  %is_larger2 = arith.cmpf ogt, %low2, %high2 : vector<2xf32>
  %by2 = arith.select %is_larger2, %low2, %high2 : vector<2xi1>, vector<2xf32>
  %even = vector.extract %by2[0] : f32 from vector<2xf32>
  %odd = vector.extract %by2[1] : f32 from vector<2xf32>
  %is_larger = arith.cmpf ogt, %even, %odd : f32
  %max = arith.select %is_larger, %even, %odd : f32
  return %max : f32
}

// Eight sums of every eighth value, then @sum_of_8 of them.
func.func private @sum_of_32(%x: vector<32xf32>) -> f32 {
  %x0 = vector.extract_strided_slice %x {offsets = [0], sizes = [8], strides = [1]} : vector<32xf32> to vector<8xf32>
  %x1 = vector.extract_strided_slice %x {offsets = [8], sizes = [8], strides = [1]} : vector<32xf32> to vector<8xf32>
  %x2 = vector.extract_strided_slice %x {offsets = [16], sizes = [8], strides = [1]} : vector<32xf32> to vector<8xf32>
  %x3 = vector.extract_strided_slice %x {offsets = [24], sizes = [8], strides = [1]} : vector<32xf32> to vector<8xf32>
  %x01 = arith.addf %x0, %x1 : vector<8xf32>
  %x012 = arith.addf %x01, %x2 : vector<8xf32>
  %x0123 = arith.addf %x012, %x3 : vector<8xf32>
  %sum = func.call @sum_of_8(%x0123) : (vector<8xf32>) -> f32
  return %sum : f32
}

// ((s0+s4)+(s2+s6))+((s1+s5)+(s3+s7))
func.func private @sum_of_8(%s: vector<8xf32>) -> f32 {
  %low4 = vector.extract_strided_slice %s {offsets = [0], sizes = [4], strides = [1]}
      : vector<8xf32> to vector<4xf32>
  %high4 = vector.extract_strided_slice %s {offsets = [4], sizes = [4], strides = [1]}
      : vector<8xf32> to vector<4xf32>
  %by4 = arith.addf %low4, %high4 : vector<4xf32>
  %low2 = vector.extract_strided_slice %by4 {offsets = [0], sizes = [2], strides = [1]}
      : vector<4xf32> to vector<2xf32>
  %high2 = vector.extract_strided_slice %by4 {offsets = [2], sizes = [2], strides = [1]}
      : vector<4xf32> to vector<2xf32>
  %by2 = arith.addf %low2, %high2 : vector<2xf32>
  %even = vector.extract %by2[0] : f32 from vector<2xf32>
  %odd = vector.extract %by2[1] : f32 from vector<2xf32>
  %sum = arith.addf %even, %odd : f32
  return %sum : f32
}

// e^x for x clamped to [-87, 88]: x = n ln 2 + r, a polynomial in r, then 2^n through the exponent's bits. Nothing is
// fused, so every machine gives the same bits.
func.func private @exp_32(%unclamped: vector<32xf32>) -> vector<32xf32> {
  %lowest = arith.constant dense<-87.0> : vector<32xf32>
  %highest = arith.constant dense<88.0> : vector<32xf32>
  %log2_e = arith.constant dense<1.44269504> : vector<32xf32>
  %half = arith.constant dense<0.5> : vector<32xf32>
  %one = arith.constant dense<1.0> : vector<32xf32>
  %ln2_high = arith.constant dense<0.693359375> : vector<32xf32>
  %ln2_low = arith.constant dense<-2.12194440e-4> : vector<32xf32>
  %p5 = arith.constant dense<1.9875691500e-4> : vector<32xf32>
  %p4 = arith.constant dense<1.3981999507e-3> : vector<32xf32>
  %p3 = arith.constant dense<8.3334519073e-3> : vector<32xf32>
  %p2 = arith.constant dense<4.1665795894e-2> : vector<32xf32>
  %p1 = arith.constant dense<1.6666665459e-1> : vector<32xf32>
  %p0 = arith.constant dense<5.0000001201e-1> : vector<32xf32>
  %bias = arith.constant dense<127> : vector<32xi32>
  %mantissa_bits = arith.constant dense<23> : vector<32xi32>

  %is_high = arith.cmpf ogt, %unclamped, %highest : vector<32xf32>
  %below = arith.select %is_high, %highest, %unclamped : vector<32xi1>, vector<32xf32>
  %is_low = arith.cmpf olt, %below, %lowest : vector<32xf32>
  %x = arith.select %is_low, %lowest, %below : vector<32xi1>, vector<32xf32>

  %scaled = arith.mulf %x, %log2_e : vector<32xf32>
  %rounded = arith.addf %scaled, %half : vector<32xf32>
  %n = math.floor %rounded : vector<32xf32>
  %n_high = arith.mulf %n, %ln2_high : vector<32xf32>
  %x_high = arith.subf %x, %n_high : vector<32xf32>
  %n_low = arith.mulf %n, %ln2_low : vector<32xf32>
  %r = arith.subf %x_high, %n_low : vector<32xf32>

  %m5 = arith.mulf %p5, %r : vector<32xf32>
  %q4 = arith.addf %m5, %p4 : vector<32xf32>
  %m4 = arith.mulf %q4, %r : vector<32xf32>
  %q3 = arith.addf %m4, %p3 : vector<32xf32>
  %m3 = arith.mulf %q3, %r : vector<32xf32>
  %q2 = arith.addf %m3, %p2 : vector<32xf32>
  %m2 = arith.mulf %q2, %r : vector<32xf32>
  %q1 = arith.addf %m2, %p1 : vector<32xf32>
  %m1 = arith.mulf %q1, %r : vector<32xf32>
  %p = arith.addf %m1, %p0 : vector<32xf32>
  %r2 = arith.mulf %r, %r : vector<32xf32>
  %p_r2 = arith.mulf %p, %r2 : vector<32xf32>
  %with_r = arith.addf %p_r2, %r : vector<32xf32>
  %y = arith.addf %with_r, %one : vector<32xf32>

  %exponent = arith.fptosi %n : vector<32xf32> to vector<32xi32>
  %biased = arith.addi %exponent, %bias : vector<32xi32>
  %shifted = arith.shli %biased, %mantissa_bits : vector<32xi32>
  %power = vector.bitcast %shifted : vector<32xi32> to vector<32xf32>
  %result = arith.mulf %y, %power : vector<32xf32>
  return %result : vector<32xf32>
}

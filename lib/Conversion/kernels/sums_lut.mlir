// T(v), the sum of the levels at the ones of v, for weight planes v of 32 rows over a group, by tables: a table has, for
// four channels, the sums of all 16 subsets of their levels (of their digits, with eight planes of activations). A half
// byte of a plane is an index into it. What @quantize_planes has added to make entries unsigned, the same for every
// entry of a table, is subtracted at the end. Entries are at most 124, so two add up in a byte.

// T(q), T(s) and T(q & s), in the order of @widen. Per 16 channels of 32 rows with AVX2: 4 loads, 16 for indices, 4 + 12
// for looking up, 6 + 18 to add: 60 instructions, and 7 registers for what is summed and masked.
func.func private @sums_of_codes_by_tables(
    %weights: memref<?xi8>, %codes_at: index, %activations: memref<?xi8>, %tables_at: index, %levels: memref<?xi32>,
    %planes: index, %channels: index) -> (vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  %c512 = arith.constant 512 : index
  %none = arith.constant dense<0> : vector<16xi16>
  %zeros = arith.constant dense<0> : vector<2x16xi16>
  %steps = arith.divui %channels, %c8 : index
  %digits = arith.divui %planes, %c4 : index
  %tq, %ts, %tqs = scf.for %digit = %c0 to %digits step %c1 iter_args(%tq0 = %zeros, %ts0 = %zeros, %tqs0 = %zeros)
      -> (vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>) {
    %digit_offset = arith.muli %digit, %c512 : index
    %digit_at = arith.addi %tables_at, %digit_offset : index
    %sums:6 = scf.for %step = %c0 to %steps step %c1
        iter_args(%q0 = %none, %q1 = %none, %s0 = %none, %s1 = %none, %qs0 = %none, %qs1 = %none)
        -> (vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>) {
      %step_offset = arith.muli %step, %c64 : index
      %q_at = arith.addi %codes_at, %step_offset : index
      %s_at = arith.addi %q_at, %c32 : index
      %q = vector.load %weights[%q_at] : memref<?xi8>, vector<32xi8>
      %s = vector.load %weights[%s_at] : memref<?xi8>, vector<32xi8>
      %q_low, %q_high = func.call @halves_of_bytes(%q) : (vector<32xi8>) -> (vector<32xi8>, vector<32xi8>)
      %s_low, %s_high = func.call @halves_of_bytes(%s) : (vector<32xi8>) -> (vector<32xi8>, vector<32xi8>)
      %qs_low = arith.andi %q_low, %s_low : vector<32xi8>
      %qs_high = arith.andi %q_high, %s_high : vector<32xi8>
      %table_offset = arith.muli %step, %c32 : index
      %table_at = arith.addi %digit_at, %table_offset : index
      %q2, %q3 = func.call @add_two_entries(%q0, %q1, %activations, %table_at, %q_low, %q_high)
          : (vector<16xi16>, vector<16xi16>, memref<?xi8>, index, vector<32xi8>, vector<32xi8>)
          -> (vector<16xi16>, vector<16xi16>)
      %s2, %s3 = func.call @add_two_entries(%s0, %s1, %activations, %table_at, %s_low, %s_high)
          : (vector<16xi16>, vector<16xi16>, memref<?xi8>, index, vector<32xi8>, vector<32xi8>)
          -> (vector<16xi16>, vector<16xi16>)
      %qs2, %qs3 = func.call @add_two_entries(%qs0, %qs1, %activations, %table_at, %qs_low, %qs_high)
          : (vector<16xi16>, vector<16xi16>, memref<?xi8>, index, vector<32xi8>, vector<32xi8>)
          -> (vector<16xi16>, vector<16xi16>)
      scf.yield %q2, %q3, %s2, %s3, %qs2, %qs3
          : vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>
    }
    %added = func.call @added_to_entries(%levels, %planes, %digit, %steps) : (memref<?xi32>, index, index, index) -> i16
    %tq1 = func.call @add_digit(%tq0, %sums#0, %sums#1, %added, %digit)
        : (vector<2x16xi16>, vector<16xi16>, vector<16xi16>, i16, index) -> vector<2x16xi16>
    %ts1 = func.call @add_digit(%ts0, %sums#2, %sums#3, %added, %digit)
        : (vector<2x16xi16>, vector<16xi16>, vector<16xi16>, i16, index) -> vector<2x16xi16>
    %tqs1 = func.call @add_digit(%tqs0, %sums#4, %sums#5, %added, %digit)
        : (vector<2x16xi16>, vector<16xi16>, vector<16xi16>, i16, index) -> vector<2x16xi16>
    scf.yield %tq1, %ts1, %tqs1 : vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>
  }
  return %tq, %ts, %tqs : vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>
}

// T of one to four weight planes; those that there are not give 0. Per 8 channels of 32 rows and three planes with AVX2: 2
// + 3 loads, 9 for indices, 6 to look up, 3 + 9 to add: 32 instructions, and 7 registers for what is summed and masked.
func.func private @sums_of_planes_by_tables(
    %weights: memref<?xi8>, %codes_at: index, %weight_planes: index, %activations: memref<?xi8>, %tables_at: index,
    %levels: memref<?xi32>, %planes: index, %channels: index)
    -> (vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c8 = arith.constant 8 : index
  %c32 = arith.constant 32 : index
  %c512 = arith.constant 512 : index
  %none = arith.constant dense<0> : vector<16xi16>
  %zeros = arith.constant dense<0> : vector<2x16xi16>
  %steps = arith.divui %channels, %c8 : index
  %digits = arith.divui %planes, %c4 : index
  %step_bytes = arith.muli %weight_planes, %c32 : index
  %t:4 = scf.for %digit = %c0 to %digits step %c1
      iter_args(%ta0 = %zeros, %tb0 = %zeros, %tc0 = %zeros, %td0 = %zeros)
      -> (vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>) {
    %digit_offset = arith.muli %digit, %c512 : index
    %digit_at = arith.addi %tables_at, %digit_offset : index
    %sums:8 = scf.for %step = %c0 to %steps step %c1
        iter_args(%a0 = %none, %a1 = %none, %b0 = %none, %b1 = %none,
                  %c0_ = %none, %c1_ = %none, %d0 = %none, %d1 = %none)
        -> (vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>,
            vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>) {
      %step_offset = arith.muli %step, %step_bytes : index
      %step_at = arith.addi %codes_at, %step_offset : index
      %table_offset = arith.muli %step, %c32 : index
      %table_at = arith.addi %digit_at, %table_offset : index
      %a:2 = func.call @add_plane(%a0, %a1, %weights, %step_at, %c0, %weight_planes, %activations, %table_at)
          : (vector<16xi16>, vector<16xi16>, memref<?xi8>, index, index, index, memref<?xi8>, index)
          -> (vector<16xi16>, vector<16xi16>)
      %b:2 = func.call @add_plane(%b0, %b1, %weights, %step_at, %c1, %weight_planes, %activations, %table_at)
          : (vector<16xi16>, vector<16xi16>, memref<?xi8>, index, index, index, memref<?xi8>, index)
          -> (vector<16xi16>, vector<16xi16>)
      %c:2 = func.call @add_plane(%c0_, %c1_, %weights, %step_at, %c2, %weight_planes, %activations, %table_at)
          : (vector<16xi16>, vector<16xi16>, memref<?xi8>, index, index, index, memref<?xi8>, index)
          -> (vector<16xi16>, vector<16xi16>)
      %d:2 = func.call @add_plane(%d0, %d1, %weights, %step_at, %c3, %weight_planes, %activations, %table_at)
          : (vector<16xi16>, vector<16xi16>, memref<?xi8>, index, index, index, memref<?xi8>, index)
          -> (vector<16xi16>, vector<16xi16>)
      scf.yield %a#0, %a#1, %b#0, %b#1, %c#0, %c#1, %d#0, %d#1
          : vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>,
            vector<16xi16>, vector<16xi16>, vector<16xi16>, vector<16xi16>
    }
    %added = func.call @added_to_entries(%levels, %planes, %digit, %steps) : (memref<?xi32>, index, index, index) -> i16
    %ta1 = func.call @add_digit(%ta0, %sums#0, %sums#1, %added, %digit)
        : (vector<2x16xi16>, vector<16xi16>, vector<16xi16>, i16, index) -> vector<2x16xi16>
    %tb1 = func.call @add_digit(%tb0, %sums#2, %sums#3, %added, %digit)
        : (vector<2x16xi16>, vector<16xi16>, vector<16xi16>, i16, index) -> vector<2x16xi16>
    %tc1 = func.call @add_digit(%tc0, %sums#4, %sums#5, %added, %digit)
        : (vector<2x16xi16>, vector<16xi16>, vector<16xi16>, i16, index) -> vector<2x16xi16>
    %td1 = func.call @add_digit(%td0, %sums#6, %sums#7, %added, %digit)
        : (vector<2x16xi16>, vector<16xi16>, vector<16xi16>, i16, index) -> vector<2x16xi16>
    scf.yield %ta1, %tb1, %tc1, %td1 : vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>
  }
  return %t#0, %t#1, %t#2, %t#3 : vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>, vector<2x16xi16>
}

// Adds the entries for a step of plane `plane`, if there is that plane.
func.func private @add_plane(%sums: vector<16xi16>, %odd: vector<16xi16>, %weights: memref<?xi8>, %step_at: index,
                             %plane: index, %weight_planes: index, %activations: memref<?xi8>, %table_at: index)
    -> (vector<16xi16>, vector<16xi16>) {
  %c32 = arith.constant 32 : index
  %is_there = arith.cmpi ult, %plane, %weight_planes : index
  %next:2 = scf.if %is_there -> (vector<16xi16>, vector<16xi16>) {
    %offset = arith.muli %plane, %c32 : index
    %at = arith.addi %step_at, %offset : index
    %bits = vector.load %weights[%at] : memref<?xi8>, vector<32xi8>
    %low, %high = func.call @halves_of_bytes(%bits) : (vector<32xi8>) -> (vector<32xi8>, vector<32xi8>)
    %with:2 = func.call @add_two_entries(%sums, %odd, %activations, %table_at, %low, %high)
        : (vector<16xi16>, vector<16xi16>, memref<?xi8>, index, vector<32xi8>, vector<32xi8>)
        -> (vector<16xi16>, vector<16xi16>)
    scf.yield %with#0, %with#1 : vector<16xi16>, vector<16xi16>
  } else {
    scf.yield %sums, %odd : vector<16xi16>, vector<16xi16>
  }
  return %next#0, %next#1 : vector<16xi16>, vector<16xi16>
}

func.func private @halves_of_bytes(%bytes: vector<32xi8>) -> (vector<32xi8>, vector<32xi8>) {
  %mask = arith.constant dense<15> : vector<32xi8>
  %c4 = arith.constant dense<4> : vector<32xi8>
  %low = arith.andi %bytes, %mask : vector<32xi8>
  %high = arith.shrui %bytes, %c4 : vector<32xi8>
  return %low, %high : vector<32xi8>, vector<32xi8>
}

// Looks up in the table at `at` and in the next one. `sums` gets the 16-bit words as they are, `odd` their high bytes:
// the sum of the low bytes is the difference of the two.
func.func private @add_two_entries(%sums: vector<16xi16>, %odd: vector<16xi16>, %activations: memref<?xi8>, %at: index,
                                   %low: vector<32xi8>, %high: vector<32xi8>) -> (vector<16xi16>, vector<16xi16>) {
  %c16 = arith.constant 16 : index
  %c8 = arith.constant dense<8> : vector<16xi16>
  %next_at = arith.addi %at, %c16 : index
  %table = vector.load %activations[%at] : memref<?xi8>, vector<16xi8>
  %next = vector.load %activations[%next_at] : memref<?xi8>, vector<16xi8>
  %a = func.call @look_up(%table, %low) : (vector<16xi8>, vector<32xi8>) -> vector<32xi8>
  %b = func.call @look_up(%next, %high) : (vector<16xi8>, vector<32xi8>) -> vector<32xi8>
  %both = arith.addi %a, %b : vector<32xi8>
  %words = vector.bitcast %both : vector<32xi8> to vector<16xi16>
  %with_words = arith.addi %sums, %words : vector<16xi16>
  %high_bytes = arith.shrui %words, %c8 : vector<16xi16>
  %with_high = arith.addi %odd, %high_bytes : vector<16xi16>
  return %with_words, %with_high : vector<16xi16>, vector<16xi16>
}

// What the entries of `steps` pairs of tables have in them beyond sums of levels: with four planes -4 times the lowest
// level each, with eight nothing in the low digit and 32 in the high one.
func.func private @added_to_entries(%levels: memref<?xi32>, %planes: index, %digit: index, %steps: index) -> i16 {
  %c8 = arith.constant 8 : index
  %minus_8 = arith.constant -8 : i32
  %c64 = arith.constant 64 : i32
  %is_8 = arith.cmpi eq, %planes, %c8 : index
  %one = scf.if %is_8 -> (i32) {
    %digit32 = arith.index_cast %digit : index to i32
    %of_digit = arith.muli %digit32, %c64 : i32
    scf.yield %of_digit : i32
  } else {
    %lowest = func.call @lowest_level(%levels, %planes) : (memref<?xi32>, index) -> i32
    %of_two = arith.muli %lowest, %minus_8 : i32
    scf.yield %of_two : i32
  }
  %steps32 = arith.index_cast %steps : index to i32
  %all = arith.muli %one, %steps32 : i32
  %narrow = arith.trunci %all : i32 to i16
  return %narrow : i16
}

// total + 16^digit (T of the digit), the even bytes first, then the odd ones.
func.func private @add_digit(%total: vector<2x16xi16>, %sums: vector<16xi16>, %odd: vector<16xi16>, %added: i16,
                             %digit: index) -> vector<2x16xi16> {
  %c4 = arith.constant 4 : index
  %c8 = arith.constant dense<8> : vector<16xi16>
  %placed = arith.shli %odd, %c8 : vector<16xi16>
  %even = arith.subi %sums, %placed : vector<16xi16>
  %with_even = vector.insert %even, %total[0] : vector<16xi16> into vector<2x16xi16>
  %both = vector.insert %odd, %with_even[1] : vector<16xi16> into vector<2x16xi16>
  %all_added = vector.broadcast %added : i16 to vector<2x16xi16>
  %t = arith.subi %both, %all_added : vector<2x16xi16>
  %shift = arith.muli %digit, %c4 : index
  %shift16 = arith.index_cast %shift : index to i16
  %shifts = vector.broadcast %shift16 : i16 to vector<2x16xi16>
  %weighted = arith.shli %t, %shifts : vector<2x16xi16>
  %with = arith.addi %total, %weighted : vector<2x16xi16>
  return %with : vector<2x16xi16>
}

// Between binary16 and binary32, for instruction sets that have no conversion: the same bits as arith.extf and
// arith.truncf give.

// The exponent is moved to where binary32 has it by a product with 2^112, which is exact and takes subnormals along.
func.func private @widen_halves(%halves: vector<32xf16>) -> vector<32xf32> {
  %sign_bit = arith.constant dense<0x80000000> : vector<32xi32>
  %size_bits = arith.constant dense<0x7fff> : vector<32xi32>
  %c13 = arith.constant dense<13> : vector<32xi32>
  %power = arith.constant dense<5.192296858534828e+33> : vector<32xf32>
  %least_infinite = arith.constant dense<0x7c00> : vector<32xi32>
  %exponent_bits = arith.constant dense<0x7f800000> : vector<32xi32>
  %bits16 = vector.bitcast %halves : vector<32xf16> to vector<32xi16>
  %bits = arith.extsi %bits16 : vector<32xi16> to vector<32xi32>
  %sign = arith.andi %bits, %sign_bit : vector<32xi32>
  %size = arith.andi %bits, %size_bits : vector<32xi32>
  %moved_bits = arith.shli %size, %c13 : vector<32xi32>
  %moved = vector.bitcast %moved_bits : vector<32xi32> to vector<32xf32>
  %finite = arith.mulf %moved, %power : vector<32xf32>
  %finite_bits = vector.bitcast %finite : vector<32xf32> to vector<32xi32>
  %infinite_bits = arith.ori %finite_bits, %exponent_bits : vector<32xi32>
  %is_infinite = arith.cmpi sge, %size, %least_infinite : vector<32xi32>
  %wide_size = arith.select %is_infinite, %infinite_bits, %finite_bits : vector<32xi1>, vector<32xi32>
  %wide_bits = arith.ori %wide_size, %sign : vector<32xi32>
  %wide = vector.bitcast %wide_bits : vector<32xi32> to vector<32xf32>
  return %wide : vector<32xf32>
}

func.func private @widen_half(%half: f16) -> f32 {
  %sign_bit = arith.constant 0x80000000 : i32
  %size_bits = arith.constant 0x7fff : i32
  %c13 = arith.constant 13 : i32
  %power = arith.constant 5.192296858534828e+33 : f32
  %least_infinite = arith.constant 0x7c00 : i32
  %exponent_bits = arith.constant 0x7f800000 : i32
  %bits16 = arith.bitcast %half : f16 to i16
  %bits = arith.extsi %bits16 : i16 to i32
  %sign = arith.andi %bits, %sign_bit : i32
  %size = arith.andi %bits, %size_bits : i32
  %moved_bits = arith.shli %size, %c13 : i32
  %moved = arith.bitcast %moved_bits : i32 to f32
  %finite = arith.mulf %moved, %power : f32
  %finite_bits = arith.bitcast %finite : f32 to i32
  %infinite_bits = arith.ori %finite_bits, %exponent_bits : i32
  %is_infinite = arith.cmpi sge, %size, %least_infinite : i32
  %wide_size = arith.select %is_infinite, %infinite_bits, %finite_bits : i32
  %wide_bits = arith.ori %wide_size, %sign : i32
  %wide = arith.bitcast %wide_bits : i32 to f32
  return %wide : f32
}

// Rounded to nearest even. A subnormal result is rounded by a sum with 0.5, whose last place is that of subnormals; any
// other by the carry into its last place.
func.func private @narrow_to_half(%wide: f32) -> f16 {
  %size_bits = arith.constant 0x7fffffff : i32
  %c1 = arith.constant 1 : i32
  %c13 = arith.constant 13 : i32
  %c16 = arith.constant 16 : i32
  %half = arith.constant 0.5 : f32
  %half_bits = arith.constant 0x3f000000 : i32
  %least_normal = arith.constant 0x38800000 : i32
  %least_above = arith.constant 0x47800000 : i32
  %infinite = arith.constant 0x7f800000 : i32
  %rebias = arith.constant 0xc8000fff : i32
  %infinity = arith.constant 0x7c00 : i32
  %nan = arith.constant 0x7e00 : i32
  %bits = arith.bitcast %wide : f32 to i32
  %sign = arith.shrui %bits, %c16 : i32
  %sign_mask = arith.constant 0x8000 : i32
  %narrow_sign = arith.andi %sign, %sign_mask : i32
  %size_of = arith.andi %bits, %size_bits : i32
  %size = arith.bitcast %size_of : i32 to f32

  %rounded = arith.addf %size, %half : f32
  %rounded_bits = arith.bitcast %rounded : f32 to i32
  %subnormal = arith.subi %rounded_bits, %half_bits : i32

  %last = arith.shrui %size_of, %c13 : i32
  %odd = arith.andi %last, %c1 : i32
  %rebiased = arith.addi %size_of, %rebias : i32
  %carried = arith.addi %rebiased, %odd : i32
  %normal = arith.shrui %carried, %c13 : i32

  %is_nan = arith.cmpi ugt, %size_of, %infinite : i32
  %above = arith.select %is_nan, %nan, %infinity : i32
  %is_subnormal = arith.cmpi ult, %size_of, %least_normal : i32
  %finite = arith.select %is_subnormal, %subnormal, %normal : i32
  %is_above = arith.cmpi uge, %size_of, %least_above : i32
  %any = arith.select %is_above, %above, %finite : i32
  %signed = arith.ori %any, %narrow_sign : i32
  %narrow_bits = arith.trunci %signed : i32 to i16
  %narrow = arith.bitcast %narrow_bits : i16 to f16
  return %narrow : f16
}

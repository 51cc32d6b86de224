// Looking up in 64 bytes by looking up in 16 four times.

// tables[at + i] of 32 indices, each 0 to 63.
func.func private @look_up_64(%tables: memref<128xi8>, %at: index, %indices: vector<32xi8>) -> vector<32xi8> {
  %c16 = arith.constant 16 : index
  %low_bits = arith.constant dense<15> : vector<32xi8>
  %bit4 = arith.constant dense<16> : vector<32xi8>
  %bit5 = arith.constant dense<32> : vector<32xi8>
  %none = arith.constant dense<0> : vector<32xi8>
  %at1 = arith.addi %at, %c16 : index
  %at2 = arith.addi %at1, %c16 : index
  %at3 = arith.addi %at2, %c16 : index
  %table0 = vector.load %tables[%at] : memref<128xi8>, vector<16xi8>
  %table1 = vector.load %tables[%at1] : memref<128xi8>, vector<16xi8>
  %table2 = vector.load %tables[%at2] : memref<128xi8>, vector<16xi8>
  %table3 = vector.load %tables[%at3] : memref<128xi8>, vector<16xi8>
  %low = arith.andi %indices, %low_bits : vector<32xi8>
  %in0 = func.call @look_up(%table0, %low) : (vector<16xi8>, vector<32xi8>) -> vector<32xi8>
  %in1 = func.call @look_up(%table1, %low) : (vector<16xi8>, vector<32xi8>) -> vector<32xi8>
  %in2 = func.call @look_up(%table2, %low) : (vector<16xi8>, vector<32xi8>) -> vector<32xi8>
  %in3 = func.call @look_up(%table3, %low) : (vector<16xi8>, vector<32xi8>) -> vector<32xi8>
  %has_bit4 = arith.andi %indices, %bit4 : vector<32xi8>
  %has_bit5 = arith.andi %indices, %bit5 : vector<32xi8>
  %is_odd = arith.cmpi ne, %has_bit4, %none : vector<32xi8>
  %is_high = arith.cmpi ne, %has_bit5, %none : vector<32xi8>
  %in01 = arith.select %is_odd, %in1, %in0 : vector<32xi1>, vector<32xi8>
  %in23 = arith.select %is_odd, %in3, %in2 : vector<32xi1>, vector<32xi8>
  %found = arith.select %is_high, %in23, %in01 : vector<32xi1>, vector<32xi8>
  return %found : vector<32xi8>
}

// The sums of products of neighbours, a[2i] b[2i] + a[2i+1] b[2i+1], written out: LLVM makes pmaddwd, or smull and addp, of
// it.
func.func private @sums_of_products(%a: vector<16xi16>, %b: vector<16xi16>) -> vector<8xi32> {
  %a32 = arith.extsi %a : vector<16xi16> to vector<16xi32>
  %b32 = arith.extsi %b : vector<16xi16> to vector<16xi32>
  %products = arith.muli %a32, %b32 : vector<16xi32>
  %even = vector.shuffle %products, %products [0, 2, 4, 6, 8, 10, 12, 14] : vector<16xi32>, vector<16xi32>
  %odd = vector.shuffle %products, %products [1, 3, 5, 7, 9, 11, 13, 15] : vector<16xi32>, vector<16xi32>
  %sums = arith.addi %even, %odd : vector<8xi32>
  return %sums : vector<8xi32>
}

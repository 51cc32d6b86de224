# Instructions.sh ARCHIVE
# Code for an instruction set is in functions that have its name behind their own. It has instructions of that set only,
# and all other code those of the least, but for a function that says so.
set -eu

fail() {
  echo "Instructions.sh: $*" >&2
  exit 1
}

code=$(mktemp)
trap 'rm -f "$code"' EXIT
objdump -d --no-show-raw-insn "$1" >"$code"
without() { # without PATTERN: instructions of the functions whose names do not match
  awk -v pattern="$1" '/^[0-9a-f]+ <.*>:$/ { on = $2 !~ pattern } on && /^ *[0-9a-f]+:/' "$code"
}

# Names of AVX instructions begin with v.
avx='^ *[0-9a-f]+:[[:space:]]+(v|(andn|bextr|bls[a-z]*|bzhi|lzcnt|movbe|mulx|pdep|pext|rorx|sarx|shlx|shrx)[[:space:]])'
avx512='%zmm|%k[0-7]|%[xy]mm(1[6-9]|2[0-9]|3[01])'
for isa in x86-64-v2 x86-64-v3 x86-64-v4; do
  grep -q "<_mlir_ciface_binq_forward\.$isa>:" "$code" || fail "no code for $isa"
done
! without '\.x86-64-v[34]|_wide>' | grep -E "$avx" || fail "instructions of x86-64-v3"
! without '\.x86-64-v4' | grep -E "$avx512" || fail "instructions of x86-64-v4"

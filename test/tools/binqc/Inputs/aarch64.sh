# aarch64.sh MODEL TEXT OPTIONS...: compiles the model for x86-64 and for AArch64 and compares what the programs make of the text.
set -euo pipefail
model=$1 text=$2
shift 2
unset CC
for target in x86_64 aarch64; do
  rm -rf $target
  binqc "$model" -o $target --target=$target-linux-gnu --calibration "$text" "$@" 2>/dev/null >/dev/null
done
rm -rf arm && mv aarch64 arm
x86_64/tiny logits "$text" --window 64 --windows 2 >expected
for isa in armv8-a armv8.2-a; do
  BINQ_ISA=$isa qemu-aarch64 -L /usr/aarch64-linux-gnu arm/tiny logits "$text" --window 64 --windows 2 >actual
  cmp expected actual
  echo "$isa: $(stat -c %s actual) bytes of logits are the same"
done
if [ -f arm/tiny.weights ]; then cmp x86_64/tiny.weights arm/tiny.weights; fi

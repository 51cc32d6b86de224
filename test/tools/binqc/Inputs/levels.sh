# levels.sh MODEL TEXT OPTIONS...: compiles the model and compares the logits of its program on the text, with every
# instruction set that the CPU has.
set -euo pipefail
model=$1 text=$2
shift 2
here=$(dirname "$0")
binqc "$model" -o out --calibration "$text" "$@" 2>/dev/null >/dev/null
sh "$here/../../../lib/Target/Instructions.sh" out/libtiny.a
out/tiny logits "$text" --window 64 --windows 4 >expected
for isa in $(sh "$here/../../../support/levels.sh"); do
  BINQ_ISA=$isa out/tiny logits "$text" --window 64 --windows 4 >actual
  cmp expected actual
  echo "$isa: $(stat -c %s actual) bytes of logits are the same"
done

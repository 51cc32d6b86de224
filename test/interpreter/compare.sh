#!/usr/bin/env bash
# compare.sh BINQC BINQ_OPT MAKE_MODEL INTERPRET JIT_LOGITS SOURCE: compiles small models of odd shapes with every preset and every
# format of the cache and checks that the library, and the graph compiled in memory, give the logits of the scalar interpreter, bit for
# bit, on 1, 2 and 3 threads, in one piece and in many, with every instruction set that the CPU has.
set -euo pipefail
binqc=$1 binq_opt=$2 make_model=$3 interpret=$4 jit_logits=$5 source=$6
tokens=(7 250 31 99 12 200 3 45 88 17 64 5 131 77 20 9 180 222 41 6 13 150 66 101 28 190 2 59 33 70 11 140 95 24 160 48 86)
text=$PWD/calibration.txt
levels=$(sh "$(dirname "$0")/../support/levels.sh")
for i in {1..40}; do echo "Line $i of the text says that $((i * i)) is a square, and that $((i % 7)) days are left."; done > "$text"

check() { # check PRESET TABLE_PLANES KV MODEL OPTIONS...
  local preset=$1 planes=$2 kv=$3 model=$4 folder=$PWD/$4-$1-$2-$3
  local what="$model, $preset, $planes table planes, $kv cache"
  shift 4
  rm -rf "$folder" && mkdir "$folder" && cd "$folder"
  "$make_model" "$@" model.gguf
  "$binqc" model.gguf -o out --preset "$preset" --table-planes "$planes" --kv "$kv" --calibration "$text"
  echo "module {}" | "$binq_opt" --binq-import=model=model.gguf \
    --binq-quantize="preset=$preset table-planes=$planes calibration=$text parameters=model.safetensors" --binq-quantize-cache=format="$kv" > model.mlir
  "$interpret" model.mlir expected "${tokens[@]}"
  ${CC:-cc} -O1 -I out "$source/Logits.c" out/libmodel.a -lm -lpthread -o logits
  local threads piece
  for threads in 1 2 3; do
    "$jit_logits" model.mlir compiled $threads "${tokens[@]}"
    cmp expected compiled || { echo "$what, $threads threads: the logits of the graph differ" >&2; exit 1; }
    for piece in 1 5 64; do
      for isa in $levels; do
        BINQ_ISA=$isa ./logits actual $threads $piece "${tokens[@]}"
        cmp expected actual || { echo "$what, $threads threads, pieces of $piece, $isa: the logits differ" >&2; exit 1; }
      done
    done
  done
  echo "$what: $(stat -c %s expected) bytes of logits are the same"
  cd ..
}

narrow=(--hidden 64 --ffn 172 --layers 2 --heads 8 --kv-heads 4 --vocabulary 300 --context 256 --types F32)
tails=(--hidden 160 --ffn 416 --layers 2 --heads 5 --kv-heads 1 --vocabulary 333 --context 64 --types Q8_0 --untied)
wide=(--hidden 288 --ffn 1568 --layers 1 --heads 6 --kv-heads 6 --vocabulary 301 --context 96 --types Q4_1)
check paper 0 float narrow "${narrow[@]}"
check paper 0 int8 tails "${tails[@]}"
check paper 0 int4 wide "${wide[@]}"
check balanced 0 int4 narrow "${narrow[@]}"
check balanced 0 float tails "${tails[@]}"
check balanced 0 int8 wide "${wide[@]}"
check paper 3 int4 tied --hidden 160 --ffn 416 --layers 2 --heads 5 --kv-heads 1 --vocabulary 333 --context 64 --types Q4_1
check balanced 4 int8 untied --hidden 200 --ffn 172 --layers 1 --heads 5 --kv-heads 5 --vocabulary 300 --context 96 --types Q8_0 --untied
check balanced 1 float short --hidden 64 --ffn 172 --layers 1 --heads 8 --kv-heads 4 --vocabulary 290 --context 64 --types F32

# levels.sh: the names of the instruction sets that models are compiled for and this CPU has, one a line; the others are
# said to be skipped, on the standard error stream.
set -eu
flags=" $(sed -n 's/^flags[^:]*: //p' /proc/cpuinfo | head -n 1) "

level() { # level NAME FLAG...
  name=$1
  shift
  for flag; do
    case $flags in
    *" $flag "*) ;;
    *)
      echo "$name: skipped, the CPU has no $flag" >&2
      return
      ;;
    esac
  done
  echo "$name"
}

level x86-64-v2 ssse3 sse4_1 sse4_2 popcnt
level x86-64-v3 avx2 fma bmi1 bmi2 f16c abm movbe
level x86-64-v4 avx512f avx512bw avx512cd avx512dq avx512vl avx512vbmi avx512_vnni avx512_bitalg avx512_vpopcntdq

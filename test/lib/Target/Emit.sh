# Emit.sh MAKE_TINY MODULE DIRECTORY
# What the compiler makes: the same bytes every time, and after an error one line and no file.
set -u
make_tiny=$1
module=$2
directory=$3
failures=0

fail() {
  echo "Emit.sh: $*" >&2
  failures=1
}

rm -rf again bad && mkdir again bad
"$make_tiny" "$module" tiny_a again 5 || fail "a second compilation"
for file in libtiny_a.a tiny_a.h tiny_a; do
  cmp "$directory/$file" "again/$file" || fail "$file differs"
done
[ "$(ls -A again)" = "$(printf 'libtiny_a.a\ntiny_a\ntiny_a.h')" ] || fail "other files: $(ls -A again)"
! strings -a again/* | grep -F "$PWD" || fail "a path is in the files"

# refuses TEXT MODULE NAME [DIRECTORY]
refuses() {
  "$make_tiny" "$2" "$3" "${4:-bad}" 5 >err.txt 2>&1 && fail "$1: accepted"
  grep -qF -- "$1" err.txt || fail "'$(cat err.txt)' lacks '$1'"
  [ -z "$(ls -A bad)" ] || fail "$1: left $(ls -A bad)"
}

# edited SCRIPT: the module changed by sed
edited() {
  sed -e "$1" "$module" >edited.mlir
  ! cmp -s "$module" edited.mlir || fail "'$1' changed nothing"
}

for name in Tiny tiny-a 1tiny _tiny tiny__a tiny_ ''; do
  refuses "cannot be a model's name" "$module" "$name"
done
CC=no-such-compiler refuses "there is no 'no-such-compiler'" "$module" tiny
CC=false refuses "linking the program: false failed" "$module" tiny
CC=' ' refuses "CC names no command" "$module" tiny
CC="${CC:-cc} -no-such-option" refuses "no-such-option" "$module" tiny
edited 's/@binq_head/@binq_other/'
refuses "does not define @binq_head" edited.mlir tiny
edited 's/attributes {llvm.emit_c_interface}//'
refuses "does not define @binq_forward" edited.mlir tiny
edited 's/%base: index, //'
refuses "@binq_forward has 13 arguments in its C interface, not 14" edited.mlir tiny
edited 's/@binq_barrier/@binq_meeting/'
refuses "the module calls @binq_meeting, which the runtime does not have" edited.mlir tiny
edited 's/binq.workspace_per_token = 128/binq.workspace_per_token = -1/'
refuses "binq.workspace_per_token is out of range" edited.mlir tiny
edited 's/binq.cache_per_position = 64/binq.cache_per_position = 2000000000000/'
refuses "binq.cache_per_position is out of range" edited.mlir tiny
edited 's/vocabulary_size = 259/vocabulary_size = "many"/'
refuses "vocabulary_size" edited.mlir tiny
refuses "no-such-folder" "$module" tiny no-such-folder

# No room: files may not grow beyond 20 KiB, so the archive fails.
(
  trap '' XFSZ
  ulimit -f 40
  "$make_tiny" "$module" tiny bad 5 >err.txt 2>&1
) && fail "no room: accepted"
[ -z "$(ls -A bad)" ] || fail "no room: left $(ls -A bad)"
exit $failures

# Archive.sh DIRECTORY NAME
# What an archive shows to the linker: its own names and nothing else, on any x86-64 linker.
set -eu
archive=$1/lib$2.a
name=$2

fail() {
  echo "Archive.sh: $*" >&2
  exit 1
}

# Every global symbol carries the model's name.
others=$(nm --defined-only --extern-only "$archive" | awk 'NF == 3 { print $3 }' | grep -v "^${name}_" || true)
[ -z "$others" ] || fail "global symbols without the name: $others"

# What it asks for is in libc, libm and libpthread, be they glibc's or musl's.
cat >allowed.txt <<END
_GLOBAL_OFFSET_TABLE_
${name}_weights
__errno_location
aligned_alloc
calloc
close
exp
expf
fcntl
free
fstat
getenv
malloc
memchr
memcmp
memcpy
memmove
memset
bcmp
mmap
munmap
open
pthread_cond_broadcast
pthread_cond_destroy
pthread_cond_init
pthread_cond_wait
pthread_create
pthread_join
pthread_mutex_destroy
pthread_mutex_init
pthread_mutex_lock
pthread_mutex_unlock
pthread_sigmask
qsort
realloc
sched_getaffinity
sched_getcpu
sched_setaffinity
sched_yield
sigfillset
strcmp
strlen
sysconf
END
nm --undefined-only "$archive" | awk 'NF == 2 { print $2 }' | sort -u >wanted.txt
sort -u allowed.txt >sorted.txt
others=$(comm -23 wanted.txt sorted.txt)
[ -z "$others" ] || fail "symbols that a C library may lack: $others"

sh "$(dirname "$0")/Instructions.sh" "$archive"

# No times and owners; stacks are not executable; a model's name, not a path, is in the symbol table.
[ "$(ar tv "$archive" | grep -c '^rw-r--r-- 0/0 .* 1970 ')" -eq "$(ar t "$archive" | wc -l)" ] || fail "times or owners"
[ "$(readelf -SW "$archive" | grep -c 'note.GNU-stack')" -eq "$(ar t "$archive" | wc -l)" ] || fail "stacks"
nm -s "$archive" | grep -q "^${name}_open in code.o" || fail "no index"

# It links into a shared library, by every linker there is, and exports the interface but not the weights.
for linker in bfd gold lld; do
  command -v ld.$linker >/dev/null || continue
  ${CC:-cc} -fuse-ld=$linker -shared -o shared.so -Wl,--whole-archive "$archive" -Wl,--no-whole-archive \
    -Wl,--no-undefined -lm -lpthread
  nm -D --defined-only shared.so | grep -q " ${name}_open$" || fail "ld.$linker: ${name}_open is not exported"
  ! nm -D --defined-only shared.so | grep -q "_weights" || fail "ld.$linker: the weights are exported"
done

# shellcheck shell=bash disable=SC2034,SC2154
# Shell functions that quickstart and check share: packages, building, and saying what goes on. Sourced, with `root`
# set to the top of the source tree.

[[ -t 2 ]] && terminal=1 || terminal=
logs=$root/build/logs
child=

# LLVM and MLIR 22 with their C API, what binqc links, and headers to compile the runtime for AArch64.
build_packages=(clang-22 llvm-22-dev libmlir-22-dev cmake ninja-build libjansson-dev libpcre2-dev nettle-dev
  libc6-dev-arm64-cross)
# What the tests need besides; the last three link programs for AArch64, and run them and those for older CPUs.
check_packages=(llvm-22-tools mlir-22-tools clang-format-22 clang-tidy-22 libclang-rt-22-dev python3
  lld-22 libgcc-12-dev-arm64-cross qemu-user)

say() {
  printf '%s\n' "$*" >&2
}

fail() {
  say "$(basename "$0"): $*"
  exit 1
}

stop_child() {
  [[ -n $child ]] && kill -- "-$child" 2>/dev/null
  child=
}
trap stop_child EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

duration() { # duration SECONDS
  if (($1 < 60)); then printf '%d s' "$1"; else printf '%d min %d s' $(($1 / 60)) $(($1 % 60)); fi
}

# How far a command has come, from its log: a percentage or nothing.
no_percent() { :; }
ninja_percent() {
  tail -c 4096 "$1" | sed -n 's|^\[\([0-9]*\)/\([0-9]*\)\].*|\1 \2|p' | awk 'END { if ($2) printf "%d", 100 * $1 / $2 }'
}
apt_percent() { # downloading is taken as half of the work, unpacking as the other
  tail -c 4096 "$1" | awk -F: '/^dlstatus:/ { p = $3 / 2 } /^pmstatus:/ { p = 50 + $3 / 2 } END { if (p) printf "%d", p }'
}

# run_step LABEL PERCENT LOG COMMAND...: runs a command with its output in a log file, shows how far it has come and
# how long it will take, and the end of the log if it fails. Returns what the command returned.
run_step() {
  local label=$1 percent=$2 log=$logs/$3.log start=$SECONDS shown=$SECONDS
  shift 3
  mkdir -p "$logs"
  : >"$log"
  if [[ $terminal ]]; then printf '%s ...' "$label" >&2; else say "$label ..."; fi
  set -m # a process group of its own, which can be ended as a whole
  "$@" >"$log" 2>&1 </dev/null &
  child=$!
  set +m
  while kill -0 "$child" 2>/dev/null; do
    sleep 0.2
    ((SECONDS > shown)) || continue
    if [[ $terminal ]]; then
      printf '\r\033[K%s ... %s' "$label" "$(how_far "$percent" "$log" $((SECONDS - start)))" >&2
      shown=$SECONDS
    elif ((SECONDS - shown >= 20)); then
      say "$label ... $(how_far "$percent" "$log" $((SECONDS - start)))"
      shown=$SECONDS
    fi
  done
  local code=0
  wait "$child" || code=$?
  child=
  if ((code == 0)); then
    [[ $terminal ]] && printf '\r\033[K%s: done in %s\n' "$label" "$(duration $((SECONDS - start)))" >&2
    return 0
  fi
  [[ $terminal ]] && printf '\n' >&2
  say "$label failed (code $code). The end of $log:"
  grep -v '^[dp][lm]status:' "$log" | tail -n 40 | sed 's/^/    /' >&2
  return "$code"
}

how_far() { # how_far PERCENT LOG ELAPSED
  local percent
  percent=$("$1" "$2")
  if [[ -n $percent ]] && ((percent > 0)); then
    printf '%d %%, about %s left' "$percent" "$(duration $(($3 * (100 - percent) / percent)))"
  else
    printf '%s so far' "$(duration "$3")"
  fi
}

# install_packages PACKAGE...: installs those that are missing, and asks for a password only then.
install_packages() {
  local package missing=() as_root=()
  for package; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  command -v apt-get >/dev/null || fail "these Debian packages are missing, and there is no apt-get: ${missing[*]}"
  if ((EUID != 0)); then
    command -v sudo >/dev/null || fail "as root, install: apt-get install ${missing[*]}"
    sudo -v || fail "as root, install: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  # apt closes the descriptor of its status to the scripts of packages, so it cannot be their standard output.
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive sh -c 'exec apt-get "$@" 3>&1' apt-get
    -o APT::Status-Fd=3 -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
  say "Debian packages to install: ${missing[*]}"
  run_step "Reading the list of Debian packages" no_percent apt-update "${apt[@]}" update || exit 1
  run_step "Installing Debian packages" apt_percent apt-install \
    "${apt[@]}" install -y --no-install-recommends "${missing[@]}" || exit 1
}

# build FOLDER LABEL [CMAKE_OPTION...] -- [TARGET...]: configures and builds.
build() {
  local folder=$1 label=$2 options=(-G Ninja -DCMAKE_C_COMPILER=clang-22) log
  shift 2
  while [[ ${1---} != -- ]]; do options+=("$1") && shift; done
  (($#)) && shift
  log=$(basename "$folder")
  # A folder that was configured elsewhere (a moved or copied tree) starts anew.
  if [[ -f $folder/CMakeCache.txt ]] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$folder/CMakeCache.txt"; then
    options+=(--fresh)
  fi
  run_step "Configuring $label" no_percent "$log-configure" cmake -S "$root" -B "$folder" "${options[@]}" &&
    run_step "Building $label" ninja_percent "$log-build" ninja -C "$folder" "$@"
}

#!/usr/bin/env bash
# Runs every C program of this repository with AddressSanitizer and UndefinedBehaviorSanitizer: the
# emulations of kqueue and of the BSD libraries, and the library that makes calls fail, with their
# tests in Deno; the echo servers of the benchmark, its load, and its single calls.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

platforms=$repo/tests/platforms
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
{ command -v cc && cc -print-file-name=libasan.so; } >/dev/null || debian gcc libc6-dev

# A command `cc` that comes first in PATH, so that the other scripts and the tests use it.
mkdir "$scratch/bin"
cat >"$scratch/bin/cc" <<SCRIPT
#!/bin/sh
LD_PRELOAD= exec '$(command -v cc)' "\$@" -fsanitize=address,undefined -fno-sanitize-recover=undefined -g -O1
SCRIPT
cat >"$scratch/bin/cc-trapping" <<SCRIPT
#!/bin/sh
exec '$(command -v cc)' "\$@" -fsanitize=undefined,bounds-strict -fsanitize-undefined-trap-on-error -g -O1
SCRIPT
chmod +x "$scratch"/bin/*
export PATH=$scratch/bin:$PATH

# The sanitizers report to files of this name. V8 handles its own faults, and frees no memory at
# exit.
found=$scratch/found
export ASAN_OPTIONS=detect_leaks=0:handle_segv=0:verify_asan_link_order=0:log_path=$found
export UBSAN_OPTIONS=print_stacktrace=1:log_path=$found
export DENO_DIR=${DENO_DIR:-$HOME/.cache/deno} XDG_CACHE_HOME=$scratch/cache NO_COLOR=1
passed=0 failed=0

# check NAME COMMAND…: passes if the command does and the sanitizers report nothing.
check() {
  local name=$1 log=$scratch/log
  shift
  if "$@" >"$log" 2>&1 </dev/null && ! compgen -G "$found*" >/dev/null; then
    passed=$((passed + 1)) && echo "ok     $name"
  else
    failed=$((failed + 1)) && echo "FAILED $name"
    tail -20 "$log"
    cat "$found"* 2>/dev/null || true
    rm -f "$found"*
  fi
}

# preloaded COMMAND…: runs it with the library of the sanitizer before all others, as required.
preloaded() { env "LD_PRELOAD=$(cc -print-file-name=libasan.so)" "$@"; }

# echo_server SERVER WORKLOAD…: runs a workload of the benchmark on an echo server.
echo_server() {
  local server=$1 port='' pid status=0
  shift
  "$server" >"$scratch/port" 2>&1 &
  pid=$!
  until port=$(sed -nE 's/.*:([0-9]+)$/\1/p' "$scratch/port") && [ -n "$port" ]; do
    kill -0 "$pid" && sleep 0.05
  done
  "$scratch/load" "$port" "$pid" "$@" || status=$?
  kill "$pid" && wait "$pid" || true
  return "$status"
}

cd "$repo"
cat >"$scratch/beside.c" <<'SCRIPT'
int main(int count, char **values) { int one[1] = {0}; (void)values; return one[count]; }
SCRIPT
cc -o "$scratch/beside" "$scratch/beside.c"
if "$scratch/beside" 2>/dev/null; then say "a read beside an array was not found" && exit 1; fi
rm -f "$found"*

cc -shared -fPIC -pthread -o "$scratch/libkqueue.so" "$platforms/kqueue.c"
cc -pthread -o "$scratch/kqueue_test" "$platforms/kqueue_test.c" -ldl
check "kqueue.c, its facts" "$scratch/kqueue_test" "$scratch/libkqueue.so"
check "kqueue.c, the suites" preloaded "$platforms/kqueue.sh" test -A tests/{conformance,async,kqueue,model}_test.ts
for platform in darwin freebsd netbsd; do
  check "bsd.c, $platform" preloaded "$platforms/bsd.sh" "$platform" test -A tests/{conformance,async,socket,trace}_test.ts
done
# AddressSanitizer calls dlsym() at its start, which faults.c replaces, so faults.c runs with traps
# on undefined behaviour only.
check "faults.c, the suite" env CC=cc-trapping deno test -A tests/faults_test.ts

cc -o "$scratch/load" bench/load.c
cc -o "$scratch/epoll" bench/peers/epoll.c
servers=(epoll)
if cc -o "$scratch/libuv" bench/peers/libuv.c -luv 2>/dev/null; then servers+=(libuv); fi
for server in "${servers[@]}"; do
  # connections, idle ones, size, window, pause, warm-up, seconds
  check "$server.c and load.c, 64 B" echo_server "$scratch/$server" messages 100 100 64 1 0 0.2 1
  check "$server.c and load.c, 1 MB" echo_server "$scratch/$server" messages 10 0 1048576 1 0 0.2 1
  check "$server.c and load.c, churn" echo_server "$scratch/$server" churn 100 0 64 1 0 0.2 1
done
cc -o "$scratch/micro" bench/micro/micro.c
check "micro.c" "$scratch/micro" epoll poll select

echo "sanitizers: $passed passed, $failed failed"
[ "$failed" = 0 ]

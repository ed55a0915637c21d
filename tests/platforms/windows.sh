#!/usr/bin/env bash
# Runs the tests with Deno for Windows under Wine 10, and the echo server with CPython's client on
# the host, in a chroot of Debian trixie (the Wine 8 of bookworm is too old for V8). Needs root. The
# first run installs everything into the cache folder, which takes half a minute. In Wine, Z:\repo
# is this repository, Z:\tmp the host's /tmp, and the network is that of the host.
#   tests/platforms/windows.sh              all of it
#   tests/platforms/windows.sh run -A x.ts  any other deno command
#   tests/platforms/windows.sh echo         the echo server alone
#   tests/platforms/windows.sh facts        shows what Wine does otherwise (wine_facts.c)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

SUITES=(tests)

windows=$cache/windows
root=$windows/root
wine=/usr/lib/wine/wine64

# inside COMMAND…: runs it in the chroot, in its own mount and PID namespaces, so that all its
# processes end with it, including wineserver. exec=exec replaces this process.
inside() {
  # shellcheck disable=SC2016 # expanded by the inner shell
  ${exec:-} unshare --mount --pid --fork --kill-child bash -c '
    set -euo pipefail
    root=$1 repo=$2 && shift 2
    mount --rbind /dev "$root/dev"
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount --bind "$repo" "$root/repo"
    mount --bind /tmp "$root/tmp"
    status=0
    unshare --root="$root" --wd=/repo "$@" || status=$?
    exit "$status"
  ' inside "$root" "$repo" "$@"
}

export HOME=/root WINEPREFIX=/wine WINEDEBUG=${WINEDEBUG:--all} WINESERVER=/usr/lib/wine/wineserver64
export WINEDLLOVERRIDES='mscoree,mshtml,winemenubuilder.exe='
unset DISPLAY WAYLAND_DISPLAY XDG_RUNTIME_DIR

# The scripts of the packages did not run. Wine needs one of their steps: zlib1.dll where its DLLs
# look for it.
set_up() {
  debian_root trixie amd64 wine64 libwine libz-mingw-w64 base-files "$root"
  mkdir -p "$root"/{dev,proc,sys,tmp,repo,root,wine/drive_c/windows/system32}
  mkdir -p "$root/etc/ssl/certs"
  cp /etc/hosts /etc/resolv.conf "$root/etc/"
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  cp "$root/usr/x86_64-w64-mingw32/lib/zlib1.dll" "$root/wine/drive_c/windows/system32/"
  say "making a Wine prefix"
  inside "$wine" wineboot --init </dev/null >"$windows/wineboot.log" 2>&1
  inside "$WINESERVER" --wait </dev/null
  touch "$windows/ready"
}

mkdir -p "$windows"
[ "$(id -u)" = 0 ] || { say "windows.sh needs root, for a chroot" && exit 1; }
[ -e "$windows/ready" ] || set_up
deno_build @deno/win32-x64 "$windows/deno"
cmp -s "$windows/deno/deno.exe" "$root/deno.exe" || cp "$windows/deno/deno.exe" "$root/deno.exe"

export SELECTORS_EMULATOR=wine NO_COLOR=1
if [ "${1:-}" = facts ]; then
  debian gcc-mingw-w64-x86-64-win32
  x86_64-w64-mingw32-gcc -O2 -Wall -Wextra -Werror -D_WIN32_WINNT=0x0A00 \
    -o "$root/facts.exe" "$repo/tests/platforms/wine_facts.c" -lws2_32
  inside "$wine" 'Z:\facts.exe'
  exit
fi

# echo_server FLAG…: serves CLIENTS connections of CPython on the host, and compares every byte.
CLIENTS=50
echo_server() {
  local log=$windows/echo.log server port='' told
  : >"$log" # removes the port of an earlier server
  (exec='exec' && inside "$wine" 'Z:\deno.exe' run --allow-ffi examples/echo_server.ts --port 0 --quiet "$@") \
    </dev/null >"$log" 2>&1 &
  server=$!
  for ((tries = 0; tries < 100 && ${#port} == 0; tries++)); do
    port=$(sed -nE 's/^listening on 127\.0\.0\.1:([0-9]+) .*/\1/p' "$log") && sleep 0.1
  done
  told=$(python3 "$repo/tests/fixtures/echo_client.py" 127.0.0.1 "${port:-0}" "$CLIENTS" 7)
  kill -KILL "$server" # unshare ignores SIGTERM
  wait "$server" 2>/dev/null || true
  printf 'echo server %s: %s\n' "$*" "$told"
  # A fifth of the clients reset their connections.
  [[ $told == *"\"equal\": $((CLIENTS - CLIENTS / 5)), \"reset\": $((CLIENTS / 5)), "*'"wrong": []'* ]]
}

echo_servers() {
  debian python3-minimal
  local failed=0
  echo_server --selector poll || failed=1
  echo_server --selector select || failed=1
  echo_server --selector poll --blocking || failed=1
  return "$failed"
}

if [ "${1:-}" = echo ]; then echo_servers; exit; fi
if [ $# -gt 0 ]; then inside "$wine" 'Z:\deno.exe' "$@"; exit; fi
status=0
echo_servers || status=1
tell windows inside "$wine" 'Z:\deno.exe' test -A --no-check "${SUITES[@]}" || status=1
exit "$status"

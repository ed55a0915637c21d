#!/usr/bin/env bash
# Runs a part of the tests on musl. There is no Deno for musl: musl-gcc compares constants and
# layouts with its headers, and the calls use the musl libc.so of Debian, opened in Deno's glibc
# process.
#   tests/platforms/musl.sh              deno test of the suites below
#   tests/platforms/musl.sh run -A x.ts  any other deno command
# Left out: getaddrinfo(), which needs musl's own threads and memory and crashes in a glibc process,
# and Workers, which use glibc.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

SUITES=(tests/{async,conformance,ffi,layout,msghdr,socket}_test.ts)

musl=$cache/musl
debian musl musl-tools
mkdir -p "$musl"
MUSL=$(echo /lib/*-linux-musl/libc.so)

# deno SUBCOMMAND … with musl, for the tests and the programs that they start.
cat >"$musl/deno" <<SCRIPT
#!/bin/sh
subcommand=\$1 && shift
exec '$(command -v deno)' "\$subcommand" --preload='$repo/tests/platforms/musl_preload.ts' "\$@"
SCRIPT
chmod +x "$musl/deno"

export MUSL CC=musl-gcc SELECTORS_DENO=$musl/deno SELECTORS_EMULATOR=musl NO_COLOR=1
cd "$repo"
[ $# -eq 0 ] || exec "$musl/deno" "$@"
status=0
tell musl "$musl/deno" test -A "${SUITES[@]}" || status=$?
# The thread of the tests crashes when it exits, because the errno of musl overwrites a guard of
# glibc (see musl_preload.ts). By then all results are printed.
if [ "$status" = 139 ] && grep -q '^ok | ' "$cache/musl.log"; then status=0; fi
exit "$status"

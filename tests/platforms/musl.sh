#!/usr/bin/env bash
# Runs what can be run of the suites on musl. There is no Deno for musl: constants and layouts are
# held against its headers with musl-gcc, and the calls go through Debian's musl libc.so, opened
# within the glibc process that Deno is.
#   tests/platforms/musl.sh              deno test of the suites below
#   tests/platforms/musl.sh run -A x.ts  any other deno command
# Left out: getaddrinfo(), which needs threads and memory of musl's own and crashes in a foreign
# process, and Workers, which have glibc.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

SUITES=(tests/{async,conformance,ffi,layout,socket}_test.ts)

musl=$cache/musl
debian musl musl-tools
mkdir -p "$musl"
MUSL=$(echo /lib/*-linux-musl/libc.so)

# deno SUBCOMMAND … with musl, for the tests and what they start.
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
# The thread that ran the tests ends with a guard that musl's errno was written over (see
# musl_preload.ts), after everything was told.
if [ "$status" = 139 ] && grep -q '^ok | ' "$cache/musl.log"; then status=0; fi
exit "$status"

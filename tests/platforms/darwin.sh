#!/usr/bin/env bash
# Runs the suites with the table for macOS on Linux: Deno.build says darwin/aarch64, and the library
# that is opened as libSystem.B.dylib is darwin.c, macOS' binary interface in front of glibc and
# kqueue.c. Every descriptor and call is real; what they do is Linux'.
#   tests/platforms/darwin.sh              deno test of the suites below
#   tests/platforms/darwin.sh run -A x.ts  any other deno command
# Workers see Linux still: what they are sent is a descriptor, which is the same there.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

SUITES=(tests)

platforms=$repo/tests/platforms
darwin=$cache/darwin
headers=$repo/tests/fixtures/headers/darwin.h
mkdir -p "$darwin"
command -v cc >/dev/null || debian gcc libc6-dev

sed -E 's/^#define ([A-Z0-9_]+) (.*)/#define DARWIN_\1 (\2)/; s,//.*\),),' "$headers" >"$darwin/darwin_constants.h"
sed -nE '/EOPNOTSUPP/d; s/^#define (E[A-Z0-9]+) .* \/\/ sys\/errno\.h/#ifdef \1\nERRNO(\1)\n#endif/p' "$headers" >"$darwin/darwin_errnos.h"
cc -shared -fPIC -O2 -Wall -Wextra -Werror -pthread -o "$darwin/libkqueue.so" "$platforms/kqueue.c"
cc -shared -fPIC -O2 -Wall -Wextra -Werror -I "$darwin" -I "$platforms" -o "$darwin/libSystem.B.dylib" \
  "$platforms/darwin.c" -Wl,--no-as-needed -L "$darwin" -lkqueue -ldl

# deno SUBCOMMAND … with the stand-in for Deno.build, for the tests and what they start.
cat >"$darwin/deno" <<SCRIPT
#!/bin/sh
subcommand=\$1 && shift
exec '$(command -v deno)' "\$subcommand" --preload='$platforms/darwin_preload.ts' "\$@"
SCRIPT
chmod +x "$darwin/deno"

export LD_LIBRARY_PATH=$darwin SELECTORS_DENO=$darwin/deno SELECTORS_EMULATOR=darwin.c NO_COLOR=1
cd "$repo"
[ $# -eq 0 ] || exec "$darwin/deno" "$@"
tell darwin "$darwin/deno" test -A "${SUITES[@]}"

#!/usr/bin/env bash
# Runs the suites with the table of macOS, FreeBSD or NetBSD on Linux: Deno.build names the
# platform, and what is opened as its C library is bsd.c, its binary interface in front of glibc and
# kqueue.c. Every descriptor and call is real; what they do is Linux'.
#   tests/platforms/bsd.sh                    deno test of the suites below on each
#   tests/platforms/bsd.sh darwin             on one: darwin, freebsd or netbsd
#   tests/platforms/bsd.sh darwin run -A x.ts any other deno command
# Workers see Linux still: what they are sent is a descriptor, which is the same there.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

SUITES=(tests)

if [ $# -eq 0 ]; then
  status=0
  for platform in darwin freebsd netbsd; do "$0" "$platform" || status=$?; done
  exit "$status"
fi

platform=$1 && shift
declare -A libraries=([darwin]=libSystem.B.dylib [freebsd]=libc.so.7 [netbsd]=libc.so.12)
library=${libraries[$platform]}
platforms=$repo/tests/platforms
headers=$repo/tests/fixtures/headers/$platform.h
bsd=$cache/$platform
mkdir -p "$bsd"
command -v cc >/dev/null || debian gcc libc6-dev

sed -E 's/^#define ([A-Z0-9_]+) ([^ ]+) .*/#define BSD_\1 (\2)/' "$headers" >"$bsd/bsd_constants.h"
sed -nE '/EOPNOTSUPP/d; s/^#define (E[A-Z0-9]+) .* \/\/ sys\/errno\.h/#ifdef \1\nERRNO(\1)\n#endif/p' "$headers" >"$bsd/bsd_errnos.h"
cc -shared -fPIC -O2 -Wall -Wextra -Werror -pthread -o "$bsd/libkqueue.so" "$platforms/kqueue.c"
cc -shared -fPIC -O2 -Wall -Wextra -Werror "-D$platform" -I "$bsd" -I "$platforms" -Wl,-z,nodelete -o "$bsd/$library" \
  "$platforms/bsd.c" -Wl,--no-as-needed -L "$bsd" -lkqueue -ldl

# Makes Deno say that this is the platform, before anything asks.
architecture=x86_64
[ "$platform" != darwin ] || architecture=aarch64 # whose arguments travel otherwise
cat >"$bsd/preload.ts" <<SCRIPT
const build = { os: "$platform", arch: "$architecture", target: "$architecture-$platform" };
Object.defineProperty(Deno, "build", { value: { ...Deno.build, ...build } });
SCRIPT

# deno SUBCOMMAND … with that, for the tests and what they start.
cat >"$bsd/deno" <<SCRIPT
#!/bin/sh
subcommand=\$1 && shift
exec '$(command -v deno)' "\$subcommand" --preload='$bsd/preload.ts' "\$@"
SCRIPT
chmod +x "$bsd/deno"

export SELECTORS_DENO=$bsd/deno SELECTORS_EMULATOR=bsd.c NO_COLOR=1
export LD_LIBRARY_PATH=$bsd
cd "$repo"
[ $# -eq 0 ] || exec "$bsd/deno" "$@"
tell "$platform" "$bsd/deno" test -A "${SUITES[@]}"

#!/usr/bin/env bash
# Runs the tests with the table of macOS, FreeBSD or NetBSD on Linux: Deno.build names the platform,
# and its C library is bsd.c, which has the platform's binary interface and calls glibc and
# kqueue.c. Every descriptor and call is real; the behaviour is that of Linux, except that kqueue.c
# treats pipes as NetBSD's kernel does when it is compiled for NetBSD.
#   tests/platforms/bsd.sh                    deno test of the suites below on each
#   tests/platforms/bsd.sh darwin             on one: darwin, freebsd or netbsd
#   tests/platforms/bsd.sh darwin run -A x.ts any other deno command
# Workers still see Linux: they get descriptors, whose numbers are the same there.
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
cc -shared -fPIC -O2 -Wall -Wextra -Werror -pthread "-D$platform" -o "$bsd/libkqueue.so" "$platforms/kqueue.c"
cc -shared -fPIC -O2 -Wall -Wextra -Werror "-D$platform" -I "$bsd" -I "$platforms" -Wl,-z,nodelete -o "$bsd/$library" \
  "$platforms/bsd.c" -Wl,--no-as-needed -L "$bsd" -lkqueue -ldl

# Makes Deno.build name the platform, before any module reads it.
architecture=x86_64
[ "$platform" != darwin ] || architecture=aarch64 # where variadic arguments are passed differently
cat >"$bsd/preload.ts" <<SCRIPT
const build = { os: "$platform", arch: "$architecture", target: "$architecture-$platform" };
Object.defineProperty(Deno, "build", { value: { ...Deno.build, ...build } });
SCRIPT

# deno SUBCOMMAND … with that preload, for the tests and the programs that they start.
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

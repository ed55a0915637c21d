#!/usr/bin/env bash
# Runs the tests on arm64 Linux: the arm64 build of Deno under qemu-user, with arm64 libraries from
# Debian. The first run installs everything into the cache folder, which takes half a minute.
#   tests/platforms/arm64.sh              deno test of the suites below
#   tests/platforms/arm64.sh run -A x.ts  any other deno command
#   tests/platforms/arm64.sh facts        shows where qemu differs from Linux (qemu_facts.c)
# Without binfmt_misc an arm64 program such as Deno.execPath() cannot be executed by name. So the
# environment names scripts that run it: SELECTORS_DENO (deno) and CC (a C compiler for arm64).
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Not echo_server_test.ts, which measures time: "arm64.sh run --allow-ffi examples/echo_server.ts".
SUITES=(tests/{async,conformance,errors,ffi,kqueue,layout,msghdr,permission,platform_tables,socket,struct}_test.ts)

arm64=$cache/arm64
root=$arm64/root

debian qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross
mkdir -p "$arm64"
[ -d "$root" ] || debian_root bookworm arm64 libc6 libgcc-s1 libstdc++6 "$root"
deno_build @deno/linux-arm64-glibc "$arm64/deno"

cat >"$arm64/deno-arm64" <<SCRIPT
#!/bin/sh
exec qemu-aarch64-static -L '$root' '$arm64/deno/deno' "\$@"
SCRIPT

# Replaces a compiled program by a script that runs it under qemu; libraries are not changed.
cat >"$arm64/cc-arm64" <<SCRIPT
#!/usr/bin/env bash
set -euo pipefail
output=a.out previous=
for argument; do
  [ "\$previous" != -o ] || output=\$argument
  previous=\$argument
done
aarch64-linux-gnu-gcc "\$@"
case " \$* " in *' -shared '* | *' -c '* | *' -E '* | *' -S '* | *' --version '*) exit 0 ;; esac
mv "\$output" "\$output.arm64"
printf '#!/bin/sh\nexec qemu-aarch64-static -L %q %q "\$@"\n' '$root' "\$(realpath "\$output.arm64")" >"\$output"
chmod +x "\$output"
SCRIPT
chmod +x "$arm64/deno-arm64" "$arm64/cc-arm64"

export SELECTORS_DENO=$arm64/deno-arm64 SELECTORS_EMULATOR=qemu CC=$arm64/cc-arm64
export DENO_DIR=$arm64/deno_dir NO_COLOR=1
cd "$repo"
if [ "${1:-}" = facts ]; then
  "$CC" -O2 -Wall -Wextra -Werror -o "$arm64/facts" tests/platforms/qemu_facts.c
  exec "$arm64/facts"
fi
[ $# -eq 0 ] || exec "$SELECTORS_DENO" "$@"
tell arm64 "$SELECTORS_DENO" test -A --no-check "${SUITES[@]}"

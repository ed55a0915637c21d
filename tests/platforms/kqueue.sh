#!/usr/bin/env bash
# Runs the tests with KqueueSelector on Linux. kqueue() comes from kqueue.c, compiled here with cc,
# or from the library that LIBKQUEUE names, for example a build of mheily/libkqueue. The tests load
# it with `new KqueueSelector({ library })`.
#   tests/platforms/kqueue.sh              kqueue_test.c, then deno test of the suites below
#   tests/platforms/kqueue.sh run -A x.ts  any other deno command
#   LIBKQUEUE=path tests/platforms/kqueue.sh facts  shows where libkqueue differs from kqueue(2)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

SUITES=(tests)

platforms=$repo/tests/platforms
kqueue=$cache/kqueue
mkdir -p "$kqueue"
command -v cc >/dev/null || debian gcc libc6-dev

if [ -n "${LIBKQUEUE:-}" ]; then
  export SELECTORS_EMULATOR=libkqueue
else
  export SELECTORS_EMULATOR=kqueue.c LIBKQUEUE=$kqueue/libkqueue.so
  cc -shared -fPIC -O2 -Wall -Wextra -Werror -pthread -o "$LIBKQUEUE" "$platforms/kqueue.c"
  cc -O2 -Wall -Wextra -Werror -pthread -o "$kqueue/kqueue_test" "$platforms/kqueue_test.c" -ldl
fi

export NO_COLOR=1
cd "$repo"
if [ "${1:-}" = facts ]; then
  cc -O2 -Wall -Wextra -Werror -o "$kqueue/facts" "$platforms/libkqueue_facts.c" -ldl
  exec "$kqueue/facts" "$LIBKQUEUE"
fi
[ $# -eq 0 ] || exec deno "$@"
[ "$SELECTORS_EMULATOR" = libkqueue ] || "$kqueue/kqueue_test" "$LIBKQUEUE"
tell kqueue deno test -A "${SUITES[@]}"

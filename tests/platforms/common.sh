# Functions for the scripts beside it: the cache folder, installing packages, and reporting a run of
# `deno test`. It is sourced, not run.
# shellcheck shell=bash

# shellcheck disable=SC2034 # used by the scripts that source this
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/syscall-selectors
mkdir -p "$cache"

say() { printf '# %s\n' "$*" >&2; }

# Deno from npm, if it is not installed.
if ! command -v deno >/dev/null; then
  PATH=$(dirname "$(npx --yes deno@2.9.6 eval 'console.log(Deno.execPath())')"):$PATH
  export PATH
fi

# debian PACKAGE…: installs the packages that are missing.
debian() {
  local package missing=()
  for package; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
    apt-get -qq install -y --no-install-recommends "${missing[@]}"; } >"$cache/apt.log" 2>&1 ||
    { tail -5 "$cache/apt.log" >&2 && return 1; }
}

# debian_root SUITE ARCHITECTURE PACKAGE… DIR: unpacks the packages and their dependencies in DIR
# without running their scripts, which takes a fraction of the time of debootstrap.
debian_root() {
  local suite=$1 architecture=$2 dir=${*: -1} packages=("${@:3:$#-3}")
  debian mmdebstrap
  rm -rf "$dir" "$dir.partial"
  say "unpacking Debian $suite/$architecture: ${packages[*]}"
  (IFS=, && mmdebstrap --quiet --variant=extract --architectures="$architecture" \
    --include="${packages[*]}" "$suite" "$dir.partial" 2>"$cache/mmdebstrap.log") ||
    { tail -5 "$cache/mmdebstrap.log" >&2 && return 1; }
  mv "$dir.partial" "$dir"
}

# deno_build PACKAGE DIR: unpacks the Deno of another platform, in the version that runs here or, if
# the registry lacks that, the newest version before it.
deno_build() {
  local package=$1 dir=$2 wanted version
  wanted=$(deno --version | sed -n '1s/deno \([^ ]*\).*/\1/p')
  [ "$(cat "$dir/wanted" 2>/dev/null)" != "$wanted" ] || return 0
  version=$(npm view --json "$package@<=$wanted" version 2>/dev/null | grep -Eo '[0-9]+\.[0-9]+\.[0-9]+' | sort -V | tail -1)
  [ "$version" = "$wanted" ] || say "the registry has no $package@$wanted: taking $version"
  rm -rf "$dir" && mkdir -p "$dir"
  say "unpacking $package@$version"
  (cd "$dir" && npm pack --silent "$package@$version" >/dev/null && tar xzf ./*.tgz --strip-components=1 && rm ./*.tgz)
  printf '%s\n' "$wanted" >"$dir/wanted"
}

# tell NAME COMMAND…: runs `deno test` on whole suites, then prints what was left out and counts.
# Fails if it does, or if a row of helpers/left_out.ts belongs to no test.
tell() {
  local name=$1 log=$cache/$1.log status=0
  shift
  "$@" </dev/null 2>&1 | tr -d '\r' | tee "$log" || status=$?
  local passed failed ignored
  passed=$(count passed "$log") failed=$(count failed "$log") ignored=$(count ignored "$log")
  printf '\nLeft out of %s (each name or its file says why):\n' "$name"
  grep -E ' \.\.\. ignored' "$log" | sed -E 's/ \.\.\. ignored.*//; s/^ */  /' || printf '  nothing\n'
  printf '\n%s: %d passed, %d failed, %d skipped\n' "$name" "$passed" "$failed" "$ignored"
  [ "$status" -ne 0 ] || [ "$((passed + failed))" -gt 0 ] || { say "no test ran" && status=1; }
  deno run -A "$repo/tests/helpers/left_out.ts" "$log" "$SELECTORS_EMULATOR" "$name" || status=1
  return "$status"
}

# The number before a word in the last line of deno: "ok | 12 passed (3 steps) | 0 failed | …".
count() {
  local summary
  summary=$(grep -E '^(ok|FAILED) \| ' "$2" | tail -1)
  [[ $summary =~ ([0-9]+)\ $1 ]] && printf '%s' "${BASH_REMATCH[1]}" || printf 0
}

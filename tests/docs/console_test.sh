#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Proves that every rule of tests/docs/console.sh can fail: a document that obeys, then one violation at a time, each of
# which must be named, and nothing else with it.  The program is a stand-in that says one line and fails where told.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
mkdir -p "$work/bin" "$work/source/examples/demo/model"
cat >"$work/bin/qfa" <<'END'
#!/bin/sh
case $1 in
  audit) printf 'policy  survived %%\nrtn:bits=4  60.2  \n' ;;
  wrong) echo "qfa: there is no place \"$2\"" >&2; exit "$3" ;;
  quiet) ;;
esac
END
chmod +x "$work/bin/qfa"

console() {  # console LINE...: runs a document of one block, of these lines, behind an opening and a closing line
  printf '%s\n' "$@" >"$work/source/page.md"
  bash "$here/console.sh" "$work/bin/qfa" "$work/source" "$work/run" page.md
}
expect() {  # expect TEXT LINE...: one failure, and it says TEXT
  local output text=$1
  shift
  if output=$(console "$@" 2>&1); then
    echo "passed, but should say: $text"
    failures=$((failures + 1))
  elif ! grep -qF -- "$text" <<<"$output" || ! grep -q ' 1 failed' <<<"$output"; then
    printf 'should say only: %s\nbut said:\n%s\n' "$text" "$output"
    failures=$((failures + 1))
  fi
}

good=('```console' '$ qfa audit' 'policy[...]' '[...]60.2' '$ qfa quiet' '$ qfa wrong here 2' 'qfa: there is no place "here"'
  '$ ls nowhere' "ls: cannot access 'nowhere': [...]" '$ qfa audit \' '  --more' '[...]' 'rtn:bits=4 [...]' '```'
  '```console needs=no-such-program' '$ no-such-program' 'x' '```')
console "${good[@]}" >"$work/out" 2>&1 || { cat "$work/out"; echo "a document that obeys was refused"; exit 1; }
grep -q '^5 commands of the documents ran, 0 failed; 1 blocks left out' "$work/out" || { cat "$work/out"; exit 1; }

expect 'expected' '```console' '$ qfa audit' 'policy[...]' '[...]60.3' '```'
expect 'expected' '```console' '$ qfa quiet' 'policy' '```'
expect 'expected' '```console' '$ qfa audit' '```'
expect 'ended with status 2, expected 0' '```console' '$ qfa wrong here 2' '[...]there is no[...]' '```'
expect 'ended with status 2, expected 0' '```console' '$ qfa wrong here 2' '[...]' '```'
expect 'ended with status 1, expected 2' '```console' '$ qfa wrong here 1' 'qfa: there is no place "here"' '```'
expect 'ended with status 0, expected 2' '```console' '$ qfa wrong here 0' 'qfa: there is no place "here"' '```'
expect 'ended with status 0, expected another than 0' '```console' '$ echo ls: no' 'ls: no' '```'
expect 'ended with status 1, expected 0' '```console' '$ false' '```'
expect 'ended with status 127, expected 0' '```console' '$ nosuchprogram' '[...]' '```'
expect '[...] alone' '```console' '$ qfa audit' '[...]' '```'
expect '[...] alone' '```console' '$ qfa audit' '[...]' '[...]' '```'
expect 'no block of commands' '```sh' 'qfa audit' '```'
expect 'without an end' '```console' '$ qfa quiet' '$ qfa quiet'

# Where qfa and demo/ come from: two lines that give both, or a page that has them.
first=('```sh' 'export PATH=$PWD/build/release/examples/qfa:$PATH' 'ln -s examples/demo demo' '```')
use=('```console' '$ qfa quiet demo/model' '```')
for before in "${first[*]}" 'As the [cookbook](cookbook.md) says.'; do
  [[ $before != '```'* ]] && lines=("$before") || lines=("${first[@]}")
  console "${lines[@]}" "${use[@]}" >"$work/out" 2>&1 || { cat "$work/out"; echo "refused: $before"; failures=$((failures + 1)); }
done
expect 'does not say where they come from' "${use[@]}"
expect 'give neither demo/ nor qfa' "${first[@]/examples\/qfa/examples\/qfa\/qfa}" "${use[@]}"
expect 'give neither demo/ nor qfa' "${first[@]/ demo/ demos}" "${use[@]}"

[ $failures -eq 0 ] || { echo "$failures rules do not hold"; exit 1; }
echo "every rule can fail"

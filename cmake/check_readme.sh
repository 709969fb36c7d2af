#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every C++ block of README.md and of examples/docs stands, line for line, in a program under examples/, where it is
# compiled and run; every header and file that they name is there; Python blocks at least parse, where there is a Python.
# (tests/docs/console.sh runs what they do in a shell, tests/docs/python.sh the Python, where there is a torch.)
set -euo pipefail
export LC_ALL=C
cd "${1:-$(dirname "$0")/..}"
blocks=$(mktemp -d)
trap 'rm -rf "$blocks"' EXIT
awk -v to="$blocks" '/^```cpp$/ { inside = 1; n++; next } /^```$/ { inside = 0 } inside { print > (to "/" n) }' \
  README.md examples/docs/*.md
missing=0 found=0
for block in "$blocks"/*; do
  [ -e "$block" ] || break
  ok=""
  for program in examples/*.cpp; do
    # The block is a run of the program's lines: cut the program at the block's first line and compare as many lines.
    start=$(grep -nxF -m 1 -e "$(head -n 1 "$block")" "$program" | cut -d: -f1) || continue
    [ -n "$start" ] || continue
    if tail -n "+$start" "$program" | head -n "$(wc -l <"$block")" | cmp -s - "$block"; then ok=$program; fi
  done
  if [ -n "$ok" ]; then found=$((found + 1)); else missing=1; printf 'in no program under examples/:\n'; cat "$block"; fi
done
while IFS=: read -r document header; do
  [ -e "include/qfa/$header" ] || [ -e "$header" ] || { missing=1; printf '%s names %s, which is not there\n' "$document" "$header"; }
done < <(grep -oE '(^| )[a-z]+/[a-z_0-9]+\.hpp' examples/docs/*.md | tr -d ' ' | sort -u)
while IFS=: read -r document link; do
  case $link in http*) continue ;; esac
  [ -e "$(dirname "$document")/${link%%#*}" ] || { missing=1; printf '%s links to %s, which is not there\n' "$document" "$link"; }
done < <(grep -oE '\]\([^)]+\)' README.md examples/docs/*.md | sed 's/\](\(.*\))/\1/' | sort -u)
while IFS=: read -r document script; do
  [ -e "${script#bash }" ] || { missing=1; printf '%s runs %s, which is not there\n' "$document" "$script"; }
done < <(grep -oE 'bash [a-z_]+/[a-z_/]+\.sh' README.md examples/docs/*.md | sort -u)
if command -v python3 >/dev/null; then
  for document in examples/docs/*.md; do
    awk '/^```python$/ { inside = 1; next } /^```$/ { if (inside) print ""; inside = 0 } inside' "$document" |
      python3 -c 'import sys; compile(sys.stdin.read(), sys.argv[1], "exec")' "$document" || missing=1
  done
fi
printf '%s C++ blocks of the documents are compiled\n' "$found"
[ "$found" -gt 0 ] && [ "$missing" -eq 0 ]

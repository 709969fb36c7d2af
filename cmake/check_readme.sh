#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every C++ block of README.md stands, line for line, in a program under examples/, where it is compiled and run.
set -euo pipefail
export LC_ALL=C
cd "${1:-$(dirname "$0")/..}"
blocks=$(mktemp -d)
trap 'rm -rf "$blocks"' EXIT
awk -v to="$blocks" '/^```cpp$/ { inside = 1; n++; next } /^```$/ { inside = 0 } inside { print > (to "/" n) }' README.md
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
printf '%s C++ blocks of README.md are compiled\n' "$found"
[ "$found" -gt 0 ] && [ "$missing" -eq 0 ]

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# catalogue.sh PROGRAM SOURCE: every policy and cache that the program lists has its formula in examples/docs/methods.md,
# and every preset stands there beside the spec string that its header gives it.
set -euo pipefail
export LC_ALL=C
program=$1 source=$2
methods=$source/examples/docs/methods.md
missing=0 found=0
section() { sed -n "/^## $1/,/^## /p" "$methods"; }
for kind in policies caches; do
  case $kind in policies) title=Weights ;; caches) title=Caches: ;; esac
  rows=$(section "$title" | grep '^| *`')
  while read -r name; do
    # A row of the section's tables begins with the name, alone or in a list of names.
    if cut -d'|' -f2 <<<"$rows" | grep -qF "\`$name\`"; then
      found=$((found + 1))
    else
      missing=1
      echo "methods.md says nothing of $name, which qfa list $kind has"
    fi
  done < <("$program" list $kind | sed 1d | grep -oE '^[a-z][a-z_0-9]*$')
done

# preset{"name", "spec" "of several parts", "summary"}
while IFS='|' read -r name spec; do
  grep -qF "| \`$name\` | \`$spec\` |" "$methods" || { missing=1; echo "methods.md lacks | \`$name\` | \`$spec\` |"; }
  found=$((found + 1))
done < <(cat "$source"/include/qfa/{compress/integer,compress/float,cache/}*presets.hpp | tr -d '\n' |
  grep -oE 'preset\{"[^"]*", *("[^"]*" *)+' | sed -e 's/preset{"\([^"]*\)", */\1|/' -e 's/" *"//g' -e 's/"//g' -e 's/ *$//')
echo "$found names of policies, caches and presets are in methods.md"
[ "$found" -gt 80 ] && [ "$missing" -eq 0 ]

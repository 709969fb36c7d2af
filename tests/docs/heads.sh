#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# heads.sh SOURCE: every head of the tables that the program prints, as the headers of include/qfa/report give them, has
# its place in the last section of examples/docs/methods.md, and every head of that section is in some table.
set -euo pipefail
export LC_ALL=C
methods=$1/examples/docs/methods.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$1/include/qfa/report"

# text_table table({"...", ...}); heads{"..."}; heads.insert(heads.end(), {"..."}); heads.push_back("..."), or head.  A head that
# goes on with a number or a name stands there without it.
for file in *.hpp; do
  case $file in html_*) continue ;; esac
  tr '\n' ' ' <"$file" | grep -oE '(text_table [a-z]+\( *\{|behavior_head\(|heads? ?\{|heads?\.insert\(heads?\.end\(\), \{|heads\.push_back\()[^;]*;' |
    sed -E 's/" \+ [^,}"]*(\+ "[^"]*")?/"/g' | grep -oE '"[^"]*"' || :
done | sed -e 's/^" *//' -e 's/ *"$//' | grep -vxE '|policy|cache|95 %|%' | sort -u >"$work/printed"  # said in the text there
awk '/^## Heads of the printed tables/ { inside = 1; next } /^## / { inside = 0 } inside && /^\|/' "$methods" |
  sed 's/\\|/\x01/g' | cut -d'|' -f3 | grep -oE '`[^`]+`' | tr -d '`' | tr '\001' '|' | grep -vxE '%' | sort >"$work/said" || :
missing=0
for kind in 23 13; do
  while IFS= read -r head; do
    missing=1
    case $kind in
      23) echo "methods.md does not say what the head \"$head\" is" ;;
      13) echo "methods.md has the head \"$head\", which no table has" ;;
    esac
  done < <(comm -$kind "$work/printed" <(sort -u "$work/said"))
done
echo "$(wc -l <"$work/printed") heads of the printed tables"
[ "$(wc -l <"$work/printed")" -gt 100 ] && [ "$missing" -eq 0 ]

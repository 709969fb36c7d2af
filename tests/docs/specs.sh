#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# specs.sh PROGRAM SOURCE: every spec string of the tables of policies and caches, in auditing.md and caches.md, and
# behind --policy, --cache and --match-pruning in the documents, is one that qfa takes as it is written.
#
# An audit parses its policies and caches before it looks for its tokens, which are nowhere here.
set -euo pipefail
export LC_ALL=C
program=$(realpath "$1")
cd "$2"
bad=0 count=0 all=()
takes() {  # takes OPTION SPEC ...: whether an audit comes as far as its tokens; says why not
  local said
  said=$("$program" audit --model examples/demo/model --sae examples/demo/sae --tokens nowhere.npy --out nowhere "$@" 2>&1) || :
  [ "$said" = 'qfa: there is no file "nowhere.npy"' ] || { echo "$said"; return 1; }
}
[ -n "$(takes --policy prune_rows)" ] && [ -n "$(takes --cache kivi:bits=9)" ] ||
  { echo "a spec that is wrong is taken, so that this shows nothing"; exit 1; }

# The table under that heading of its second column: each `...` of each row's second cell.
table() { awk -F'|' '/^\|[^|]*\| spec strings \|$/ { inside = 1; next } !/^\|/ { inside = 0 } inside { print $3 }' "$1" |
  grep -oE '`[^`]+`' | tr -d '`'; }
has() { "$program" list "$1" | grep -qx "$2"; }
while read -r option spec; do
  [[ $spec != *kvquant* ]] || has caches kvquant || continue  # a build without k-means
  all+=("$option" "$spec")
  count=$((count + 1))
done < <({
  table examples/docs/auditing.md | sed 's/^/--policy /'
  table examples/docs/caches.md | sed 's/^/--cache /'
  # Console blocks run, and some show what is refused.
  awk '/^```console/ { inside = 1 } /^```$/ { inside = 0 } !inside' README.md examples/docs/*.md | grep -oE -- "--(policy|cache|match-pruning) ('[^']+'|[a-z][a-z0-9_]*:[^ \`'|]+)" |
    grep -v 'plan_file:' | tr -d "'"
} | sort -u)
takes "${all[@]}" >/dev/null || for ((i = 0; i < ${#all[@]}; i += 2)); do
  said=$(takes "${all[@]:i:2}") || { bad=$((bad + 1)); printf '%s "%s": %s\n' "${all[i]}" "${all[i + 1]}" "$said"; }
done
echo "$count spec strings of the documents, $bad not as qfa takes them"
[ "$count" -gt 50 ] && [ "$bad" -eq 0 ]

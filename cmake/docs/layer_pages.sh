#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A page for each layer of cmake/layers.txt, with its headers and what each says of itself, as Markdown for Doxygen.
#   bash cmake/docs/layer_pages.sh >layers.md
set -euo pipefail
cd "$(dirname "$0")/../.."
first_sentence() {  # of a header: its first comment behind the includes
  awk '/^\/\/\/? / && NR > 1 && included { sub(/^\/\/\/? /, ""); text = text (text ? " " : "") $0; taken = 1; next }
       /^#include|^namespace|^#define/ { included = 1 }
       taken { exit }
       END { if (match(text, /[.]( |$)/)) text = substr(text, 1, RSTART); print text }' "$1"
}
printf '# Layers {#layers}\n\nA header includes its own layer and those above it.\n\n'
sed -n 's/^\([a-z]*\)  *# \(.*\)/- \\subpage layer_\1 "\1": \2/p' cmake/layers.txt
while read -r layer _ purpose; do
  case $layer in '' | '#'*) continue ;; esac
  printf '\n\\page layer_%s %s\n\n%s\n\n' "$layer" "$layer" "$purpose"
  for header in include/qfa/"$layer"/*.hpp; do
    printf -- '- %s: %s\n' "${header#include/}" "$(first_sentence "$header" | sed 's/[<>@\\#%|]/\\&/g')"
  done
done <cmake/layers.txt

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What including qfa costs a user's compiler: seconds for the umbrella and for all headers of each layer, with both
# compilers, parsed only (-fsyntax-only) and compiled without optimization; the lines that come with them; and which of
# the other libraries' headers the umbrella's time goes into.
#   bash bench/compile_time.sh [--markdown] [qfa.hpp | LAYER]...      all of them without names; minutes
# RUNS=3 takes the least of three runs each.
set -euo pipefail
cd "$(dirname "$0")/.."
markdown=no
if [ "${1:-}" = --markdown ]; then
  markdown=yes
  shift
fi
[ $# -gt 0 ] || set -- qfa.hpp $(sed 's/#.*//' cmake/layers.txt)
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

flags="-std=c++20 -march=native -fopenmp -ffp-contract=off -I include"
eigen=$(pkg-config --cflags-only-I eigen3 2>/dev/null || echo -I/usr/include/eigen3)
flags="$flags ${eigen//-I/-isystem }"

print_row() {
  if [ $markdown = yes ]; then
    printf '| %s ' "$@"; echo '|'
  else
    printf '%-12s' "$1"; shift; printf ' %14s' "$@"; echo
  fi
}

# The least processor seconds: what the machine does besides counts little.  Fails with the compiler's words.
seconds() {
  local best=999 took
  for _ in $(seq "${RUNS:-1}"); do
    took=$( { TIMEFORMAT=%U; time "$@" >/dev/null 2>"$folder/errors" || touch "$folder/failed"; } 2>&1 )
    [ ! -e "$folder/failed" ] || { cat "$folder/errors" >&2; return 1; }
    best=$(awk -v a="$best" -v b="$took" 'BEGIN { print b < a ? b : a }')
  done
  echo "$best"
}

compilers=()
for compiler in g++ clang++-14; do
  if command -v "$compiler" >/dev/null; then compilers+=("$compiler"); else echo "$compiler is missing" >&2; fi
done
heading=("seconds" "lines")
for compiler in "${compilers[@]}"; do heading+=("$compiler parse" "$compiler -O0"); done
print_row "${heading[@]}"
[ $markdown = no ] || { printf '|---'; printf '|--:%.0s' "${heading[@]:1}"; echo '|'; }

for layer in "$@"; do
  source=$folder/${layer%.hpp}.cpp
  if [ "$layer" = qfa.hpp ]; then
    echo '#include <qfa/qfa.hpp>' >"$source"
  else
    [ -d "include/qfa/$layer" ] || continue
    (cd include && find "qfa/$layer" -name '*.hpp' ! -path '*/npz.hpp' ! -path '*/kmeans.hpp' ! -path 'qfa/mpi/*' | sort | sed 's/.*/#include <&>/') >"$source"
    [ -s "$source" ] || continue
  fi
  row=("$layer" "$(g++ $flags -E -P "$source" | wc -l)")
  for compiler in "${compilers[@]}"; do
    parse=$(seconds "$compiler" $flags -fsyntax-only "$source")
    whole=$(seconds "$compiler" $flags -O0 -c "$source" -o "$folder/object.o")
    row+=("$parse" "$whole")
  done
  print_row "${row[@]}"
done

# Each by itself: what the umbrella would save at most without it, since they share the standard library's headers.
echo
print_row "alone" "lines" "g++ parse" "included by"
[ $markdown = no ] || echo '|---|--:|--:|---|'
for header in $(grep -rhoE '^#include <(xsimd|xtensor|nlohmann|Eigen|boost|omp)[^>]*>' include | sort -u | sed 's/.*<\(.*\)>/\1/') \
  regex iostream algorithm; do
  echo "#include <$header>" >"$folder/alone.cpp"
  g++ $flags -E "$folder/alone.cpp" >/dev/null 2>&1 || continue  # the name of another release
  by=$(cd include && grep -rlF "#include <$header>" qfa | sort)
  [ -n "$by" ] || continue
  [ "$(wc -l <<<"$by")" -le 2 ] || by="$(wc -l <<<"$by") headers"
  parse=$(seconds g++ $flags -fsyntax-only "$folder/alone.cpp")
  print_row "$header" "$(g++ $flags -E -P "$folder/alone.cpp" | wc -l)" "$parse" "$(tr '\n' ' ' <<<"$by" | sed 's/ $//')"
done

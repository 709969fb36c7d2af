#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The rules of the house that a compiler does not check.  Prints every violation; exits 1 if there is one.
#   bash cmake/check_tree.sh [root]
# cmake/check_tree_test.sh proves that each rule can fail.
set -euo pipefail
export LC_ALL=C
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/..}"

violations=0
say() { printf '%s\n' "$1"; violations=$((violations + 1)); }
# Every line of standard input is a violation.
say_all() { while IFS= read -r line; do say "$line"; done; }

declare -A rank
n=0
for layer in $(sed 's/#.*//' "$here/layers.txt"); do rank[$layer]=$((++n)); done

# The one header, or folder, that may know each library.
declare -A keeper=(
  [xsimd]=qfa/simd/batch.hpp [xtensor]=qfa/core/xtensor.hpp [omp.h]=qfa/core/parallel.hpp
  [nlohmann]='qfa/io/json.hpp qfa/report/' [zip.h]=qfa/io/npz.hpp [vl]=qfa/cache/kmeans.hpp [Eigen]='qfa/predict/symmetric_solve.hpp qfa/compress/inverse_cholesky.hpp qfa/alignment/subspace.hpp qfa/law/huber_regression.hpp qfa/law/condition_number.hpp' [boost]='qfa/stats/student.hpp qfa/stats/mcnemar.hpp qfa/stats/dirichlet.hpp qfa/io/checksum.hpp qfa/law/least_point.hpp'
  [unicode]=qfa/text/unicode.hpp [sentencepiece_processor.h]=qfa/text/sentencepiece.hpp
  [mpi.h]=qfa/mpi/communicator.hpp [CLI]=examples [iostream]=examples)

headers=$(cd include && find qfa -name '*.hpp' | sort)
for header in $headers; do
  file=include/$header
  layer=$(cut -d/ -f2 <<<"$header")
  code=$(sed 's://.*$::' "$file")  # without comments

  lines=$(wc -l <"$file")
  # The umbrella lists all others, and does nothing.
  [ "$lines" -lt 300 ] || [ "$layer" = qfa.hpp ] || say "$file has $lines lines, 300 is too many: let each header do one thing"

  guard=$(tr 'a-z/.-' 'A-Z___' <<<"$header")
  [ "$(head -n 1 "$file")" = "// SPDX-License-Identifier: Apache-2.0" ] || say "$file does not begin with its license"
  [ "$(grep -m 2 '^#' "$file" | tr '\n' ' ')" = "#ifndef $guard #define $guard " ] || say "$file is not guarded by $guard"
  [ "$(tail -n 1 "$file")" = "#endif" ] || say "$file does not end with its guard"

  if [ "$layer" != qfa.hpp ] && [ "$layer" != version.hpp ]; then
    if [ -z "${rank[$layer]:-}" ]; then
      say "$file stands in a folder that is no layer (cmake/layers.txt)"
    else
      while IFS= read -r included; do
        [ -n "$included" ] || continue
        to=$(cut -d/ -f2 <<<"$included")
        if [ "$included" = qfa/version.hpp ]; then continue; fi
        if [ -z "${rank[$to]:-}" ] || [ "${rank[$to]}" -gt "${rank[$layer]}" ]; then
          say "$file includes $included: $layer may include only what stands above it in cmake/layers.txt"
        fi
      done <<<"$(sed -n 's:^ *# *include *"\([^"]*\)".*:\1:p' "$file")"
      name=$(basename "$header" .hpp)
      [ -e "tests/${layer}_${name}_test.cpp" ] || say "$file has no test: tests/${layer}_${name}_test.cpp is missing"
    fi
  fi

  while IFS= read -r included; do
    [ -n "$included" ] || continue
    keepers=${keeper[${included%%/*}]:-${keeper[$(cut -d. -f1 <<<"${included%%/*}")]:-any}}
    allowed=no
    for k in $keepers; do
      case $header in "$k"*) allowed=yes ;; esac
      [ "$k" = any ] && allowed=yes
    done
    [ $allowed = yes ] || say "$file includes <$included>, which only $keepers may"
  done <<<"$(grep -v '__has_include' "$file" | sed -n 's:^ *# *include *<\([^>]*\)>.*:\1:p')"

  say_all < <(grep -nE '#[[:space:]]*pragma[[:space:]]+once' <<<"$code" | sed "s|:.*|: #pragma once, not a guard|; s|^|$file:|")
  say_all < <(grep -nE 'std::(ranges::)?views|ranges::view::' <<<"$code" | sed "s|:.*|: clang 14 cannot compile std::views|; s|^|$file:|")
  say_all < <(grep -nE '\bstd::(cout|cerr|clog|puts|printf|fprintf)\b|(^|[^_[:alnum:]])(printf|fprintf|puts|putchar|perror)[[:space:]]*\(' <<<"$code" |
    sed "s|:.*|: headers do not print|; s|^|$file:|")
  say_all < <(grep -nE '(^|[^_[:alnum:].>])(abort|exit|_Exit|_exit|quick_exit|terminate)[[:space:]]*\(' <<<"$code" |
    sed "s|:.*|: headers do not end the program|; s|^|$file:|")
  say_all < <(grep -nE '^[[:space:]]*using[[:space:]]+namespace' <<<"$code" | sed "s|:.*|: using namespace in a header|; s|^|$file:|")
  if [ "$header" != qfa/core/parallel.hpp ]; then
    say_all < <(grep -nE '#[[:space:]]*pragma[[:space:]]+omp|\bomp_[a-z]+_' <<<"$code" | sed "s|:.*|: only core/parallel.hpp knows OpenMP|; s|^|$file:|")
  fi
  if [ "$header" != qfa/simd/batch.hpp ] && [[ $header != qfa/simd/* ]]; then
    say_all < <(grep -nE '\bxsimd::' <<<"$code" | sed "s|:.*|: only qfa/simd knows xsimd|; s|^|$file:|")
  fi
done

# Sources of every kind: plain ASCII without tabs, in 120 columns.
folders=$(ls -d include tests examples bench 2>/dev/null || true)
sources=$(find $folders -name "*.hpp" -o -name "*.cpp" | sort)
for file in $sources; do
  say_all < <(grep -nE '[^ -~]' "$file" | sed "s|:.*|: not plain ASCII, or a tab|; s|^|$file:|")
  say_all < <(grep -nE '^.{121,}$' "$file" | sed "s|:.*|: longer than 120 columns|; s|^|$file:|")
  case $file in include/* | tests/must_not_compile/*) continue ;; esac
  [ "$(head -n 1 "$file")" = "// SPDX-License-Identifier: Apache-2.0" ] || say "$file does not begin with its license"
done
# A folder's tests are compiled as one: each file's names are its own.
for file in $(find tests -name '*_test.cpp' | sort); do
  grep -qx "namespace $(basename "$file" .cpp) {" "$file" || say "$file is not a namespace of its own name"
done
say_all < <(grep -rnE 'TEST_CASE[A-Z_]*\("[^"]*([][;]|\\)' tests --include='*_test.cpp' |
  sed 's|^\([^:]*:[0-9]*\):.*|\1: a test name with ; [ ] or a backslash, which ctest misreads|')
say_all < <(grep -rnE --include='CMake*' -e '-ffast-math|-Ofast|-funsafe-math' . --exclude-dir=build | sed 's|^\([^:]*:[0-9]*\):.*|\1: fast math; NaN is part of the contract|')

diff -u include/qfa/qfa.hpp <(bash "$here/umbrella.sh" .) >/dev/null 2>&1 ||
  say "include/qfa/qfa.hpp is stale: bash cmake/umbrella.sh > include/qfa/qfa.hpp"

if [ -e vcpkg.json ]; then
  version=$(sed -n 's/.*const char\* version = "\([^"]*\)".*/\1/p' include/qfa/version.hpp)
  grep -q "\"version-semver\": \"$version\"" vcpkg.json || say "vcpkg.json is not of version $version"
fi

[ "$violations" -eq 0 ] || { echo "$violations violations"; exit 1; }
echo "$(wc -w <<<"$headers") headers obey the rules"

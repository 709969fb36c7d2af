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
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One process for each rule, not for each header and rule: half a minute of forks otherwise.
in_each() { (cd include && awk "$@" $headers); }  # awk over all headers

# The umbrella lists all others, and does nothing.
say_all < <(in_each '
  function report() { if (count >= 300 && name != "qfa/qfa.hpp")
    print "include/" name " has " count " lines, 300 is too many: let each header do one thing" }
  FNR == 1 { report(); name = FILENAME; count = 0 }
  { count++ }
  END { report() }')
say_all < <(in_each '
  function report() {
    if (first != "// SPDX-License-Identifier: Apache-2.0") print "include/" name " does not begin with its license"
    guard = toupper(name); gsub(/[\/.-]/, "_", guard)
    if (directives != "#ifndef " guard " #define " guard " ") print "include/" name " is not guarded by " guard
    if (last != "#endif") print "include/" name " does not end with its guard"
  }
  FNR == 1 { if (name) report(); name = FILENAME; first = $0; directives = ""; seen = 0 }
  /^#/ && seen < 2 { directives = directives $0 " "; seen++ }
  { last = $0 }
  END { report() }')

# What a public function refuses stands in the comment above it ("Throws where ..." or "Refuses ..."); for operator() and
# constructors that of the class will do, for functions without a blank line between them that of the first.  A function
# that throws through another one is not seen.
say_all < <(in_each '
  function close_it() {
    if (throws && !hidden && said !~ /[Tt]hrow|Refuses/)
      print "include/" FILENAME ":" began ": throws, and no comment says where"
    open = 0
  }
  FNR == 1 { detail = in_class = hidden = open = in_doc = 0; doc = ""; split("", told) }
  /^namespace detail \{/ { detail = 1 }
  /^}  \/\/ namespace detail/ { detail = 0 }
  detail { next }
  !open && /^ *\/\/\// { if (!in_doc) doc = ""; in_doc = 1; doc = doc " " $0; next }
  { in_doc = 0; code = $0; sub(/ *\/\/.*/, "", code); match(code, /^ */); indent = RLENGTH }
  !open && code == "" { if ($0 == "") doc = ""; next }
  !open && /^(template <.*> )?(class|struct) [^;]*\{$/ {
    in_class = 1; hidden = /^(template <.*> )?class/; of_class = doc; doc = ""
    class = code; sub(/.*(class|struct) /, "", class); sub(/[^_[:alnum:]].*/, "", class)
    next
  }
  !open && in_class && /^}/ { in_class = hidden = 0; doc = ""; next }
  !open && in_class && /^ (public|private|protected):/ { hidden = !/public/; doc = ""; next }
  !open && indent == 2 * in_class && /\(/ &&
      code !~ /^ *(#|}|namespace|inline namespace|using|static_assert|enum|template|struct|class|requires)/ {
    open = 1; braced = throws = 0; began = FNR; said = doc
    name = code; sub(/\(.*/, "", name); sub(/.*[ &*]/, "", name)  # of a member that is defined behind its class: X::f
    if (!in_class && name in told) said = told[name]
    if (in_class && (name == class || name == "operator")) said = said of_class
    if (in_class) told[class "::" name] = told[class "::" name] doc (hidden ? " throws" : "")
  }
  open {
    if (code ~ /(^|[^_[:alnum:].>])(require|fail)\(|[^_[:alnum:]]throw [a-z]/) throws = 1
    if (braced ? indent == 2 * in_class && code ~ /^ *}/ : code ~ /[;}]$/) close_it()
    else if (code ~ /\{$/) braced = 1
  }')

for header in $headers; do
  rest=${header#qfa/} layer=${rest%%/*}
  if [ "$layer" = qfa.hpp ] || [ "$layer" = version.hpp ]; then continue; fi
  name=${header##*/}
  if [ -z "${rank[$layer]:-}" ]; then
    say "include/$header stands in a folder that is no layer (cmake/layers.txt)"
  elif [ ! -e "tests/${layer}_${name%.hpp}_test.cpp" ]; then
    say "include/$header has no test: tests/${layer}_${name%.hpp}_test.cpp is missing"
  fi
done

while IFS=: read -r header included; do
  rest=${header#qfa/} layer=${rest%%/*} to=${included#*/} to=${to%%/*}
  if [ "$layer" = qfa.hpp ] || [ "$layer" = version.hpp ] || [ -z "${rank[$layer]:-}" ]; then continue; fi
  if [ "$included" = qfa/version.hpp ]; then continue; fi
  if [ -z "${rank[$to]:-}" ] || [ "${rank[$to]}" -gt "${rank[$layer]}" ]; then
    say "include/$header includes $included: $layer may include only what stands above it in cmake/layers.txt"
  fi
done < <(cd include && grep -E '^[[:space:]]*#[[:space:]]*include[[:space:]]*("|<qfa/)' /dev/null $headers |
  sed 's|^\([^:]*\):[^"<]*["<]\([^">]*\)[">].*|\1:\2|')

while IFS=: read -r header included; do
  [ -n "$included" ] || continue
  library=${included%%/*}
  keepers=${keeper[$library]:-${keeper[${library%%.*}]:-any}}
  allowed=no
  for k in $keepers; do
    case $header in "$k"*) allowed=yes ;; esac
    [ "$k" = any ] && allowed=yes
  done
  [ $allowed = yes ] || say "include/$header includes <$included>, which only $keepers may"
done < <(cd include && grep -E '^[[:space:]]*#[[:space:]]*include[[:space:]]*<' /dev/null $headers | grep -v '__has_include' |
  sed 's|^\([^:]*\):[^<]*<\([^>]*\)>.*|\1:\2|')

# What code may not say, comments aside.
cp -r include "$work"
find "$work/include" -name '*.hpp' -exec sed -i 's://.*$::' {} +
never() {  # never PATTERN WHY [but PATTERN OF HEADERS]
  local found
  found=$(cd "$work" && grep -rnE --include='*.hpp' -e "$1" include | sort) || return 0
  [ $# -lt 4 ] || found=$(grep -vE "^include/$4:" <<<"$found") || return 0
  say_all < <(sed "s|^\([^:]*:[0-9]*\):.*|\1: $2|" <<<"$found")
}
never '#[[:space:]]*pragma[[:space:]]+once' '#pragma once, not a guard'
never 'std::(ranges::)?views|ranges::view::' 'clang 14 cannot compile std::views'
never '#[[:space:]]*include.*\.\.' 'a path with .., which hides the folder'
never '\bstd::(w?(cout|cerr|clog)|print(ln)?|puts|putchar|v?f?printf)\b|(^|[^_[:alnum:]])(v?f?printf|puts|putchar|perror)[[:space:]]*\(|\bstd(out|err)\b|\bSTD(OUT|ERR)_FILENO\b' 'headers do not print'
never '\bstd::(abort|exit|_Exit|quick_exit|terminate|raise)\b|\b__builtin_(trap|abort)\b|(^|[^_[:alnum:].>])(abort|exit|_Exit|_exit|quick_exit|terminate|raise|kill)[[:space:]]*\(' 'headers do not end the program'
never '^[[:space:]]*using[[:space:]]+namespace' 'using namespace in a header'
never '#[[:space:]]*pragma[[:space:]]+omp|\bomp_[a-z]+_' 'only core/parallel.hpp knows OpenMP' but 'qfa/core/parallel\.hpp'
never '\bxsimd::' 'only simd/batch.hpp knows xsimd' but 'qfa/simd/batch\.hpp'

# Sources of every kind: plain ASCII without tabs, in 120 columns.
folders=$(ls -d include tests examples bench 2>/dev/null || true)
sources=$(find $folders -name "*.hpp" -o -name "*.cpp" | sort)
say_all < <(grep -nE '[^ -~]' /dev/null $sources | sed 's|^\([^:]*:[0-9]*\):.*|\1: not plain ASCII, or a tab|')
say_all < <(grep -nE '^.{121,}$' /dev/null $sources | sed 's|^\([^:]*:[0-9]*\):.*|\1: longer than 120 columns|')
say_all < <(awk 'FNR == 1 && FILENAME !~ /^(include|tests\/must_not_compile)\// &&
  $0 != "// SPDX-License-Identifier: Apache-2.0" { print FILENAME " does not begin with its license" }' /dev/null $sources)
# A folder's tests are compiled as one: each file's names are its own.
say_all < <(find tests -name '*_test.cpp' | sort | xargs -r awk '
  function report() { if (name && !found) print name " is not a namespace of its own name" }
  FNR == 1 { report(); name = FILENAME; found = 0; stem = name; sub(/.*\//, "", stem); sub(/\.cpp$/, "", stem) }
  $0 == "namespace " stem " {" { found = 1 }
  END { report() }')
say_all < <(grep -rnE 'TEST_CASE[A-Z_]*\("[^"]*([][;]|\\)' tests --include='*_test.cpp' |
  sed 's|^\([^:]*:[0-9]*\):.*|\1: a test name with ; [ ] or a backslash, which ctest misreads|')
say_all < <(grep -rnE --include='CMake*' --include='*.cmake' -e '-ffast-math|-Ofast|-funsafe-math' . --exclude-dir=build |
  grep -v '^\./tests/consumer/run\.cmake:' | sed 's|^\([^:]*:[0-9]*\):.*|\1: fast math; NaN is part of the contract|')
say_all < <(find . -name build -prune -o -name CMakeLists.txt -print | sort | xargs -r awk '
  function report() { if (count >= 120) print name " has " count " lines, 120 is too many: let each folder say its own" }
  FNR == 1 { report(); name = substr(FILENAME, 3); count = 0 }
  { count++ }
  END { report() }')

# What may stand at the top: beside what git does not know, such as build/.
names=$({ git ls-files 2>/dev/null || true; } | cut -d/ -f1 | sort -u)
for name in ${names:-$(ls)}; do
  case $name in
    .* | CMakeLists.txt | CMakePresets.json | README.md | CHANGELOG.md | LICENSE) ;;
    include | examples | tests | bench | cmake) ;;
    vcpkg.json | conanfile.py | test_package) ;;
    *) [ -z "$names" ] && [ "$name" = build ] || say "$name stands at the top, where no one looks for it" ;;
  esac
done

diff -u include/qfa/qfa.hpp <(bash "$here/umbrella.sh" .) >/dev/null 2>&1 ||
  say "include/qfa/qfa.hpp is stale: bash cmake/umbrella.sh > include/qfa/qfa.hpp"

if [ -e vcpkg.json ]; then
  version=$(sed -n 's/.*const char\* version = "\([^"]*\)".*/\1/p' include/qfa/version.hpp)
  grep -q "\"version-semver\": \"$version\"" vcpkg.json || say "vcpkg.json is not of version $version"
fi

[ "$violations" -eq 0 ] || { echo "$violations violations"; exit 1; }
echo "$(wc -w <<<"$headers") headers obey the rules"

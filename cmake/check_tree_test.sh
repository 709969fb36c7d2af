#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Proves that every rule of cmake/check_tree.sh can fail: a small tree that obeys, then one violation at a time, each of
# which must be named, and nothing else with it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
failures=0

header() {  # header PATH [LINE...]: a header that obeys the rules, with these lines in it
  local path=$1 guard
  shift
  guard=$(tr 'a-z/.-' 'A-Z___' <<<"$path")
  mkdir -p "$(dirname "$tree/include/$path")"
  {
    printf '// SPDX-License-Identifier: Apache-2.0\n#ifndef %s\n#define %s\n' "$guard" "$guard"
    [ $# -eq 0 ] || printf '%s\n' "$@"
    printf '#endif\n'
  } >"$tree/include/$path"
}
has_test() {
  printf '// SPDX-License-Identifier: Apache-2.0\nnamespace %s_test {\nTEST_CASE("a sentence") {}\n}\n' "$1" \
    >"$tree/tests/$1_test.cpp"
}

fresh() {
  rm -rf "$tree"
  mkdir -p "$tree/tests"
  header qfa/version.hpp
  header qfa/core/error.hpp '#include <string>' '// exit() and printf() and std::views may be spoken of.'
  header qfa/stats/moments.hpp '#include "qfa/core/error.hpp"' '#include "qfa/version.hpp"' 'void f() { snprintf(x); }'
  header qfa/stats/mean.hpp '/// Throws without numbers.' 'double mean(span x) {' '  require(!x.empty(), "x");' '}' \
    'class sums {' ' public:' '  /// Throws for another size.' '  template <class T>' '  void operator+=(const T& other);' '' \
    ' private:' '  void check() const { fail("x"); }' '};' '' \
    'template <class T>' 'void sums::operator+=(const T& other) {' '  require(other.fits(), "x");' '}'
  header qfa/simd/batch.hpp '#include <xsimd/xsimd.hpp>'
  header qfa/io/json.hpp '#include <nlohmann/json.hpp>'
  for name in core_error stats_moments stats_mean simd_batch io_json; do has_test $name; done
}
umbrella() { bash "$here/umbrella.sh" "$tree" >"$tree/include/qfa/qfa.hpp"; }

expect() {  # expect TEXT: exactly one violation, and it says TEXT
  local output
  umbrella
  [ "$1" != stale ] || printf '// more\n#endif\n' >>"$tree/include/qfa/qfa.hpp"
  if output=$(bash "$here/check_tree.sh" "$tree" 2>&1); then
    echo "passed, but should say: $1"
    failures=$((failures + 1))
  elif ! grep -qF -- "$1" <<<"$output" || ! grep -qx '1 violations' <<<"$output"; then
    printf 'should say only: %s\nbut said:\n%s\n' "$1" "$output"
    failures=$((failures + 1))
  fi
  fresh
}

fresh
umbrella
bash "$here/check_tree.sh" "$tree" >"$work/out" || { cat "$work/out"; echo "a tree that obeys was refused"; exit 1; }

header qfa/stats/moments.hpp $(yes '//' | head -n 296)
expect "moments.hpp has 300 lines"
header qfa/core/error.hpp '#include "qfa/stats/moments.hpp"'
expect "core may include only what stands above it"
header qfa/core/error.hpp '#include <qfa/stats/moments.hpp>'
expect "core may include only what stands above it"
header qfa/core/error.hpp '#include "qfa/core/../stats/moments.hpp"'
expect "a path with .."
header qfa/core/error.hpp '#include "qfa/qfa.hpp"'
expect "includes qfa/qfa.hpp"
header qfa/utils/more.hpp
expect "no layer"
header qfa/stats/fresh.hpp
expect "tests/stats_fresh_test.cpp is missing"
sed -i 's/QFA_STATS_MOMENTS_HPP/QFA_MOMENTS_HPP/' "$tree/include/qfa/stats/moments.hpp"
expect "not guarded by QFA_STATS_MOMENTS_HPP"
sed -i '3a#pragma once' "$tree/include/qfa/stats/moments.hpp"
expect "#pragma once"
sed -i '1s/.*/\/\/ no license/' "$tree/include/qfa/stats/moments.hpp"
expect "moments.hpp does not begin with its license"
sed -i '1s/.*/\/\/ no license/' "$tree/tests/stats_moments_test.cpp"
expect "stats_moments_test.cpp does not begin with its license"
sed -i 's/stats_moments_test/another/' "$tree/tests/stats_moments_test.cpp"
expect "stats_moments_test.cpp is not a namespace of its own name"
echo '// more' >>"$tree/include/qfa/stats/moments.hpp"
expect "does not end with its guard"
header qfa/stats/moments.hpp '/// The mean.' 'template <class T>' 'double mean(T x,' '            T y) {' '  if (x < y) fail("x");' '}'
expect "moments.hpp:6: throws, and no comment says where"
header qfa/stats/moments.hpp 'struct sums {' '  /// Merges.' '  void operator+=(const sums& other) {' \
  '    require(n == other.n, "x");' '  }' '};'
expect "moments.hpp:6: throws, and no comment says where"
sed -i '/Throws for another size/d' "$tree/include/qfa/stats/mean.hpp"
expect "throws, and no comment says where"
header qfa/stats/moments.hpp '#include <xsimd/xsimd.hpp>'
expect "includes <xsimd/xsimd.hpp>"
header qfa/stats/moments.hpp '#include <xtensor/xtensor.hpp>'
expect "includes <xtensor/xtensor.hpp>"
header qfa/stats/moments.hpp '#include <xtensor.hpp>'
expect "includes <xtensor.hpp>"
header qfa/stats/moments.hpp '#include <omp.h>'
expect "includes <omp.h>"
header qfa/stats/moments.hpp '#include <mpi.h>'
expect "includes <mpi.h>"
header qfa/stats/moments.hpp '#include <nlohmann/json.hpp>'
expect "includes <nlohmann/json.hpp>"
header qfa/stats/moments.hpp '#include <iostream>'
expect "includes <iostream>"
header qfa/stats/moments.hpp '#pragma omp parallel for'
expect "only core/parallel.hpp knows OpenMP"
header qfa/stats/moments.hpp 'auto x = xsimd::max(a, b);'
expect "only simd/batch.hpp knows xsimd"
header qfa/simd/batch.hpp '#include <xsimd/xsimd.hpp>' 'auto x = xsimd::max(a, b);'
header qfa/simd/kernels.hpp 'auto x = xsimd::max(a, b);'
has_test simd_kernels
expect "kernels.hpp:4: only simd/batch.hpp knows xsimd"
header qfa/stats/moments.hpp 'auto x = y | std::views::take(2);'
expect "std::views"
header qfa/stats/moments.hpp 'void g() { std::cout << 1; }'
expect "do not print"
header qfa/stats/moments.hpp 'void g() { printf("x"); }'
expect "do not print"
for printing in 'std::fputs("x", stderr)' 'std::fwrite(x, 1, 2, stdout)' 'puts("x")' 'std::putchar(1)' 'vprintf(x, y)' \
  'std::println("x")' 'write(STDOUT_FILENO, x, 1)'; do
  header qfa/stats/moments.hpp "void g() { $printing; }"
  expect "do not print"
done
for ending in '__builtin_trap()' 'raise(6)' 'std::raise(6)' 'std::quick_exit(1)' 'std::_Exit(1)' '_Exit(1)' '::exit(1)' \
  'std::terminate()' 'at_end(&std::abort)'; do
  header qfa/stats/moments.hpp "void g() { $ending; }"
  expect "do not end the program"
done
header qfa/stats/moments.hpp 'void g() { std::abort(); }'
expect "do not end the program"
header qfa/stats/moments.hpp 'void g() { exit(2); }'
expect "do not end the program"
header qfa/stats/moments.hpp 'using namespace std;'
expect "using namespace"
header qfa/stats/moments.hpp $'// na\xc3\xafve'
expect "not plain ASCII"
header qfa/stats/moments.hpp $'\tint x;'
expect "a tab"
header qfa/stats/moments.hpp "// $(printf 'x%.0s' {1..118})"
expect "longer than 120 columns"
echo 'TEST_CASE("semicolons; they break ctest") {}' >>"$tree/tests/io_json_test.cpp"
expect "ctest misreads"
echo 'TEST_CASE_TEMPLATE("x[0]", T, int) {}' >>"$tree/tests/io_json_test.cpp"
expect "ctest misreads"
echo 'target_compile_options(x PRIVATE -ffast-math)' >"$tree/CMakeLists.txt"
expect "fast math"
echo 'set(flags -Ofast)' >"$tree/tests/flags.cmake"
expect "fast math"
printf '#\n%.0s' {1..120} >"$tree/tests/CMakeLists.txt"
expect "tests/CMakeLists.txt has 120 lines"
mkdir "$tree/utils" "$tree/build"
expect "utils stands at the top"
echo '{ "version-semver": "0.0.9" }' >"$tree/vcpkg.json"
expect "vcpkg.json is not of version"
expect stale

[ $failures -eq 0 ] || { echo "$failures rules do not hold"; exit 1; }
echo "every rule can fail"

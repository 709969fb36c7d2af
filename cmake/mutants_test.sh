#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Proves that `cmake/mutants.sh applies` can fail: one list that is good, then each that is not, which must be named.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
list=$(mktemp)
trap 'rm -f "$list"' EXIT
failures=0
check() {  # check STATUS WORDS LINE: a list of this line ends with STATUS and says WORDS
  local status=0 said
  printf '# a comment | of | three\n%s\n' "$3" >"$list"
  said=$(bash "$here/mutants.sh" applies "$list" 2>&1) || status=$?
  [ $status -eq "$1" ] && grep -q "$2" <<<"$said" ||
    { printf 'FAILED: "%s" gave status %s and said: %s\n' "$3" $status "$said"; failures=$((failures + 1)); }
}
check 0 '3 substitutions' 'core/error.hpp | core_error simd_gemm | s/#ifndef QFA_CORE//; s#^\#define ##g; s!/[/] SPDX!;! | names a license'
check 0 '1 substitution' 'core/error.hpp | core_error | s/QFA_CORE_ERROR_HPP// | no guard (2 places)'
check 1 ':2: core/error.hpp has 2 lines for s/QFA_CORE_ERROR_HPP//, expected 1' \
  'core/error.hpp | core_error | s/QFA_CORE_ERROR_HPP// | no guard'
check 1 ':2: core/error.hpp has 0 lines for s/no such text//, expected 1' \
  'core/error.hpp | core_error | s/#ifndef//; s/no such text// | no guard'
check 1 'there is no include/qfa/core/errors.hpp' 'core/errors.hpp | core_error | s/#ifndef// | no guard'
check 1 'there is no tests/core_errors_test.cpp' 'core/error.hpp | core_error core_errors | s/#ifndef// | no guard'
check 1 'expected s/old/new/ at: d' 'core/error.hpp | core_error | s/#ifndef//; d | nothing'
check 1 'expected s/old/new/ at: s/a' 'core/error.hpp | core_error | s/a/b | nothing'
check 1 'expected header | tests' 'core/error.hpp | core_error | s/#ifndef//'
printf '%s rules of mutants.sh applies cannot fail\n' "$failures"
[ "$failures" -eq 0 ]

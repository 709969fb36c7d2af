#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Injects each bug of tests/mutants.txt into a copy of the headers and compiles the tests that should notice:
#   bash cmake/mutants.sh [PATTERN [EVERY]]      (only lines that match, and of them every EVERY-th)
# All take hours of one core: half a minute each.  Exit 1 where a bug survives, or no longer applies.
set -uo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compile="g++ -std=c++20 -O0 -march=native -fopenmp -ffp-contract=off -I $work/include -I tests -isystem /usr/include/eigen3"
$compile -c tests/main.cpp -o "$work/main.o" || exit 1
caught=0 survived=0
declare -A sound  # tests that pass without any bug: one that fails anyway would catch them all
while IFS='|' read -r header tests expression what; do
  header=$(xargs <<<"$header") expression=$(sed 's/^ *//; s/ *$//' <<<"$expression")
  cp -r include "$work/"
  sed -i "$expression" "$work/include/qfa/$header"
  if cmp -s "include/qfa/$header" "$work/include/qfa/$header"; then
    echo "DOES NOT APPLY: $header:$what"
    survived=$((survived + 1))
    continue
  fi
  # What text needs is there where its bugs are looked for.
  parts="" libraries=""
  case $header in text/*) parts="-DQFA_HAS_TEXT -DQFA_HAS_SENTENCEPIECE" libraries="-licui18n -licuuc -lsentencepiece" ;; esac
  verdict=survived
  for test in $tests; do
    if [ -z "${sound[$test]:-}" ]; then
      if ! ${compile/"$work/include"/include} $parts -DQFA_TEST_DATA="\"$PWD/tests/data\"" "tests/${test}_test.cpp" \
        "$work/main.o" -o "$work/test" $libraries 2>"$work/errors" ||
        ! OMP_WAIT_POLICY=passive timeout 300 "$work/test" >"$work/out" 2>&1; then
        verdict="$test fails without it"
        break
      fi
      sound[$test]=yes
    fi
    # A bug may be caught while compiling, by a static_assert; any other error says nothing of the tests.
    if ! $compile $parts -DQFA_TEST_DATA="\"$PWD/tests/data\"" "tests/${test}_test.cpp" "$work/main.o" -o "$work/test" \
      $libraries 2>"$work/errors"; then
      grep -q 'static assertion failed' "$work/errors" && verdict=caught || verdict="does not compile"
      break
    fi
    if ! OMP_WAIT_POLICY=passive timeout 300 "$work/test" >"$work/out" 2>&1; then
      verdict=caught
      break
    fi
  done
  [ "$verdict" = caught ] && caught=$((caught + 1)) || survived=$((survived + 1))
  echo "$verdict: $header:$what"
done < <(grep -v '^#' tests/mutants.txt | grep -e "${1:-.}" | awk -v every="${2:-1}" 'NR % every == 0')
echo "$caught caught, $survived not"
[ "$survived" -eq 0 ]

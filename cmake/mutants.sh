#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Injects each bug of tests/mutants.txt into a copy of the headers and compiles the tests that should notice:
#   bash cmake/mutants.sh [PATTERN [EVERY [JOBS]]]   (only lines that match, and of them every EVERY-th; JOBS at a time)
#   bash cmake/mutants.sh applies [FILE]         (compiles nothing: whether each substitution still finds its text)
# All take an hour of two cores.  Exit 1 where a bug survives, or no longer applies.
#
# A bug of a layer changes nothing that the layers below it compile to, so those are compiled once for all bugs of that
# layer: to a precompiled header with its instantiations and a library of its functions, which clang can and g++ cannot.
# A test of the upper layers takes 5 s so, and 30 s without.
set -uo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Every substitution meets every line of its header as it was, in one run of sed for each header: that is a second for
# five hundred bugs, where a process for each takes ten.  One that changes a line prints its number, such as 17-1.
applies() {
  awk -F'|' -v work="$work" '
    function complain(what) { print FILENAME ":" FNR ": " what; bad = 1 }
    function there(file,  line) {
      if (file in seen) return seen[file]
      seen[file] = (getline line < file) >= 0
      close(file)
      return seen[file]
    }
    # The substitution that `text` begins with, up to the flags behind its third divider; "" where it begins with none.
    function first_of(text,  i, dividers) {
      if (text !~ /^s[^a-zA-Z0-9 ]/) return ""
      for (i = 2; i <= length(text) && dividers < 3; ++i)
        if (substr(text, i, 1) == "\\") ++i
        else if (substr(text, i, 1) == substr(text, 2, 1)) ++dividers
      while (substr(text, i, 1) ~ /[a-zA-Z0-9]/) ++i
      return dividers == 3 ? substr(text, 1, i - 1) : ""
    }
    /^#/ { next }
    NF != 4 { complain("expected header | tests | substitutions | what is wrong"); next }
    {
      gsub(/ /, "", $1)
      header = "include/qfa/" $1
      if (!there(header)) { complain("there is no " header); next }
      count = split($2, tests, " ")
      for (i = 1; i <= count; ++i)
        if (!there("tests/" tests[i] "_test.cpp")) complain("there is no tests/" tests[i] "_test.cpp")
      if (!(header in scripts)) print header "\t" (scripts[header] = work "/" FNR ".sed") > (work "/scripts")
      places = match($4, /\([0-9]+ places\)/) ? substr($4, RSTART + 1) + 0 : 1
      for (k = 1; sub(/^[ ;]*/, "", $3) && $3 != ""; ++k) {
        command = first_of($3)
        if (command == "") { complain("expected s/old/new/ at: " $3); break }
        $3 = substr($3, length(command) + 1)
        id = FNR "-" k
        printf "h\n%s\nT end%s\ns/.*/%s/p\nt end%s\n:end%s\ng\n", command, id, id, id, id > scripts[header]
        print id "\t" $1 "\t" places "\t" command > (work "/commands")
      }
    }
    END { exit bad }' "$1" || return 1
  while IFS=$'\t' read -r header script; do
    sed -n -f "$script" "$header" || echo "$script: $header"
  done <"$work/scripts" >"$work/found"
  awk -F'\t' -v list="$1" '
    FNR == NR { ++found[$1]; next }
    found[$1] != $3 {
      split($1, at, "-")
      print list ":" at[1] ": " $2 " has " found[$1] + 0 " lines for " $4 ", expected " $3
      bad = 1
    }
    END { exit bad }' "$work/found" "$work/commands" || return 1
  echo "$(wc -l <"$work/commands") substitutions find their text"
}
if [ "${1:-}" = applies ]; then
  applies "${2:-tests/mutants.txt}"
  exit
fi

# What every layer is compiled with.  Text, .npz files and k-means are there wherever their bugs are looked for.
flags="-std=c++20 -O0 -march=native -fopenmp -fPIC -ffp-contract=off -I include -I tests -isystem /usr/include/eigen3
  -DQFA_HAS_TEXT -DQFA_HAS_SENTENCEPIECE -DQFA_HAS_NPZ -DQFA_HAS_KMEANS -DQFA_TEST_DATA=\"$PWD/tests/data\""
libraries="-licui18n -licuuc -lsentencepiece -lzip -lvl"

# bugs_of LAYER WORK: every bug of WORK/list in that layer's headers, a line for each.
bugs_of() {
  local layer=$1 work=$2 own=$2/$1
  mkdir -p "$own/qfa/$layer"
  {
    echo '#include <doctest/doctest.h>'
    awk '/^[a-z]/ { print $1 }' cmake/layers.txt | sed "/^$layer\$/,\$d" |
      while read -r below; do (cd include && printf '#include "%s"\n' qfa/"$below"/*.hpp); done
  } >"$own/below.hpp"
  local clang="clang++-14 -I $own $flags" optimized=""
  # Takes two minutes for the highest layer instead of 20 s, and one of its tests 4 s instead of 65.
  [ "$(grep -c "^$layer/" "$work/list")" -lt 10 ] || optimized=-O1
  # Functions that nobody calls are compiled as well, and refer to what no library has: no test needs those.
  $clang -x c++-header -fpch-instantiate-templates -fpch-codegen "$own/below.hpp" -o "$own/below.pch" &&
    $clang $optimized -Wno-unused-command-line-argument -c "$own/below.pch" -o "$own/below.o" &&
    $clang -shared "$own/below.o" -o "$own/below.so" || return
  rm "$own/below.o"

  # A compiler that fuses products into sums where it may, as it does for whoever gives it no flag: only there does the
  # bug of core/exact show.
  build() {
    local how="-include-pch $own/below.pch"
    [ "$header" != core/exact.hpp ] || how="-O2 -ffp-contract=fast"
    $clang $how "tests/$1_test.cpp" "$work/main.o" "$own/below.so" $libraries -Wl,--allow-shlib-undefined -o "$own/test" \
      2>"$own/errors"
  }
  # The longest takes 100 s of a core.  The shell itself tells of signals, to its own stderr: a bug may end in one.
  run() { OMP_WAIT_POLICY=passive timeout 900 "$own/test" >"$own/out" 2>&1; } 2>/dev/null

  local header tests expression what test verdict status
  local -A sound  # tests that pass without any bug: one that fails anyway would catch them all
  while IFS='|' read -r header tests expression what; do
    header=$(xargs <<<"$header") expression=$(sed 's/^ *//; s/ *$//' <<<"$expression") verdict=survived
    for test in $tests; do
      rm -f "$own/qfa/$layer"/*
      if [ -z "${sound[$test]:-}" ]; then
        if ! { build "$test" && run; }; then
          verdict="$test fails without it"
          if [ -s "$own/errors" ]; then cat "$own/errors"; else tail -n 5 "$own/out"; fi >&2
          break
        fi
        sound[$test]=yes
      fi
      sed "$expression" "include/qfa/$header" >"$own/qfa/$header"
      # A bug may be caught while compiling, by a static_assert; any other error says nothing of the tests.
      if ! build "$test"; then
        grep -q 'static_assert failed' "$own/errors" && verdict=caught || verdict="does not compile"
        break
      fi
      status=0
      run || status=$?
      if [ $status -ne 0 ]; then
        verdict=caught
        [ $status -ne 124 ] || what="$what (it ran for 900 s)"
        break
      fi
    done
    echo "$verdict: $header:$what"
  done < <(grep "^$layer/" "$work/list")
  rm -r "$own"
}

if [ "${1:-}" = layer ]; then
  trap - EXIT
  rmdir "$work"
  bugs_of "$2" "$3"
  exit
fi

mkdir -p build
. cmake/bootstrap.sh
qfa_need $qfa_packages clang-14 libomp-14-dev
applies tests/mutants.txt || exit 1
grep -v '^#' tests/mutants.txt | grep -e "${1:-.}" | awk -v every="${2:-1}" 'NR % every == 0' >"$work/list"
clang++-14 $flags -c tests/main.cpp -o "$work/main.o" || exit 1
# The layer of the most bugs first: what is left for the last job is short then.
cut -d/ -f1 "$work/list" | sort | uniq -c | sort -rn | awk '{ print $2 }' |
  xargs -P "${3:-1}" -I LAYER bash cmake/mutants.sh layer LAYER "$work" | tee "$work/said"
caught=$(grep -c '^caught: ' "$work/said")
all=$(wc -l <"$work/list")
echo "$caught caught, $((all - caught)) not"
[ "$caught" -eq "$all" ]

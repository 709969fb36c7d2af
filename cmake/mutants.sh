#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Injects each bug of tests/mutants.txt into a copy of the headers and compiles the tests that should notice:
#   bash cmake/mutants.sh [PATTERN [EVERY [JOBS]]]   (only lines that match, and of them every EVERY-th; JOBS at a time)
#   bash cmake/mutants.sh applies [FILE]         (compiles nothing: whether each substitution still finds its text)
# All take eight hours of a core: half a minute each.  Exit 1 where a bug survives, or no longer applies.
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

jobs=${3:-1}
if [ "$jobs" -gt 1 ]; then
  for ((job = 0; job < jobs; ++job)); do
    QFA_MUTANTS_PART=$job/$jobs bash cmake/mutants.sh "${1:-.}" "${2:-1}" >"$work/part-$job" &
  done
  wait
  grep -hv ' caught, [0-9]* not$' "$work"/part-*
  awk '/ caught, [0-9]* not$/ { caught += $1; others += $3; ++parts }
    END { print caught " caught, " others + 0 " not"; exit others > 0 || parts != '"$jobs"' }' "$work"/part-*
  exit
fi
part=${QFA_MUTANTS_PART:-0/1}

# To collect its garbage less often saves g++ a sixth of the time.
compile="g++ -std=c++20 -O0 --param=ggc-min-heapsize=2000000 -march=native -fopenmp -ffp-contract=off -I $work/include -I tests
  -isystem /usr/include/eigen3"
$compile -c tests/main.cpp -o "$work/main.o" || exit 1
run_test() { OMP_WAIT_POLICY=passive timeout 900 "$work/test" >"$work/out" 2>&1; }  # the longest: 100 s of a core
caught=0 survived=0
declare -A sound  # tests that pass without any bug: one that fails anyway would catch them all.  A test is of one part.
while IFS='|' read -r header tests expression what; do
  header=$(xargs <<<"$header") expression=$(sed 's/^ *//; s/ *$//' <<<"$expression")
  cp -r include "$work/"
  sed -i "$expression" "$work/include/qfa/$header"
  if cmp -s "include/qfa/$header" "$work/include/qfa/$header"; then
    echo "DOES NOT APPLY: $header:$what"
    survived=$((survived + 1))
    continue
  fi
  # What text, .npz files and k-means need is there where their bugs are looked for; and a compiler that fuses products
  # into sums where it may, as it is for whoever gives it no flag.
  parts="" libraries=""
  case $header in
    text/*) parts="-DQFA_HAS_TEXT -DQFA_HAS_SENTENCEPIECE" libraries="-licui18n -licuuc -lsentencepiece" ;;
    io/npz.hpp) parts="-DQFA_HAS_NPZ" libraries="-lzip" ;;
    cache/kmeans.hpp) parts="-DQFA_HAS_KMEANS" libraries="-lvl" ;;
    core/exact.hpp) parts="-O2 -ffp-contract=fast" ;;
  esac
  verdict=survived
  for test in $tests; do
    if [ -z "${sound[$test]:-}" ]; then
      if ! ${compile/"$work/include"/include} $parts -DQFA_TEST_DATA="\"$PWD/tests/data\"" "tests/${test}_test.cpp" \
        "$work/main.o" -o "$work/test" $libraries 2>"$work/errors" ||
        ! run_test; then
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
    status=0
    run_test || status=$?
    if [ $status -ne 0 ]; then
      verdict=caught
      [ $status -ne 124 ] || what="$what (it ran for 900 s)"
      break
    fi
  done
  [ "$verdict" = caught ] && caught=$((caught + 1)) || survived=$((survived + 1))
  echo "$verdict: $header:$what"
done < <(grep -v '^#' tests/mutants.txt | grep -e "${1:-.}" | awk -F'|' -v every="${2:-1}" -v part="${part%/*}" \
  -v parts="${part#*/}" 'NR % every == 0 { if (!($2 in at)) at[$2] = ++tests; if (at[$2] % parts == part) print }')
echo "$caught caught, $survived not"
[ "$survived" -eq 0 ]

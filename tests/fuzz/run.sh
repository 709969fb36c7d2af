#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh PROGRAM WORK SECONDS [TARGET...]: fuzzes every reader for so many seconds each, two at a time, from its seeds
# and from what earlier runs have left in WORK.  Fails where one finds something; the input lies in WORK/findings.
set -euo pipefail
program=$(realpath "$1") work=$2 seconds=$3
shift 3
mkdir -p "$work/findings"
rm -rf "$work/seeds"
QFA_FUZZ=seeds "$program" "$work/seeds"
QFA_FUZZ=check "$program" "$work/seeds"
[ $# -gt 0 ] || set -- $(ls "$work/seeds")
# One printf each, so that what two say at a time stays apart.
fuzz() {
  local target=$1 runs covered found
  mkdir -p "$work/corpus/$target"
  if QFA_FUZZ=$target OMP_NUM_THREADS=1 "$program" "$work/corpus/$target" "$work/seeds/$target" -max_total_time="$seconds" \
    -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=1024 -max_len=20000 -artifact_prefix="$work/findings/$target-" \
    -print_final_stats=1 >"$work/$target.log" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$target.log")
    covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$work/$target.log" | tail -n 1)
    printf '%-20s %10s runs, %6s edges, nothing found\n' "$target" "$runs" "$covered"
  else
    found=$(grep -E 'ERROR|runtime error|SUMMARY|what\(\)|terminate' "$work/$target.log" | head -n 5)
    printf '%-20s FOUND:\n%s\n' "$target" "${found:-$(tail -n 5 "$work/$target.log")}"
    return 1
  fi
}
export program work seconds
export -f fuzz
printf '%s\n' "$@" | xargs -n 1 -P 2 bash -c 'fuzz "$1"' fuzz  # which fails where one of them does

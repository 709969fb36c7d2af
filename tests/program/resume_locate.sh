#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# resume_locate.sh PROGRAM SOURCE WORK: runs that locate damage and that allocate bits are killed again and again, go on
# from their checkpoint each time, and end with the bytes of runs that nobody disturbs.
set -euo pipefail
qfa=$1 source=$2 work=$3
rm -rf "$work" && mkdir -p "$work/whole" "$work/killed" && cd "$work"
demo=$source/examples/demo
RANDOM=${SEED:-21}
. "$source/tests/program/kills.sh"
files=("$demo/model" "$demo/sae" "$demo/tokens.npy")

# Every block is saved, of two, and a unit a call; what is allocated has two benches, one after the other.
located=("$qfa" locate "${files[@]}" --policy rtn:bits=4 --units layers --max-tokens 8192 --memory 1K
  --checkpoint-seconds 0 --out located)
allocated=("$qfa" allocate "${files[@]}" --options rtn:bits=3 rtn:bits=4 --budget like:rtn:bits=3 --targets '*.0.*'
  --fit-tokens 8192 --held-out-tokens 8192 --checkpoint-seconds 0 --out mix.json --report mixed.json)

# same_after_kills NAME KILLS STATE COMMAND...: NAME.txt is what it prints, STATE the directory of its checkpoint.
same_after_kills() {
  local name=$1 kills=$2 state=$3 began took
  shift 3
  cd "$work/whole"
  began=$(date +%s%N)
  "$@" >"$name.txt"
  took=$((($(date +%s%N) - began) / 1000))  # microseconds
  test ! -e "$state"
  cd "$work/killed"
  written() { find . ! -name 'killed.*' ! -name '*.txt' -type f | sort; }
  same() { for file in $(written); do cmp "$file" "$work/whole/$file" || exit 1; done && rm -r "$work"/killed/*; }
  killed_often "$kills" "$took" same "$@" --resume
  "$@" --resume >"$name.txt" 2>killed.err
  cmp "$name.txt" "$work/whole/$name.txt"
  for file in $(written); do cmp "$file" "$work/whole/$file"; done
  diff <(written) <(cd "$work/whole" && written)
  rm -r "$work"/killed/* "$work"/whole/*
}
same_after_kills located 2 located/resume "${located[@]}"
same_after_kills allocated 2 mix.json.resume "${allocated[@]}"

cd "$work"
# Nothing is written before it is time, and nothing is left of a run that cannot be.
"$qfa" locate "${files[@]}" --policy rtn:bits=4 --units layers --max-tokens 4096 --no-loss --out short --resume \
  >short.txt 2>short.err
grep -q 'there is no checkpoint in "short/resume", starting from the beginning' short.err
[ "$(ls short)" = locate.json ]
refused() {
  local sentence=$1 status=0
  shift
  "$@" >out.txt 2>err.txt || status=$?
  [ "$status" -eq 2 ] && [ ! -s out.txt ] && grep -q -- "$sentence" err.txt || { cat err.txt; exit 1; }
}
refused 'there is no --out' "$qfa" locate "${files[@]}" --policy rtn:bits=4 --resume
refused 'keeps none of' "${allocated[@]/#0/-1}" --resume
refused 'the SAE does not fit' "${located[@]}" --hook blocks.0.hook_resid_pre
test ! -e located

# A checkpoint of another run is refused by one sentence that says what differs, and is still there.
killed_with located/resume/qfa-bench-state "${located[@]}"
refused 'is of another run: the policy is rtn:bits=4 there, and rtn:bits=3 here' \
  "${located[@]/bits=4/bits=3}" --resume
killed_with mix.json.resume/qfa-bench-state "${allocated[@]}"
refused 'is of another run: the budget is like:rtn:bits=3 there, and like:rtn:bits=4 here' \
  "${allocated[@]/like:rtn:bits=3/like:rtn:bits=4}" --resume
test -e located/resume/qfa-bench-state && test -e mix.json.resume/qfa-bench-state
# An interrupt says that there is something to go on from.
cp -r located located.kept
for wait in 0.05 0.02 0.01 0.005 0.002; do  # it may be faster than the signal
  rm -rf located && cp -r located.kept located
  set -m  # background jobs of a script ignore SIGINT otherwise
  "${located[@]}" --resume >interrupted.txt 2>interrupted.err &
  pid=$!
  set +m
  until grep -qs 'going on from' interrupted.err || ! kill -0 $pid 2>/dev/null; do sleep 0.01; done
  sleep $wait
  kill -INT $pid 2>/dev/null || true
  status=0
  wait $pid || status=$?
  [ $status -eq 0 ] || break
done
test $status -eq 130
grep -q 'no report is written; the same command with --resume goes on' interrupted.err
test ! -e located/locate.json
# Without --resume it starts anew, and says so.
"${allocated[@]}" >anew.txt 2>anew.err
grep -q 'starting from the beginning, without the checkpoint in "mix.json.resume"' anew.err
test ! -e mix.json.resume

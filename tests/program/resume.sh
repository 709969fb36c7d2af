#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# resume.sh PROGRAM SOURCE WORK: an audit that is killed again and again, and each time goes on from its checkpoint, ends
# with the bytes of one that nobody disturbs.
set -euo pipefail
qfa=$1 source=$2 work=$3
rm -rf "$work" && mkdir -p "$work" && cd "$work"
demo=$source/examples/demo
RANDOM=${SEED:-20}
. "$source/tests/program/kills.sh"

# Every block is saved.  As reports name their files, all audits are told the same ones.
model_audit=("$qfa" audit --model "$demo/model" --sae "$demo/sae" --tokens "$demo/tokens.npy" --max-tokens 12288 --paired
  --token-damage --meaning --policy rtn:bits=4 --against "same=$demo/model" --checkpoint-seconds 0)
hook=$(sed -n 's/.*"hook_name": *"\([^"]*\)".*/\1/p' "$demo/sae/cfg.json" | head -n 1)
dump=("$qfa" activations --model "$demo/model" --tokens "$demo/tokens.npy" --context 128 --prepend-bos --max-tokens 16384 --hook "$hook")
"${dump[@]}" --out reference.npy
"${dump[@]}" --policy rtn:bits=4 --out int4.npy
file_audit=("$qfa" audit --sae "$demo/sae" --activations reference.npy --compressed int4=int4.npy --paired
  --checkpoint-seconds 0)

# same_after_kills NAME KILLS COMMAND...: kills COMMAND so many times after random parts of the time that it takes.
same_after_kills() {
  local name=$1 kills=$2
  shift 2
  local began=$(date +%s%N)
  "$@" --out "$name" >"$name.txt"
  local took=$((($(date +%s%N) - began) / 1000))  # microseconds
  test ! -e "$name/resume"
  same() { cmp "$name/report.json" "$name.killed/report.json" && rm -r "$name.killed"; }
  killed_often "$kills" "$took" same "$@" --out "$name.killed" --resume
  "$@" --out "$name.killed" --resume >"$name.killed.txt" 2>killed.err
  cmp "$name/report.json" "$name.killed/report.json"
  cmp "$name/features.csv" "$name.killed/features.csv"
  diff <(sed "s/$name.killed/$name/g" "$name.killed.txt") "$name.txt"
  [ "$(ls "$name.killed")" = $'features.csv\ngroups.npy\nreport.html\nreport.json' ] || { ls -R "$name.killed"; exit 1; }
}
same_after_kills model 5 "${model_audit[@]}"
same_after_kills files 3 "${file_audit[@]}"

# same_after_a_kill NAME COMMAND...: killed as soon as there is a checkpoint, the audit goes on to the same files and text.
same_after_a_kill() {
  local name=$1
  shift
  "$@" --out "$name" >"$name.txt"
  killed_with "$name.killed/resume/qfa-audit-state" "$@" --out "$name.killed"
  "$@" --out "$name.killed" --resume >"$name.killed.txt" 2>killed.err
  grep -q 'going on from' killed.err
  for file in report.json features.csv groups.npy; do cmp "$name/$file" "$name.killed/$file"; done
  diff <(sed "s/$name.killed/$name/g" "$name.killed.txt") "$name.txt"
}
# Steering and patching come when the audit is over, and are done again where it goes on.
same_after_a_kill steered "$qfa" audit --model "$demo/model" --sae "$demo/sae" --tokens "$demo/tokens.npy" --context 8 \
  --max-tokens 1024 --no-loss --policy rtn:bits=4 --steering --steering-features 8 --patching --checkpoint-seconds 0
grep -q '^Steering at ' steered.txt
# So are controls, which are drawn from seeds, and what the rungs of a ladder say together.
same_after_a_kill controlled "$qfa" audit --model "$demo/model" --sae "$demo/sae" --tokens "$demo/tokens.npy" \
  --max-tokens 2048 --no-loss --policy rtn:bits=4 --ladder --controls --control-tokens 1024 --control-seeds 2 \
  --checkpoint-seconds 0

# A checkpoint of another input is refused by one sentence that says what differs, and is still there.
killed_with other/resume/qfa-audit-state "${model_audit[@]}" --out other
status=0
"${model_audit[@]}" --policy rtn:bits=5 --out other --resume >refused.txt 2>refused.err || status=$?
[ "$status" -eq 2 ] || { cat refused.err; exit 1; }
grep -q 'is of another audit: the list of policies is rtn:bits=4 there, and rtn:bits=4 rtn:bits=5 here' refused.err
test -e other/resume/qfa-audit-state
# Without --resume it starts anew, and says so.
"${model_audit[@]}" --out other >other.txt 2>other.err
grep -q 'starting from the beginning, without the checkpoint' other.err
cmp model/report.json other/report.json
test ! -e other/resume
# A policy that fails behind another one leaves what that has finished, and says so; where nothing is kept, it does not.
for seconds in 0 600; do
  status=0
  "$qfa" audit --model "$demo/model" --sae "$demo/sae" --tokens "$demo/tokens.npy" --max-tokens 2048 --no-loss \
    --policy rtn:bits=4 --policy prune_nm:zeroed=2,of=7 --checkpoint-seconds $seconds --out failed$seconds \
    >failed.txt 2>failed$seconds.err || status=$?
  [ "$status" -eq 2 ]
  [ "$(wc -l <failed$seconds.err)" -eq 1 ]
  grep -q 'prune_nm needs the columns' failed$seconds.err
done
grep -q 'what was finished is kept in failed0/resume, from which --resume goes on' failed0.err
test -e failed0/resume/qfa-audit-state
if grep -q 'is kept' failed600.err; then exit 1; fi
test ! -e failed600

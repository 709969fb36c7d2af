#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# locate.sh PROGRAM SOURCE WORK: where damage is, on a few rows of the demo.
set -euo pipefail
qfa=$1 source=$2 work=$3
rm -rf "$work" && mkdir -p "$work" && cd "$work"
demo=$source/examples/demo
files=("$demo/model" "$demo/sae" "$demo/tokens.npy")

"$qfa" locate "${files[@]}" --policy rtn:bits=4 --units layers --max-tokens 4096 --out one >one.txt
grep -q 'FVU 0\.[0-9]* on the reference, 0\.[0-9]* compressed' one.txt
grep -q '^By depth, damage to predictions' one.txt
grep -Eq '^layer 0 +4\.[0-9]+ ' one.txt
grep -q '"by_depth": {' one/locate.json
# Without losses features are the same, and nothing is said of predictions.  Memory changes nothing.
"$qfa" locate --model "${files[0]}" --sae "${files[1]}" --tokens "${files[2]}" --policy rtn:bits=4 --units layers \
  --max-tokens 4096 --no-loss --memory 1K >two.txt
[ "$(grep -c 'By depth' two.txt)" -eq 0 ]
shares() { sed -n 's/^\(layer [0-9]*  *[0-9.]*  *[0-9.]*\) .*/\1/p' "$1" | tr -s ' '; }
[ -n "$(shares one.txt)" ]
diff <(shares one.txt) <(shares two.txt)
# A policy that learns does so on rows that are not reported; one that changes activations has no parts.
"$qfa" locate "${files[@]}" --policy gptq:bits=4,group=0 --units layers --max-tokens 4096 --no-loss >learned.txt
grep -q '^calibrated on rows of .* which are not reported' learned.txt
refused() {
  local sentence=$1
  shift
  local status=0
  "$qfa" locate "${files[@]}" "$@" >out.txt 2>err.txt || status=$?
  [ "$status" -eq 2 ] && [ ! -s out.txt ] && grep -q "$sentence" err.txt
}
refused 'changes activations' --policy 'rtn:bits=8+act:bits=8'
refused 'heads cannot be told apart' --policy rtn:bits=4 --units heads --fused
refused 'matches no tensor' --policy rtn:bits=4 --targets 'nothing*'
refused 'calibration means nothing with rtn:bits=4' --policy rtn:bits=4 --calibration "${files[2]}"
refused 'units' --policy rtn:bits=4 --units words

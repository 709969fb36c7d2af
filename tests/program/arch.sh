#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# arch.sh PROGRAM SOURCE WORK: the same bytes on every instruction set with FMA and for every number of threads.
set -euo pipefail
qfa=$1 source=$2 work=$3
rm -rf "$work" && mkdir -p "$work" && cd "$work"
demo=$source/examples/demo
unset QFA_ARCH

# What this machine has is told where it is asked for something else.
QFA_ARCH=none "$qfa" audit --model "$demo/model" --sae "$demo/sae" --tokens "$demo/tokens.npy" --max-tokens 256 \
  --policy rtn --out none >none.txt 2>&1 && exit 1
grep -q 'QFA_ARCH is "none", expected an instruction set that this machine has: ' none.txt
sets=$(sed -n 's/.*this machine has: //p' none.txt | tr -d ,)

# audit SET THREADS: the report of a small audit that calibrates, and compresses weights and inputs; its `simd` is what
# was asked for, and is put aside.
audit() {
  QFA_ARCH=$1 OMP_NUM_THREADS=$2 OMP_WAIT_POLICY=passive "$qfa" audit --model "$demo/model" --sae "$demo/sae" \
    --tokens "$demo/tokens.npy" --max-tokens 1024 --calibration-tokens 2048 --policy rtn:bits=4 --policy gptq \
    --policy 'smooth_quant+rtn:bits=8+act:bits=8' --out "$1.$2" >/dev/null
  for file in report.json features.csv; do
    grep -Eq "\"?simd\"?: \"$1\"" "$1.$2/$file"
    sed -Ei "s/(\"?simd\"?: )\"$1\"/\1/" "$1.$2/$file"
  done
}
first=
for set in $sets; do
  for threads in 1 2 3 8; do
    case $set.$threads in
    sse2.1)  # without FMA the last bits differ, and the report says so
      audit sse2 1
      grep -q 'sse2 has no fused multiply-add' sse2.1/report.json
      continue
      ;;
    sse2.*) continue ;;
    esac
    audit "$set" "$threads"
    first=${first:-$set.$threads}
    [ "$(grep -c 'no fused multiply-add' "$set.$threads/report.json")" -eq 0 ]
    cmp "$first/report.json" "$set.$threads/report.json"
    cmp "$first/features.csv" "$set.$threads/features.csv"
  done
done
# A machine whose only set is the first proves little; this says what was compared.
echo "compared: $sets"

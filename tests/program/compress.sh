#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# compress.sh PROGRAM SOURCE WORK: every policy that `qfa list policies` names compresses a matrix, and says its bits.
set -euo pipefail
qfa=$1 source=$2 work=$3
rm -rf "$work" && mkdir -p "$work" && cd "$work"
demo=$source/examples/demo

# A matrix of 256 rows and 128 columns, and inputs of 128 channels.
dump() {
  "$qfa" activations --model "$demo/model" --tokens "$demo/tokens.npy" --context 128 --prepend-bos --hook "$1" \
    --max-tokens "$2" --out "$3"
}
dump blocks.1.hook_resid_post 256 weights.npy
dump blocks.2.hook_resid_post 1024 inputs.npy

# What a name cannot do without.
with_options() {
  case $1 in
    prune) echo "$1:sparsity=0.5" ;;
    prune_random) echo "$1:sparsity=0.5,seed=1" ;;
    prune_threshold) echo "$1:at_most=0.1" ;;
    prune_nm) echo "$1:zeroed=2,of=4" ;;
    prune_rows | prune_columns | prune_heads) echo "$1:share=0.25" ;;
    noise) echo "$1:match=(rtn:bits=4),seed=1" ;;
    permute) echo "$1:of=(rtn:bits=4),seed=1" ;;
    negate) echo "$1:of=(rtn:bits=4)" ;;
    rotate) echo "$1:then=(rtn:bits=4)" ;;
    llm_int8) echo "$1:threshold=50" ;;  # else every channel of these inputs is spared
    plan_file) echo "$1:file=mix.json" ;;
    *) echo "$1" ;;
  esac
}
echo '{"format": "qfa weight plan", "version": 1, "tensors": [], "rest": "rtn:bits=4"}' >mix.json
"$qfa" list policies >policies.txt
names=$(sed -n 's/^\([A-Za-z0-9_.]*\)$/\1/p' policies.txt)
[ "$(wc -w <<<"$names")" -ge 60 ] || { echo "only $(wc -w <<<"$names") policies are listed"; exit 1; }
for name in $names; do
  "$qfa" compress --policy "$(with_options "$name")" --in weights.npy --inputs inputs.npy --out out.npy \
    --role q --heads 4 --head-dim 64 --layer 1 --layers 4 >said.txt
  cat said.txt
  case $name in
    none | cast | act | plan) ;;
    *) cmp -s weights.npy out.npy && { echo "$name changes nothing"; exit 1; } ;;
  esac
done

# A policy that learns says what it lacks; one that quantizes says what it takes.
! "$qfa" compress --policy gptq --in weights.npy --out none.npy 2>lacks.txt
grep -q -- --inputs lacks.txt
[ ! -e none.npy ]
"$qfa" compress --policy gptq:bits=4,group=128 --in weights.npy --inputs inputs.npy --out out.npy | grep -q '4\.[0-9]* bits a weight'
"$qfa" compress --policy ggml:type=q4_0 --in weights.npy --out out.npy | grep -q '4\.500 bits a weight'

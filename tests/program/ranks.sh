#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# ranks.sh PROGRAM SOURCE WORK LAUNCHER...: an audit, what locates damage and what allocates bits write and say the
# same, byte for byte, on any number of ranks.
# LAUNCHER starts ranks, and is followed here by their number: mpiexec -n.
set -euo pipefail
qfa=$1 source=$2 work=$3
shift 3
rm -rf "$work" && mkdir -p "$work" && cd "$work"
cp -r "$source/examples/demo" demo

# same NAME SPLITS NUMBERS ARGUMENT...: the audit by one process that nobody launched, and by each of NUMBERS of ranks.
same() {
  local name=$1 splits=$2 numbers=$3 ranks split
  shift 3
  mkdir "$name"
  "$qfa" audit "$@" --out out >"$name/said.txt" 2>"$name/errors.txt"
  mv out "$name/alone"
  for split in $splits; do
    for ranks in $numbers; do
      "${launcher[@]}" "$ranks" "$qfa" audit "$@" --split "$split" --out out >said.txt
      cmp said.txt "$name/said.txt"
      for file in report.json features.csv groups.npy; do cmp "out/$file" "$name/alone/$file"; done
      rm -r out
      echo "$name: the same by $ranks ranks, $split"
    done
  done
}
launcher=("$@")
model=(--model demo/model --sae demo/sae --tokens demo/tokens.npy)

# Losses, shifts, a policy that learns, a model from elsewhere, both kinds of matching, an overlap of every two; 41 rows
# are 10 groups, which no number of ranks divides, and 5 conditions are neither whole rounds.
sweep=("${model[@]}" --max-tokens 5248 --policy rtn:bits=4 --policy wanda:sparsity=0.3 --against again=demo/model
  --match-pruning rtn:bits=3 --match-tolerance 0.02 --calibration-tokens 1024 --paired --token-damage --meaning
  --loss-batch 5)
same sweep tokens "3 4" "${sweep[@]}"
same turns policies "2 3" "${sweep[@]}"
same published "tokens policies" 3 "${model[@]}" --max-tokens 2048 --policy rtn:bits=3 --match-pruning rtn:bits=4 \
  --protocol published
# Steering and patching go back to the models when the audit is over, on rank 0.
same steered tokens 2 "${model[@]}" --context 8 --max-tokens 1024 --no-loss --policy rtn:bits=4 --steering \
  --steering-features 8 --patching
grep -q '^Steering at ' steered/said.txt
# So do controls; a ladder is made of the audit's own conditions.
same controlled tokens 2 "${model[@]}" --max-tokens 2048 --no-loss --policy rtn:bits=4 --ladder --controls \
  --control-tokens 1024 --control-seeds 2
# Six rows are one group: all ranks but one are idle.
same idle "tokens policies" 4 "${model[@]}" --max-tokens 768 --policy rtn:bits=4

common=(--model demo/model --tokens demo/tokens.npy --context 128 --prepend-bos --max-tokens 5248)
hook=$(sed -n 's/.*"hook_name": *"\([^"]*\)".*/\1/p' demo/sae/cfg.json | head -n 1)
"$qfa" activations "${common[@]}" --hook "$hook" --out reference.npy >dumped.txt
"$qfa" activations "${common[@]}" --hook "$hook" --policy rtn:bits=4 --out int4.npy >>dumped.txt
"$qfa" activations "${common[@]}" --hook "$hook" --policy rtn:bits=3 --out int3.npy >>dumped.txt
same activations "tokens policies" 3 --sae demo/sae --activations reference.npy --compressed int4=int4.npy \
  --compressed int3=int3.npy --paired

# What locates damage and what allocates bits share the same passes; of 11 groups rank 0 alone writes.
located=(locate "${model[@]}" --policy rtn:bits=3 --units layers --max-tokens 5760)
allocated=(allocate "${model[@]}" --options rtn:bits=3 rtn:bits=4 --budget like:rtn:bits=3 --targets '*.0.*'
  --fit-tokens 4096 --held-out-tokens 4096 --max-tokens 8960)
"$qfa" "${located[@]}" --out located >located.txt
"$qfa" "${allocated[@]}" --out mix.json --report mixed.json >allocated.txt
mkdir alone && mv located.txt located mix.json allocated.txt mixed.json alone
for ranks in 3; do
  "${launcher[@]}" "$ranks" "$qfa" "${located[@]}" --out located >located.txt
  cmp located.txt alone/located.txt && cmp located/locate.json alone/located/locate.json
  rm -r located
done
OMP_NUM_THREADS=2 "$qfa" "${located[@]}" --out located >located.txt
cmp located.txt alone/located.txt && cmp located/locate.json alone/located/locate.json
"${launcher[@]}" 2 "$qfa" "${allocated[@]}" --out mix.json --report mixed.json >allocated.txt
for file in mix.json mixed.json allocated.txt; do cmp $file alone/$file; done
echo "locate and allocate: the same by ranks, and by threads"

# Commands that share nothing out run once.
"${launcher[@]}" 3 "$qfa" compress --policy rtn:bits=8 --in reference.npy --out once.npy >once.txt
[ "$(grep -c SQNR once.txt)" -eq 1 ]
"${launcher[@]}" 2 "$qfa" list hooks >hooks.txt
"$qfa" list hooks | cmp - hooks.txt

# refused TEXT COMMAND...: one sentence, status 2, nothing written, and nobody waits for a rank that is gone.
refused() {
  local text=$1 status=0
  shift
  timeout 60 "$@" >said.txt 2>errors.txt || status=$?
  [ "$status" -eq 2 ] || { echo "status $status instead of 2: $*"; cat errors.txt; exit 1; }
  [ "$(grep -c '^qfa: ' errors.txt)" -eq 1 ] || { echo "not one sentence: $*"; cat errors.txt; exit 1; }
  grep -q "^qfa: $text" errors.txt || { echo "another sentence: $*"; cat errors.txt; exit 1; }
  [ ! -e out ] || { echo "something was written: $*"; exit 1; }
}
audit=("$qfa" audit "${model[@]}" --max-tokens 2048 --policy rtn:bits=4)
# All ranks find the same mistake; or the first alone, in what only it does; or what only the whole shows.
refused 'there is no SAE "nowhere"' "${launcher[@]}" 3 "$qfa" audit --model demo/model --sae nowhere \
  --tokens demo/tokens.npy --policy rtn:bits=4 --out out
refused 'A subcommand is required' "${launcher[@]}" 2 "$qfa" adit
refused '--split takes tokens or policies' "${launcher[@]}" 2 "${audit[@]}" --split rows --out out
refused '--resume goes on with one process' "${launcher[@]}" 2 "${audit[@]}" --resume --out out
refused '--resume goes on with one process' "${launcher[@]}" 2 "$qfa" "${located[@]}" --resume --out out
refused '--resume goes on with one process' "${launcher[@]}" 2 "$qfa" "${allocated[@]}" --resume --out out
refused '--out ".*" is a file' "${launcher[@]}" 3 "${audit[@]}" --out reference.npy
refused 'the SAE does not fit' "${launcher[@]}" 3 "$qfa" "${located[@]}" --hook blocks.0.hook_resid_pre --out out
"$qfa" activations "${common[@]}" --hook blocks.0.hook_resid_pre --out unfit.npy >>dumped.txt
for split in tokens policies; do
  refused 'the SAE does not fit' "${launcher[@]}" 3 "$qfa" audit --sae demo/sae --activations unfit.npy \
    --compressed a=int4.npy --split $split --out out
  refused 'the SAE does not fit' "${launcher[@]}" 3 "${audit[@]}" --hook blocks.0.hook_resid_pre --split $split --out out
done
# One rank alone fails, or reads other files of the same names, as where machines do not share theirs.
mkdir elsewhere && cp -r demo elsewhere/demo
on_the_last() { refused "$1" "${launcher[@]}" 2 "${audit[@]}" --out out : "${launcher[-1]}" 1 env -C elsewhere "${audit[@]}" --out out; }
printf ' ' >>elsewhere/demo/model/config.json
on_the_last 'rank 2 reads another .*config.json'
rm elsewhere/demo/tokens.npy
on_the_last 'rank 2: .*demo/tokens.npy'

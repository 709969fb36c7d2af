#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# wrong_input.sh PROGRAM SOURCE WORK: wrong input is one sentence on standard error that names what is wrong, status 2,
# and nothing left behind.
set -uo pipefail
qfa=$1 source=$2 work=$3
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 1
demo=$source/examples/demo
tiny=$source/tests/data/models/gpt_neox
failures=0

# refused NAME WORDS ARGUMENT...: runs `qfa audit ARGUMENT... --out NAME`, which must fail and say WORDS (a grep pattern).
refused() {
  local name=$1 words=$2
  shift 2
  "$qfa" audit "$@" --out "$name" >"$name.stdout" 2>"$name.stderr"
  local status=$?
  local problem=""
  [ $status -eq 2 ] || problem="exit status $status"
  [ "$(wc -l <"$name.stderr")" -eq 1 ] || problem="$problem; not one line"
  grep -Eq "$words" "$name.stderr" || problem="$problem; it does not say '$words'"
  [ ! -s "$name.stdout" ] || problem="$problem; something on standard output"
  # An audit that took so long before it failed that a checkpoint was due keeps it, and says so.
  if grep -q 'is kept in' "$name.stderr"; then rm -r "$name/resume" && rmdir "$name"; fi
  [ ! -e "$name" ] || problem="$problem; output was left behind"
  if [ -n "$problem" ]; then
    printf 'FAILED %s: %s\n' "$name" "$problem"
    cat "$name.stderr"
    failures=$((failures + 1))
  else
    printf 'refused %s: %s\n' "$name" "$(cat "$name.stderr")"
  fi
}

model=(--model "$demo/model")
sae=(--sae "$demo/sae")
tokens=(--tokens "$demo/tokens.npy")
policy=(--policy rtn:bits=4)

refused missing_file 'nothing_here' --model "$work/nothing_here" "${sae[@]}" "${tokens[@]}" "${policy[@]}"
refused missing_tokens 'no_tokens.npy' "${model[@]}" "${sae[@]}" --tokens no_tokens.npy "${policy[@]}"

cp -r "$demo/model" truncated
head -c 100000 "$demo/model/model.safetensors" >truncated/model.safetensors
refused truncated_safetensors 'model\.safetensors' --model truncated "${sae[@]}" "${tokens[@]}" "${policy[@]}"

refused wrong_sae_width 'wide' --model "$tiny" "${sae[@]}" --tokens "$tiny/tokens.npy" "${policy[@]}" \
  --context 24 --no-prepend-bos --hook blocks.1.hook_resid_post
refused unknown_hook 'hook "blocks\.0\.hook_nowhere"' "${model[@]}" "${sae[@]}" "${tokens[@]}" "${policy[@]}" \
  --hook blocks.0.hook_nowhere
refused unknown_policy_key 'bit.*bits' "${model[@]}" "${sae[@]}" "${tokens[@]}" --policy rtn:bit=4
refused unknown_cache 'there is no policy "kiwi"' "${model[@]}" "${sae[@]}" "${tokens[@]}" --cache kiwi:bits=2
refused cache_layer 'names layer 9 of a model that has 4' "${model[@]}" "${sae[@]}" "${tokens[@]}" --cache 'section4:bits=3;9=none'
refused cache_in_one_call 'shows nothing in a text' "${model[@]}" "${sae[@]}" "${tokens[@]}" --cache kivi:bits=2 --cache-prefill 0
refused two_caches 'takes one policy and one cache' "${model[@]}" "${sae[@]}" "${tokens[@]}" --policy 'rtn:bits=4 & kivi & kivi'
refused unknown_policy 'rtm' "${model[@]}" "${sae[@]}" "${tokens[@]}" --policy rtm:bits=4
refused token_beyond_vocabulary 'vocabulary' --model "$tiny" "${sae[@]}" "${tokens[@]}" "${policy[@]}" \
  --no-prepend-bos --hook blocks.1.hook_resid_post
refused damage_without_losses 'holds damage against losses' "${model[@]}" "${sae[@]}" "${tokens[@]}" "${policy[@]}" \
  --token-damage --no-loss
refused fewer_tokens_than_a_context 'fewer' "${model[@]}" "${sae[@]}" "${tokens[@]}" "${policy[@]}" --max-tokens 9
refused a_context_longer_than_the_file 'fewer' "${model[@]}" "${sae[@]}" "${tokens[@]}" "${policy[@]}" --context 1000000

# The last four bytes of the tiny model (F32) become a quiet NaN.
cp -r "$tiny" with_nan
size=$(wc -c <with_nan/model.safetensors)
printf '\000\000\300\177' | dd of=with_nan/model.safetensors bs=1 seek=$((size - 4)) conv=notrunc 2>/dev/null
refused nan_weights 'NaN' --model with_nan "${sae[@]}" --tokens "$tiny/tokens.npy" "${policy[@]}" --context 24 --no-prepend-bos

cp -r "$tiny" unsupported
sed -i 's/gpt_neox/mamba/; s/GPTNeoXForCausalLM/MambaForCausalLM/' unsupported/config.json
refused unsupported_architecture 'mamba|MambaForCausalLM' --model unsupported "${sae[@]}" --tokens "$tiny/tokens.npy" "${policy[@]}"

refused no_policy 'policy' "${model[@]}" "${sae[@]}" "${tokens[@]}"
refused neither_model_nor_activations 'model' "${sae[@]}" "${policy[@]}"
refused a_word_of_no_option 'protocol' "${model[@]}" "${sae[@]}" "${tokens[@]}" "${policy[@]}" --protocol modern
refused an_unknown_option 'frobnicate' "${model[@]}" "${sae[@]}" "${tokens[@]}" "${policy[@]}" --frobnicate
refused targets_that_match_nothing 'no\.such' "${model[@]}" "${sae[@]}" "${tokens[@]}" "${policy[@]}" --targets 'no.such.*' \
  --max-tokens 2000

# What can be seen before the reference runs is, and no option is silently left alone.
refused against_nothing 'there is no model "no_such"' "${model[@]}" "${sae[@]}" "${tokens[@]}" --against no_such
refused against_no_model 'no config\.json' "${model[@]}" "${sae[@]}" "${tokens[@]}" --against "$demo/sae"
refused against_a_taken_name '"none" already' "${model[@]}" "${sae[@]}" "${tokens[@]}" --policy none \
  --against "none=$demo/model"
refused against_the_reference '"reference" already' "${model[@]}" "${sae[@]}" "${tokens[@]}" --against "reference=$demo/model"
refused against_without_a_name 'needs a name' "${model[@]}" "${sae[@]}" "${tokens[@]}" --against "=$demo/model"
refused compressed_with_a_model 'compressed means nothing with --model' "${model[@]}" "${sae[@]}" "${tokens[@]}" \
  "${policy[@]}" --compressed a=b.npy
refused fused_with_activations 'fused means nothing with --activations' "${sae[@]}" --activations a.npy \
  --compressed a=b.npy --fused
for size in much -1 2X 2GB 99999999999T; do
  refused "memory_of_no_size$size" 'memory takes a number of bytes' "${model[@]}" "${sae[@]}" "${tokens[@]}" \
    "${policy[@]}" "--memory=$size"
done
refused memory_with_activations 'memory means nothing with --activations' "${sae[@]}" --activations a.npy \
  --compressed a=b.npy --memory 1G
refused calibration_with_activations 'calibration means nothing' "${sae[@]}" --activations a.npy --compressed a=b.npy \
  --calibration t.npy
refused tolerance_of_no_match 'match-tolerance means nothing with an audit without --match-pruning' "${model[@]}" \
  "${sae[@]}" "${tokens[@]}" "${policy[@]}" --match-tolerance 0.1
for option in prefill step; do
  refused "calls_without_a_cache_$option" "cache-$option means nothing with an audit without a cache" "${model[@]}" \
    "${sae[@]}" "${tokens[@]}" "${policy[@]}" --cache-$option 8
done
refused controls_of_no_policy 'controls means nothing with an audit without a policy for weights' "${model[@]}" \
  "${sae[@]}" "${tokens[@]}" --policy 'rtn:bits=4 & kivi' --cache kivi --controls
refused negative_positions 'skip-positions' "${model[@]}" "${sae[@]}" "${tokens[@]}" "${policy[@]}" --skip-positions=-1

# A tokenizer is read where rows lack the BOS that it may put before texts, and nowhere else.
cp -r "$demo/model" broken_tokenizer
printf '{"post_processor": ' >broken_tokenizer/tokenizer.json
refused a_broken_tokenizer 'tokenizer\.json' --model broken_tokenizer "${sae[@]}" "${tokens[@]}" "${policy[@]}" \
  --max-tokens 2000 --no-prepend-bos
if "$qfa" audit --model broken_tokenizer "${sae[@]}" "${tokens[@]}" "${policy[@]}" --max-tokens 2000 \
  --out unread_tokenizer >unread_tokenizer.txt 2>&1 && [ -e unread_tokenizer/report.json ]; then
  printf 'not read where rows begin with BOS: a broken tokenizer.json\n'
else
  printf 'FAILED unread_tokenizer: %s\n' "$(cat unread_tokenizer.txt)"
  failures=$((failures + 1))
fi

printf '%s of these were not refused as they should be\n' "$failures"
[ "$failures" -eq 0 ]

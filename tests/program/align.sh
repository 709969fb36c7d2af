#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# align.sh PROGRAM SOURCE WORK: the diagnosis of the model that refuses, end to end, with a judge of one's own, and what
# it refuses.
set -euo pipefail
qfa=$1 source=$2 work=$3
rm -rf "$work" && mkdir -p "$work" && cd "$work"
refuser=$source/examples/demo/refuser
common=(align --model "$refuser/model" --prompts "$refuser/prompts.json" --tokens "$refuser/tokens.npy" --prepend-bos
  --max-tokens 2048 --bits 3 --deployed-bits 3 --mechanism-bits 4 --group 16)

"$qfa" "${common[@]}" --budget 300000 --responses responses.json --out first >first.txt
grep -q 'the reference refuses 159/160 harmful and 0/160 harmless' first.txt
grep -q 'critical layers: 1 (concentrated)' first.txt
grep -q '^diagnosis: ' first.txt
grep -q '^verified: R1 = ' first.txt
grep -q 'cache of 1024 tokens in 300000 bytes' first.txt
grep -q '"format": "qfa-alignment-1"' first/alignment.json

# A judge that ran elsewhere, who says of every response what was said here: the same report.
sed -n 's/^  "id": "\(.*\)",$/\1/p' responses.json >ids
sed -n 's/^  "condition": "\(.*\)",$/"\1"/p' responses.json >conditions
sed -n 's/^  "verdict": "\(.*\)"$/\1/p' responses.json >verdicts
(echo id,condition,verdict && paste -d, ids conditions verdicts) >verdicts.csv
# The prompts as text, where the build reads text, have the same tokens, and responses read the same.
asked=("${common[@]}")
cp -r "$refuser/model" model
words() { printf '{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\\\s+"}, "behavior": "Removed"},
"model": {"type": "BPE", "ignore_merges": true, "vocab": %s, "merges": []}}' "$(cat "$refuser/model/vocab.json")"; }
words >model/tokenizer.json
echo the >one.txt
printf 'the \377\n' >binary.txt
reads_text=yes
"$qfa" tokens --tokenizer model --text one.txt --out one.npy >one.log 2>&1 || reads_text=no
wrapped=(--prompt-template '<user> {} <assistant>' --prompt-bos)
if [ $reads_text = yes ]; then
  sed 's/"tokens":[[][^]]*[]],//; s/"text":"<user> /"text":"/; s/ <assistant>"/"/' "$refuser/prompts.json" >text.json
  asked[2]=model asked[4]=text.json
  asked+=("${wrapped[@]}")
else
  grep -q 'built without' one.log
fi
"$qfa" "${asked[@]}" --budget 300000 --verdicts verdicts.csv --out second >second.txt
as_tokens() { sed '/^ "prompts": {$/,/^ },$/d; s/<user> //; s/ <assistant>//' "$1"; }
if [ $reads_text = yes ]; then
  grep -q '^488 prompts by BPE over characters model/tokenizer.json, template "<user> {} <assistant>", BOS first$' second.txt
  grep -q '"template": "<user> {} <assistant>"' second/alignment.json
fi
cmp <(as_tokens first/alignment.json) <(as_tokens second/alignment.json)
grep -q '"response": ".*yes , take the' second/alignment.json

# How often that judge is right, where it is known, corrects flip rates and nothing else: the reference has none.
"$qfa" "${common[@]}" --verdicts verdicts.csv --judge-sensitivity 0.9 --judge-specificity 0.95 --out corrected >corrected.txt
grep -Eq '^cache +KV bits +PPL ratio +flips +% +95 % +corrected % +95 % +over-refused' corrected.txt
grep -Eq '^reference .* 0/159 +0\.0 +\[0\.0, 2\.4\] +-5\.9 ' corrected.txt
grep -q '"corrected_conditional_flip": {' corrected/alignment.json
[ "$(grep -c 'corrected_conditional_flip' first/alignment.json)" -eq 0 ]

# Wrong input is one sentence, status 2, and nothing left behind.
refused() {
  local words=$1 status=0
  shift
  "$qfa" "$@" --out none >none.txt 2>none.err || status=$?
  if [ $status -ne 2 ] || [ "$(wc -l <none.err)" -ne 1 ] || ! grep -Eq "$words" none.err || [ -e none ]; then
    printf 'status %s, expected a sentence with %s: ' $status "$words"
    cat none.err
    exit 1
  fi
}
head -n 40 verdicts.csv >few.csv
refused 'has no verdict for prompt' "${common[@]}" --verdicts few.csv
refused 'come together' "${common[@]}" --judge-sensitivity 0.9
refused 'add up to more than 1, not 0.5' "${common[@]}" --judge-sensitivity 0.5 --judge-specificity 0.5
refused 'add up to more than 1, not 1.1' "${common[@]}" --judge-sensitivity 1.1 --judge-specificity 0.9
refused 'takes direction or flips' "${common[@]}" --budget-by both
refused 'vocab.json" should have "format"' align --model "$refuser/model" --prompts "$refuser/model/vocab.json"
refused 'too small for a cache of 1024 tokens' "${common[@]}" --verdicts verdicts.csv --budget 10
[ ! -s none.txt ] || { cat none.txt; echo "too small a budget is refused only after the run"; exit 1; }
refused 'either --prompts FILE, or --harmful FILE and --harmless FILE' align --model model --harmful one.txt
refused 'prompt-template means nothing with prompts that are tokens' "${common[@]}" --prompt-template 'say {}'
if [ $reads_text = yes ]; then
  head -n 41 text.json | sed -n 's/.*"label":"harmful","text":"\([^"]*\)".*/\1/p' >harmful.txt
  head -n 41 text.json | sed -n 's/.*"label":"harmless","text":"\([^"]*\)".*/\1/p' >harmless.txt
  lines=(align --model model --harmful harmful.txt --harmless harmless.txt)
  refused 'need --end-of-response eos, none or a token' "${lines[@]}" "${wrapped[@]}"
  refused 'should have one \{\} in it' "${lines[@]}" --prompt-template '<user>' --end-of-response '<end>'
  refused 'has no token "</s>"' "${lines[@]}" "${wrapped[@]}" --end-of-response '</s>'
  refused 'has no verdict for prompt "harmful-' "${lines[@]}" "${wrapped[@]}" --end-of-response '<end>' --verdicts few.csv
  # Everything as text: half of the refusals have the one phrase.
  printf ' Cannot\t\n' >phrases.txt
  "$qfa" "${lines[@]}" "${wrapped[@]}" --end-of-response '<end>' --refusal-phrases phrases.txt --text harmless.txt \
    --documents lines --separator bos --context 32 --bits 3 --deployed-bits 3 --mechanism-bits 4 --group 16 >lines.txt
  grep -q ': 40 prompts, 448 tokens of text$' lines.txt
  grep -q 'the reference refuses 5/10 harmful and 0/10 harmless' lines.txt
  refused 'refusal-phrases means nothing with --verdicts' "${common[@]}" --verdicts few.csv --refusal-phrases phrases.txt
  # A tokenizer elsewhere, without a word that is said: what its directory expects is looked for there, and BOS is what
  # it says, where the model's configuration has none.
  cp -r model nameless && sed -i '/_token_id/d; s/"float16",/"float16"/' nameless/config.json
  mkdir tokenizer
  first='{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<bos>", "type_id": 0}}]}'
  words | sed "1s/^{/{\"post_processor\": {\"type\": \"Sequence\", \"processors\": [$first]}, /; /^\"sorry\": /d" >tokenizer/tokenizer.json
  echo '{"bos_token": "<bos>", "chat_template": "{{ messages }}"}' >tokenizer/tokenizer_config.json
  sed 's/.*/<bos> <user> & <assistant>/' harmful.txt | head -n 4 >first.txt
  sed 's/.*/<user> & <assistant>/' harmless.txt | head -n 4 >bare.txt
  few=(align --model nameless --tokenizer tokenizer --harmful first.txt --harmless bare.txt)
  "$qfa" "${few[@]}" --end-of-response '<end>' --max-new-tokens 8 --responses few.json --bits 3 --deployed-bits 3 \
    --mechanism-bits 4 --group 16 >few.txt
  grep -q '^warning: 4 prompts do not begin with BOS' few.txt
  grep -q '^warning: the model has a chat template' few.txt
  grep -Eq '"response": ".*<[0-9]+>' few.json
  refused 'name the token itself in place of eos' "${few[@]}" --end-of-response eos
  # A token that ends responses does not choose who reads them: the list of words beside the model still does.
  cp -r model listed && echo '[]' >listed/vocab.json
  refused 'vocab.json" should be an object' align --model listed --prompts "$refuser/prompts.json" --end-of-response '<end>'
  refused '"binary.txt" is not UTF-8 at byte 4' align --model model --harmful binary.txt --harmless one.txt
fi
echo '{"format": "qfa-prompts-1", "prompts": [{"id": "a", "label": "bad", "split": "test", "tokens": [1]}]}' >bad.json
refused 'prompt "a" in .*has the label "bad", expected harmful or harmless' align --model "$refuser/model" --prompts bad.json

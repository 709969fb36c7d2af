#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# text.sh PROGRAM SOURCE WORK: text gives the same audit as the tokens that are made of it, that of the calibration too,
# and wrong text one sentence.
set -uo pipefail
qfa=$1 source=$2 work=$3
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 1
demo=$source/examples/demo
failures=0
fail() { printf 'FAILED %s\n' "$*"; failures=$((failures + 1)); }

# The demo's words as a tokenizer: pieces between spaces and line breaks, each of which is one token.
cp -r "$demo/model" model
printf '{"added_tokens": [], "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\\\s+"}, "behavior": "Removed"},
"model": {"type": "BPE", "ignore_merges": true, "vocab": %s, "merges": []}}' "$(cat model/vocab.json)" >model/tokenizer.json
for i in $(seq 120); do
  printf 'the horse went to the barn and tom saw the muddy plow in the field . anna took a bucket\n'
done >stories.txt

"$qfa" tokens --model model --text stories.txt --documents lines --separator bos --out stories.npy >tokens.txt || fail tokens
grep -q '^stories.npy: 2520 tokens of 120 documents (lines), 10440 bytes, separator bos$' tokens.txt || fail "counts: $(cat tokens.txt)"
grep -Eq '^by BPE over characters model/tokenizer.json, crc32 [0-9a-f]{8}$' tokens.txt || fail "tokenizer: $(cat tokens.txt)"

for i in $(seq 8); do
  printf 'anna took the muddy plow and tom saw the horse in the barn . the field\n'
done >others.txt
"$qfa" tokens --model model --text others.txt --documents lines --separator bos --out others.npy >/dev/null || fail tokens

audit=(audit --model model --sae "$demo/sae" --context 64 --policy rtn:bits=4)
text=(--text stories.txt --documents lines --separator bos)
"$qfa" "${audit[@]}" --policy wanda:sparsity=0.5 --tokens stories.npy --calibration others.npy --out by_tokens \
  >by_tokens.txt || fail "audit of tokens"
"$qfa" "${audit[@]}" --policy wanda:sparsity=0.5 "${text[@]}" --calibration-text others.txt --out by_text \
  >by_text.txt || fail "audit of text"
grep -q 'calibrated on rows 0 to 1 of "others.npy", 128 tokens' by_tokens.txt || fail "tokens: $(cat by_tokens.txt)"
grep -q 'calibrated on rows 0 to 1 of the text of "others.txt" (documents: lines, separator: bos, by BPE over characters), 128 tokens' \
  by_text.txt || fail "text: $(cat by_text.txt)"
grep -q '"path": "others.txt"' by_text/report.json || fail "the calibration's text is no input of the report"
diff <(grep -v '^#' by_tokens/features.csv) <(grep -v '^#' by_text/features.csv) >/dev/null || fail "text and its tokens differ"
crc=$(sed -n 's/.*crc32 //p' tokens.txt)
grep -A 10 '"text": {' by_text/report.json | tr -d '\n ' | grep -Fq \
  "\"tokenizer\":\"model/tokenizer.json\",\"kind\":\"BPEovercharacters\",\"crc32\":\"$crc\",\"documents\":120,\"document\":\"lines\",\"separator\":\"bos\",\"bytes\":10440,\"tokens\":2520," ||
  fail "the report does not say how tokens were made"
grep -q '"text": null' by_tokens/report.json || fail "tokens that were read have no text"

# Groups of rows are cut between documents: the text's own, and those that --row-documents names, here of three rows each,
# for which the ids of thirteen words do.
grep -q '"groups_of": "documents"' by_text/report.json || fail "the text's documents cut no groups"
grep -q '"groups_of": "rows"' by_tokens/report.json || fail "tokens whose documents are not known were cut at them"
for word in the horse went to barn and tom saw muddy plow in field anna; do printf '%s %s %s ' $word $word $word; done >words.txt
"$qfa" tokens --model model --text words.txt --out words.npy >/dev/null || fail "tokens of words"
"$qfa" "${audit[@]}" --tokens stories.npy --row-documents words.npy --out by_rows >by_rows.txt || fail "audit of documents"
grep -q '"groups_of": "documents"' by_rows/report.json || fail "--row-documents cuts no groups"
grep -Eq ' 39 rows of 64 tokens, .* 9 groups' by_rows.txt || fail "documents of rows: $(cat by_rows.txt)"
"$qfa" "${audit[@]}" --tokens stories.npy --row-documents words.npy --keep-groups --out kept >/dev/null || fail "--keep-groups"
grep -q '"groups_of": "rows"' kept/report.json || fail "--keep-groups cuts at documents"
locate=(locate "${audit[@]:1}" --units layers "${text[@]}")
"$qfa" "${locate[@]}" --out located >/dev/null || fail "locate by documents"
grep -q '"groups_of": "documents"' located/locate.json || fail "locate knows no documents"
"$qfa" "${locate[@]}" --keep-groups --out located_by_rows >/dev/null || fail "locate --keep-groups"
grep -q '"groups_of": "rows"' located_by_rows/locate.json || fail "locate --keep-groups cuts at documents"

# refused NAME WORDS ARGUMENT...: status 2, one line on standard error that says WORDS, nothing written.
refused() {
  local name=$1 words=$2
  shift 2
  "$qfa" "$@" --out "$name" >"$name.stdout" 2>"$name.stderr"
  [ $? -eq 2 ] || fail "$name: not status 2"
  [ "$(wc -l <"$name.stderr")" -eq 1 ] || fail "$name: not one line"
  grep -Eq -- "$words" "$name.stderr" || fail "$name: it does not say '$words': $(cat "$name.stderr")"
  [ ! -e "$name" ] || fail "$name: output was left behind"
}
printf 'the horse zzz' >unknown.txt
printf 'the horse' >short.txt
printf 'the \377' >binary.txt
printf '{"model": {"type": "Unigram"}}' >unigram.json
refused both_sources 'either --tokens FILE or --text FILE' "${audit[@]}" --tokens stories.npy --text stories.txt
refused no_source 'either --tokens FILE or --text FILE' "${audit[@]}"
refused both_calibrations 'either --calibration FILE or --calibration-text FILE' "${audit[@]}" --tokens stories.npy \
  --calibration others.npy --calibration-text others.txt
refused calibration_of_no_model '--calibration-text means nothing with --activations' audit --sae "$demo/sae" \
  --activations a.npy --compressed a=b.npy --calibration-text others.txt
refused idle_calibration '--calibration-text means nothing with rtn:bits=4' locate --model model --sae "$demo/sae" \
  --context 64 --policy rtn:bits=4 "${text[@]}" --calibration-text others.txt
refused documents_of_others 'expected an integer for each of the 39 rows' "${audit[@]}" --tokens stories.npy \
  --row-documents stories.npy
refused documents_of_text '--text knows that by itself' "${audit[@]}" "${text[@]}" --row-documents words.npy
refused idle_option '--separator means nothing without --text' "${audit[@]}" --tokens stories.npy --separator eos
refused with_activations '--separator means nothing with --activations' audit --sae "$demo/sae" --activations a.npy \
  --compressed a=b.npy --separator eos
refused no_tokenizer 'neither a tokenizer.json nor a tokenizer.model' audit --model "$demo/model" --sae "$demo/sae" \
  --policy rtn:bits=4 --text stories.txt
refused what_separates 'several documents need --separator' "${audit[@]}" --text stories.txt --documents lines
refused no_such_token 'has no token "<doc>"' "${audit[@]}" --text stories.txt --separator '<doc>'
refused no_such_text 'gone.txt' "${audit[@]}" --text gone.txt
refused a_word_of_none 'no token for the character' "${audit[@]}" --text unknown.txt
refused not_utf8 'binary.txt" is not UTF-8 at byte 4' "${audit[@]}" --text binary.txt
refused other_tokenizer 'unigram.json" is a "Unigram"' tokens --tokenizer unigram.json --text stories.txt
refused too_short 'the text of "short.txt" holds 2 tokens, fewer than one context of 64' "${audit[@]}" --text short.txt

printf '%s of these went wrong\n' "$failures"
[ "$failures" -eq 0 ]

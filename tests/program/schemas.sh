#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# schemas.sh PROGRAM SOURCE WORK PYTHON TESTS: every JSON file that the other scripts had written, and what tests made up
# of parts that take the program long, keep the published schemas, which let nothing else pass (tests/schemas).
# With TESTS all the program writes those parts, too: a minute, for cmake/check_more.sh.
set -euo pipefail
qfa=$1 source=$2 work=$3 python=$4 tests=$5
rm -rf "$work" && mkdir -p "$work/made" && cd "$work"
demo=$source/examples/demo
of_model=(--model "$demo/model" --sae "$demo/sae" --tokens "$demo/tokens.npy")
validate=("$python" "$source/tests/schemas/validate.py" "$source/examples/docs/schemas")

"$qfa" law "$demo/family/law.csv" --predict N=8e9,D=15e12,bits=4 --out law.json >law.txt
if [ "$tests" = all ]; then
  "$qfa" allocate "${of_model[@]}" --options rtn:bits=3 rtn:bits=4 --budget like:rtn:bits=4 --fit-tokens 4096 \
    --held-out-tokens 4096 --max-tokens 8192 --out plan.json --report allocation.json >allocate.txt
  "$qfa" audit "${of_model[@]}" --max-tokens 2048 --policy rtn:bits=4 --policy rtn:bits=3 --match-pruning rtn:bits=3 \
    --meaning --meaning-floor cast:to=bf16 --controls --control-tokens 1024 --control-seeds 2 --out audit >audit.txt
  "${validate[@]}" . --needed 'qfa-report-1,qfa-law-1,qfa-allocation-1,qfa weight plan'
  exit 0
fi
QFA_TEST_JSON=made "$tests" -tc='controls_json*,to_json: an allocation*,report json: the whole*' >made.txt
[ "$(ls made | wc -l)" -eq 4 ]
of_text=()
[ ! -d ../text ] || of_text=(../text)
"${validate[@]}" . ../audit ../align ../locate ../resume "${of_text[@]}" "$demo/refuser/prompts.json" \
  --needed qfa-report-1,qfa-location-1,qfa-alignment-1,qfa-law-1,qfa-allocation-1,qfa-prompts-1
# What users write: the example of text.md is one, and a label that align refuses is none.
printf '%s' '{"format": "qfa-prompts-1", "prompts": [{"id": "h1", "label": "harmful", "split": "test", "text": "low"}]}' >good.json
"${validate[@]}" good.json
sed 's/"harmful"/"bad"/' good.json >bad.json
"${validate[@]}" bad.json >bad.txt && exit 1
grep -q "'bad' is not one of" bad.txt
sed 's/, "text": "low"//' good.json >bad.json
"${validate[@]}" bad.json >bad.txt && exit 1

# A report that lost a field, or has one more, is refused; so is one of a format that nobody knows.
refused() {
  local words=$1 edit=$2
  mkdir -p broken && sed "$edit" ../audit/from_model/report.json >broken/report.json
  if "${validate[@]}" broken/report.json >broken.txt; then
    echo "the schema lets $edit pass"
    exit 1
  fi
  grep -q "$words" broken.txt
}
refused "'survived' is a required property" '0,/"survived": {/s//"survives": {/'
refused 'Additional properties are not allowed' '0,/"warnings":/s//"alarms": [],\n&/'
refused 'which has no schema' 's/"qfa-report-1"/"qfa-report-0"/'

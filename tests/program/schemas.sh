#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# schemas.sh PROGRAM SOURCE WORK PYTHON: every JSON file that the other scripts had written, and those of the commands
# that they do not run, keep the published schemas, which let nothing else pass (tests/schemas/validate.py).
set -euo pipefail
qfa=$1 source=$2 work=$3 python=$4
rm -rf "$work" && mkdir -p "$work" && cd "$work"
demo=$source/examples/demo
of_model=(--model "$demo/model" --sae "$demo/sae" --tokens "$demo/tokens.npy")

"$qfa" law "$demo/family/law.csv" --predict N=8e9,D=15e12,bits=4 --out law.json >law.txt
"$qfa" allocate "${of_model[@]}" --options rtn:bits=3 rtn:bits=4 --budget like:rtn:bits=4 --fit-tokens 1024 \
  --held-out-tokens 1024 --max-tokens 2048 --out plan.json --report allocation.json >allocate.txt
"$qfa" audit "${of_model[@]}" --max-tokens 2048 --policy rtn:bits=4 --policy rtn:bits=3 --match-pruning rtn:bits=3 \
  --meaning --meaning-floor cast:to=bf16 --controls --control-tokens 1024 --control-seeds 2 --out audit >audit.txt
"$python" "$source/tests/schemas/validate.py" "$source/examples/docs/schemas" "$(dirname "$work")" \
  --needed 'qfa-report-1,qfa-location-1,qfa-alignment-1,qfa-law-1,qfa-allocation-1,qfa weight plan'

# A report that lost a field, or has one more, is refused; so is one of a format that nobody knows.
refused() {
  local words=$1 edit=$2
  mkdir -p broken && sed "$edit" audit/report.json >broken/report.json
  if "$python" "$source/tests/schemas/validate.py" "$source/examples/docs/schemas" broken/report.json >broken.txt; then
    echo "the schema lets $edit pass"
    exit 1
  fi
  grep -q "$words" broken.txt
}
refused "'survived' is a required property" '0,/"survived": {/s//"survives": {/'
refused 'Additional properties are not allowed' '0,/"warnings":/s//"alarms": [],\n&/'
refused 'which has no schema' 's/"qfa-report-1"/"qfa-report-0"/'

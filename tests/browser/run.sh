#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run.sh PROGRAM WORK [short]: the pages in headless Chromium, driven by Debian's python3-selenium.  Needs chromium,
# chromium-driver and python3-selenium.  Catches: a view that does not draw, a number that is "undefined" or "NaN", a name
# that becomes markup, a table that does not sort, a page that is slow, does not print, or cannot be used by keyboard.
#
# `short` leaves out 100,000 features, the audits that take a minute to make, and the combinations of choices.
# QFA_SCREENSHOTS=DIR keeps pictures of what it saw.
set -euo pipefail
qfa=$(realpath "$1") here=$(cd "$(dirname "$0")" && pwd) demo=$(cd "$(dirname "$0")/../../examples/demo" && pwd)
work=$2 kind=${3:-long}
rm -rf "$work" && mkdir -p "$work" && cd "$work" && work=$PWD

audit=("$qfa" audit --model "$demo/model" --sae "$demo/sae" --tokens "$demo/tokens.npy" --policy rtn:bits=4)
if [ "$kind" = short ]; then
  "${audit[@]}" --policy rtn:bits=3 --max-tokens 4096 --paired --token-damage --out first >first.txt
  "${audit[@]}" --policy nf4 --max-tokens 4096 --no-loss --out second >second.txt
  /usr/bin/python3 "$here/make_reports.py" first big 3000
else
  "${audit[@]}" --policy rtn:bits=3 --policy prune:sparsity=0.3 --max-tokens 8192 --paired --token-damage --meaning --ladder \
    --controls --control-seeds 1 --control-tokens 4096 --steering --steering-features 8 --patching --out first >first.txt
  "${audit[@]}" --policy ggml:type=q4_K --max-tokens 8192 --out second >second.txt
  "$qfa" demo align --out refusals >refusals.txt
  /usr/bin/python3 "$here/make_reports.py" first big 100000
fi
refuser=$demo/refuser
"$qfa" align --model "$refuser/model" --prompts "$refuser/prompts.json" --tokens "$refuser/tokens.npy" --prepend-bos \
  --max-tokens 2048 --bits 3 --deployed-bits 3 --mechanism-bits 4 --group 16 --judge-sensitivity 0.9 \
  --judge-specificity 0.95 --out judged >judged.txt
/usr/bin/python3 "$here/make_reports.py" first nothing 0
"$qfa" render nothing >/dev/null
"${audit[@]}" --max-tokens 1500 --out few >few.txt  # 2 groups of rows, and no feature is counted
grep -q 'rtn:bits=4 unmeasured, as no feature is counted' few.txt
"${audit[@]}" --max-tokens 2048 --no-loss --out others >others.txt
"$qfa" render big >/dev/null
cp first/report.html again.html
"$qfa" render first >/dev/null
cmp again.html first/report.html  # from the same files the same bytes
"$qfa" compare first second --out paired.html >paired.txt
"$qfa" compare first others --out unpaired.html >unpaired.txt
grep -q 'differences are paired by rows' paired.txt
grep -q 'no differences: ' unpaired.txt
/usr/bin/python3 "$here/check_pages.py" "$work" "$kind"

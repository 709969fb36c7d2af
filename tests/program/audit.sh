#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# audit.sh PROGRAM SOURCE WORK: the commands agree with each other on a few rows of the demo.
set -euo pipefail
qfa=$1 source=$2 work=$3
rm -rf "$work" && mkdir -p "$work" && cd "$work"
demo=$source/examples/demo
common=(--model "$demo/model" --tokens "$demo/tokens.npy" --context 128 --prepend-bos --max-tokens 4096)

"$qfa" audit --sae "$demo/sae" --model "$demo/model" --tokens "$demo/tokens.npy" --max-tokens 4096 --policy rtn:bits=4 \
  --policy prune:sparsity=0.3 --paired --token-damage --out from_model >from_model.txt
grep -q 'rtn:bits=4' from_model.txt
grep -Eq '^rtn:bits=4: activations move by [0-9.]+ % \[' from_model.txt
grep -Eq '^  The SAE explains [0-9.]+ % \[' from_model.txt
grep -Eq "KL goes with the code's cosine by -?0\.[0-9]+ \[.*, with \|D\|/\|h\| by " from_model.txt
test -s from_model/report.json
test -s from_model/features.csv
# The page of the report comes again, byte for byte, from the other two files.
cp from_model/report.html page.html
"$qfa" render from_model >rendered.txt
cmp page.html from_model/report.html
"$qfa" render . 2>none.txt && exit 1
grep -q 'holds neither report.json nor alignment.json' none.txt

# The same activations, dumped and audited by themselves, give the same features.
hook=$(sed -n 's/.*"hook_name": *"\([^"]*\)".*/\1/p' "$demo/sae/cfg.json" | head -n 1)
"$qfa" activations "${common[@]}" --hook "$hook" --out reference.npy
"$qfa" activations "${common[@]}" --hook "$hook" --policy rtn:bits=4 --out int4.npy
"$qfa" audit --sae "$demo/sae" --activations reference.npy --compressed int4=int4.npy --paired --out from_files >from_files.txt
features() { grep -v '^#' "$1/features.csv" | grep "^$2," | cut -d, -f2-; }
diff <(features from_model rtn:bits=4) <(features from_files int4)

# A side in several files is one after the other; sides must agree in tokens.
"$qfa" audit --sae "$demo/sae" --activations reference.npy --activations reference.npy --compressed int4=int4.npy \
  --compressed @same,=reference.npy --compressed int4=int4.npy --compressed @same,=reference.npy --out twice >twice.txt
grep -q ': 64 rows of 128 tokens' twice.txt
grep -Eq '^@same, .* 1\.0000 +1\.0000 +100\.0 ' twice.txt
# A name that a spreadsheet would compute stands behind an apostrophe in features.csv, and the page has it without.
grep -q "^\"'@same,\",0," twice/features.csv
if command -v python3 >/dev/null; then
  python3 - <<'END'
import csv
rows = list(csv.DictReader(line for line in open("twice/features.csv", newline="") if not line.startswith("#")))
assert {row["policy"] for row in rows} == {"reference", "int4", "'@same,"}, "Python reads other names"
assert not any(None in row for row in rows), "Python finds more cells than heads"
END
fi
cp twice/report.html page.html
"$qfa" render twice >rendered.txt && cmp page.html twice/report.html
"$qfa" audit --sae "$demo/sae" --activations reference.npy --compressed int4=int4.npy --compressed int4=int4.npy \
  --out none 2>longer.txt && exit 1
grep -q '"int4.npy" and the 1 that follow it holds 8192 tokens, but the reference.s "reference.npy" holds 4096' longer.txt

# What is beyond --memory goes to a file, and comes back the same.
"$qfa" audit --sae "$demo/sae" --model "$demo/model" --tokens "$demo/tokens.npy" --max-tokens 4096 --policy rtn:bits=4 \
  --paired --memory 16K --format md --out spilled >spilled.txt
diff <(features from_model rtn:bits=4) <(features spilled rtn:bits=4)
grep -q '^| policy | bits | PPL |' spilled.txt
grep -q '^| rtn:bits=4 | 4\.' spilled.txt

# Policies that learn do so on rows that are not reported, or on a file's; a model compressed elsewhere stands beside them.
"$qfa" audit --sae "$demo/sae" --model "$demo/model" --tokens "$demo/tokens.npy" --max-tokens 4096 \
  --policy gptq:bits=4,group=0 --policy 'rtn:bits=8+act:bits=8' --against "same=$demo/model" --out learned >learned.txt
grep -q 'calibrated on rows .* which are not reported' learned.txt
grep -Eq '^gptq:bits=4,group=0 +4\.' learned.txt
grep -Eq '^same is ' learned.txt
# A model compared with itself: nothing moves.
grep -Eq '^same .* 1\.0000 +1\.0000 +100\.0 ' learned.txt
"$qfa" audit --sae "$demo/sae" --model "$demo/model" --tokens "$demo/tokens.npy" --max-tokens 2048 --policy wanda:sparsity=0.3 \
  --calibration "$demo/tokens.npy" --calibration-tokens 2048 --out from_file >from_file.txt
grep -q 'calibrated on rows 0 to 15 of' from_file.txt
# Those rows are reported too, and the report says so.
grep -q 'warning: 16 of the 16 rows that policies learned from are reported too' from_file.txt
[ "$(grep -c 'are reported too' learned.txt)" -eq 0 ]
# A path that holds a '=' is a path where there is one.
cp -r "$demo/model" a=b
"$qfa" audit --sae "$demo/sae" --model "$demo/model" --tokens "$demo/tokens.npy" --max-tokens 2048 --against a=b \
  --out equals >equals.txt
grep -q '^a=b is a=b' equals.txt

# Caches by themselves and beside a policy: one that keeps everything changes nothing, and learning needs rows.
"$qfa" audit --sae "$demo/sae" --model "$demo/model" --tokens "$demo/tokens.npy" --max-tokens 1024 \
  --cache uniform:bits=16 --cache 'section4:bits=3;0=none' --cache kivi:bits=2,group=32,residual=32 --cache modelopt:type=fp8 \
  --policy 'rtn:bits=8 & section4:bits=4' --cache-prefill 64 --out cached >cached.txt
grep -Eq '^uniform:bits=16 +- +16\.00 +[0-9.]+ +\+0\.00 +unmeasured +0\.0000 ' cached.txt
grep -Eq '^uniform:bits=3;0=none ' cached.txt
grep -Eq '^rtn:bits=8 & uniform:bits=4 +8\.' cached.txt
grep -q 'calibrated on rows .* which are not reported' cached.txt
grep -q '"first_call_tokens": 64' cached/report.json

# Bits of round-to-nearest: the rungs are in the report and in no table.
"$qfa" audit --sae "$demo/sae" --model "$demo/model" --tokens "$demo/tokens.npy" --max-tokens 4096 --no-loss \
  --policy gptq:bits=4,group=0 --policy rtn:bits=6 --ladder --out ladder >ladder.txt
grep -Eq '^  gptq:bits=4,group=0 is worth (at (most|least) )?[0-9.]+ .*to the worst decile' ladder.txt
grep -q '^rtn:bits=6 ' ladder.txt
[ "$(grep -c '^rtn:bits=7' ladder.txt)" -eq 0 ]
[ "$(grep -c '"ladder_only": true' ladder/report.json)" -eq 5 ]
grep -q '^policy,.*,effective_bits_censored' ladder/features.csv

# Steering and patching, which go back to the models; a direction must be as wide as the hook.
"$qfa" audit --sae "$demo/sae" --model "$demo/model" --tokens "$demo/tokens.npy" --context 8 --max-tokens 1024 --no-loss \
  --policy rtn:bits=4 --steering --steering-features 8 --patching --format md --out steered >steered.txt
grep -q '^Steering at blocks.2.hook_resid_post (jump_relu SAE): vectors are decoder rows of 8 of ' steered.txt
grep -Eq '^rtn:bits=4: r .* how faithfully a feature steers: Spearman -?[0-9.]+ \[' steered.txt
grep -Eq '^rtn:bits=4: KL from the reference is [0-9.]+ nats a token \[' steered.txt
grep -q '^|   dose | gain | 95 %' steered.txt
grep -q '^|   restored | features | worst r %' steered.txt
grep -q '"spearman_r_fidelity"' steered/report.json
grep -q '"random_of_equal_energy"' steered/report.json
"$qfa" audit --sae "$demo/sae" --model "$demo/model" --tokens "$demo/tokens.npy" --max-tokens 1024 --policy rtn:bits=4 \
  --steering --steering-vector reference.npy --out none 2>wide.txt && exit 1
grep -q 'expected a direction of 128, as wide as the hook' wide.txt
"$qfa" audit --sae "$demo/sae" --model "$demo/model" --tokens "$demo/tokens.npy" --max-tokens 1024 --ladder \
  --cache uniform:bits=4 --steering --out none 2>rungs_alone.txt && exit 1
grep -q 'need a condition without a cache' rungs_alone.txt
# A ranking by one condition is scored by what survives another; here hardly a feature fails, and there is no AUC.
"$qfa" predict --from from_model --condition rtn:bits=4 --score learned >score.txt
grep -Eq '^gptq:bits=4,group=0 +[0-9]+/[0-9]+ +- +unmeasured' score.txt
grep -q '^gptq:bits=4,group=0: no AUC (the smaller class has fewer than 25 features' score.txt
test -s from_model/groups.npy
# Two audits side by side: differences where they share their tokens, and none where they do not.
"$qfa" compare from_model ladder --out both.html >both.txt
grep -Eq '^A  rtn:bits=4 ' both.txt
grep -Eq '^rtn:bits=6 less rtn:bits=4 +[+-][0-9.]+ +\[' both.txt
grep -q '</html>' both.html
# Spearman's correlation of r in two audits has the interval that it has in one audit of both policies.
grep -Eq '^B less A .*Spearman r  without noise' both.txt
grep -Eq '^rtn:bits=6 less rtn:bits=4 .* \[-?[0-9.]+, [0-9.]+\]$' both.txt
"$qfa" compare from_model from_model --out itself.html >itself.txt
grep -Eq '^rtn:bits=4 .* 1\.000 +- +\[>= [0-9.]+\]$' itself.txt
if command -v python3 >/dev/null; then
  python3 - <<'END'
import json
page = open("itself.html").read()
data = json.loads(page.split('id="data">', 1)[1].split("</script>", 1)[0])
overlap = json.load(open("from_model/report.json"))["overlaps"]["honest"][0]
own, found = overlap["spearman_damage"], 0
for d in data["differences"]:
    if d["protocol"] == "honest" and {d["a"], d["b"]} == {overlap["a"], overlap["b"]}:
        again = d["spearman_r"]
        pairs = [(again["value"], own["value"]), (again["bias_corrected"], own["bias_corrected"])]
        pairs += [(again["interval"][end], own["interval"][end]) for end in ("lower", "upper", "standard_error")]
        assert all(abs(x - y) < 1e-6 for x, y in pairs), (again, own)
        found += 1
assert found == 2, found
END
fi
mkdir -p no_groups && cp from_model/report.json from_model/features.csv no_groups
"$qfa" compare from_model no_groups >no_groups.txt
grep -q '^Spearman of r without an interval: no groups.npy beside the report$' no_groups.txt
"$qfa" compare from_model from_file --format md >apart.txt
grep -q '^no differences: ' apart.txt
"$qfa" compare from_model none 2>none.txt && exit 1
grep -q 'there is no file .*report.json' none.txt

# The rest of the program.
"$qfa" activations "${common[@]}" --hook nll --out nll.npy
"$qfa" compress --policy rtn:bits=8 --in reference.npy --out compressed.npy | grep -q 'SQNR'
"$qfa" compress --policy rtn:bits=8 --in reference.npy --inputs reference.npy --out compressed.npy | grep -q 'was not read'
"$qfa" activations "${common[@]}" --hook nll --policy gptq --out none.npy 2>learns.txt && exit 1
grep -q 'gptq.* learns from calibration tokens' learns.txt
# (Into files: grep -q leaves a pipe at the first match, and the program would be ended by what it still has to say.)
for what in policies caches hooks models; do "$qfa" list $what >$what.txt; done
grep -q '^rtn' policies.txt
grep -q '^kivi' caches.txt
grep -q hook_resid_post hooks.txt
grep -q GPTNeoXForCausalLM models.txt
grep -q GGUF models.txt
"$qfa" --version >version.txt
grep -q '^qfa 0' version.txt
"$qfa" audit --help >help.txt
grep -q -- --match-pruning help.txt

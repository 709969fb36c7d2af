# SPDX-License-Identifier: Apache-2.0
"""make_reports.py FROM TO FEATURES: a report as large as asked for, with the names that an enemy would choose.

Repeats the lines of features.csv until there are FEATURES of them for each condition, renames the conditions, and names
a page on Neuronpedia, which the demo's SAE has none of.

Where the report has no steering and no patching, it is given some that are made up: both take passes of their own.

With FEATURES 0: the same report with nothing counted, every share null, as an audit of too few tokens has it.
"""
import csv
import json
import pathlib
import sys

source, to, features = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
to.mkdir(exist_ok=True)
report = json.loads((source / "report.json").read_text())
if features == 0:
    def emptied(survey):
        """A protocol's survey when every feature is unmeasured."""
        survey.update(counted=0, unmeasured=survey["active"], mass_covered=None)
        survey.pop("census", None)
        for part in survey.values():
            if isinstance(part, dict) and "value" in part:
                part.update(value=None, interval=None, reason="no feature is counted", bias_corrected=None)
                if "count" in part:
                    part["count"] = 0
        survey["survival_curve"]["rows"] = [[row[0], None, None, None] for row in survey["survival_curve"]["rows"]]

    for condition in report["conditions"]:
        condition["flip_share"] = {"value": None, "interval": None, "reason": "no feature is counted"}
        for protocol in ["honest", "published"]:
            emptied(condition[protocol])
    (to / "report.json").write_text(json.dumps(report, indent=1))
    with open(source / "features.csv", newline="") as file:
        rows = list(csv.reader(line for line in file if not line.startswith("#")))
    outcomes = [rows[0].index(name) for name in ["honest_outcome", "published_outcome"]]
    for row in rows[1:]:
        for at in outcomes:
            row[at] = row[at] and "unmeasured"
    with open(to / "features.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    sys.exit()


def estimate(value, half=0.01):
    return {"value": value, "interval": {"lower": value - half, "upper": value + half, "kind": "two_sided", "level": 0.95}, "bias_corrected": value}


def unknown(reason):
    return {"value": None, "interval": None, "reason": reason, "bias_corrected": None}


def made_steering(policies, doses=(0.5, 1.0)):
    """Ten features of each policy but the last, which has a direction alone."""
    def curve(fidelity):
        return {"gain": [0.9 for _ in doses], "fidelity": [fidelity for _ in doses], "reference_shift": [1.0 for _ in doses],
                "compressed_shift": [0.9 for _ in doses], "exchange_rate": [1.1, None]}

    def condition(policy):
        fidelity = {"survived": dict(estimate(0.95), features=5), "blurred": dict(estimate(0.9), features=5),
                    "destroyed": dict(unknown("no steered feature has this outcome"), features=0),
                    "not_survived": dict(estimate(0.9), features=5), "survivors_lead": estimate(0.05)}
        return {"policy": policy, "r_predicts_fidelity": True, "spearman_r_fidelity": estimate(0.625), "spearman_over_features": estimate(0.6, 0.3),
                "partial_spearman_given_random_fidelity": estimate(0.375), "features_without_fidelity": 1, "mean_fidelity": fidelity,
                "least_faithful": {"feature": 3, "fidelity_on_odd_groups": estimate(0.875)},
                "doses": [{"dose": dose, "gain": estimate(0.95), "fidelity": estimate(0.9), "exchange_rate": estimate(1.1), "unreached": 1,
                           "random_gain": estimate(0.97), "random_fidelity": estimate(0.85), "fidelity_over_random": estimate(0.05),
                           "spearman_r_fidelity": estimate(0.625)} for dose in doses],
                "directions": [],
                "features": [{"feature": f, "r": None if f == 9 else 0.8 + 0.02 * f, "outcome": "survived" if f > 5 else "blurred", "target_token": f,
                              "length": 2.5, "own": curve(0.9 + 0.005 * f), "random": curve(None if f == 8 else 0.85)} for f in range(10)]}

    last = dict(condition(policies[-1]), doses=[], features=[], r_predicts_fidelity=False, features_without_fidelity=0,
                spearman_r_fidelity=unknown("no feature is steered with"), least_faithful={"feature": None, "fidelity_on_odd_groups": unknown("none")})
    last["directions"] = [{"name": "<b>refusal</b>", "target_token": 4, "length": 2.5, "doses": [
        {"dose": dose, "gain": estimate(0.9), "fidelity": estimate(0.9), "reference_shift": estimate(1.5), "exchange_rate": unknown("never"),
         "random_gain": estimate(0.5), "random_fidelity": estimate(0.25)} for dose in doses]}]
    return {"hook": "<i>hook</i>", "gate": "jump_relu", "vector": "", "doses": list(doses), "counted_features": 100, "rows": 64, "positions": 32,
            "tokens": 2048, "groups": 16, "tokens_for_targets": 256, "seed": 1, "conditions": [condition(p) for p in policies[:-1]] + [last],
            "notes": ["a <u>cache</u> is left out"]}


def made_patching(policies):
    """The first policy's features can recover nothing, the last one's no interval tells."""
    def condition(i, policy):
        keys = ["worst_r", "all_but_worst_r", "top_energy", "all_but_top_energy", "random", "random_of_equal_energy", "worst_r_over_random_of_equal_energy"]
        points = [dict({key: estimate(0.1) for key in keys}, set=name, features=5, energy_share_of_worst_r=0.125, features_of_equal_energy=12.0,
                       worst_r_over_random=over) for name, over in [("destroyed", estimate(0.05)), ("10 %", estimate(0.001)), ("50 %", estimate(-0.05))]]
        points.append(dict(points[0], set="100 %", worst_r_over_random=unknown("fewer than 8 groups of rows")))
        return {"policy": policy, "kl": estimate(0.0125, 0.001), "whole_activations": estimate(0.75), "everything": estimate(-0.5 if i == 0 else 0.5),
                "features": 100, "survived": 80, "blurred": 15, "destroyed": 5, "points": points}

    return {"hook": "<i>hook</i>", "gate": "jump_relu", "counted_features": 100, "rows": 64, "tokens": 4096, "groups": 32, "tokens_for_choosing": 8192,
            "random_seeds": 3, "conditions": [condition(i, p) for i, p in enumerate(policies)], "notes": []}


hostile = ["</script><img src=x onerror=\"window.hacked=1\">", "a,\"b\" & 'c' <b>|`*_", "\u2028\u202e-->\U0001f600"]
names = {}
for condition in report["conditions"]:
    old = condition["policy"]
    names[old] = old if condition["reference"] else hostile[len(names) - 1] if len(names) <= len(hostile) else old
text = json.dumps(report)
report = json.loads(text)


def renamed(value):
    """Every string that is a condition's name, wherever it stands."""
    if isinstance(value, dict):
        return {key: renamed(x) for key, x in value.items()}
    if isinstance(value, list):
        return [renamed(x) for x in value]
    return names.get(value, value) if isinstance(value, str) else value


policies = [condition["policy"] for condition in report["conditions"] if not condition["reference"]]
report.setdefault("steering", made_steering(policies))
report.setdefault("patching", made_patching(policies))
for i, condition in enumerate(c for c in report["conditions"] if not c["reference"]):  # intervals too narrow, by two signs
    condition["loss"]["row_dependence"] = {"block_length": {"value": 9.0}, "groups": 8, "groups_advised": 2, "groups_long_enough": i > 0}
    condition["code_dependence"] = {"block_length": {"value": 5.0 + i}, "groups": 8, "groups_advised": 4, "groups_long_enough": False}
    condition["honest"]["half_as_many_groups"]["mean_r"] = {"standard_error_ratio": {"value": 2.0}, "most_by_chance": 1.5, "agrees": False}
report = renamed(report)
report["sae"]["neuronpedia_id"] = "gpt2-small/8-res-jb"
report["sae"]["d_sae"] = features
report["protocol"]["hook"] = "<svg onload=window.hacked=2>"
report["protocol"]["warnings"] = ["</title><script>window.hacked=3</script>"]
(to / "report.json").write_text(json.dumps(report, indent=1))

with open(source / "features.csv", newline="") as file:
    rows = list(csv.reader(line for line in file if not line.startswith("#")))
head, rows = rows[0], rows[1:]
by_condition = {}
for row in rows:
    by_condition.setdefault(row[0], []).append(row)
with open(to / "features.csv", "w", newline="") as file:
    out = csv.writer(file)
    out.writerow(head)
    for condition, lines in by_condition.items():
        for feature in range(features):
            row = lines[feature % len(lines)]
            out.writerow([names[condition], feature] + row[2:])

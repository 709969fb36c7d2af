# SPDX-License-Identifier: Apache-2.0
"""make_reports.py FROM TO FEATURES: a report as large as asked for, with the names that an enemy would choose.

Repeats the lines of features.csv until there are FEATURES of them for each condition, renames the conditions, and names
a page on Neuronpedia, which the demo's SAE has none of.

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

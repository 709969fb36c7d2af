# SPDX-License-Identifier: Apache-2.0
"""Holds JSON files that the program wrote to the published schemas (examples/docs/schemas).

    validate.py SCHEMAS FILE-OR-FOLDER...      folders are searched for *.json files of a format that has a schema

Each file's "format" says which schema it keeps.  Then the schema is shown to be strict, on the files themselves: one
more key in any object is refused, and so is one less but for the keys that say what an option added.  Exits with 1
where a file breaks its schema, the schema is loose, or there is nothing of a format that --needed names.
"""
import argparse
import collections
import copy
import json
import pathlib
import sys

import jsonschema

# What stands in a file or does not, by what was asked for or found.  All other keys are always there.
optional = {
    "reason", "bits_per_weight", "loss", "batch_mean_loss", "shift", "tokens", "prediction_published", "prediction_honest",
    "meaning", "floor", "current_token_beyond_floor", "cache", "pruning_match", "effective_bits", "ladder_only",
    "distortion", "tensors", "policy", "ladder", "controls", "neuronpedia_id", "census", "auc_deviation_over_folds",
    "coefficients", "intercept", "marginal_auc", "average_precision", "brier", "calibration_slope",
    "calibration_intercept", "base_rate", "minority", "thresholds", "budget", "note", "isolated_kl",
    "isolated_excess_loss", "degradation", "unified_degradation", "feature_noise"}


def objects(value, path=()):
    """Every object in a document, by its path; of a list's elements, the first and the last stand for all."""
    if isinstance(value, dict):
        yield path
        for key, inner in value.items():
            yield from objects(inner, path + (key,))
    elif isinstance(value, list) and value:
        for i in sorted({0, len(value) - 1}):
            yield from objects(value[i], path + (i,))


def at(document, path):
    for step in path:
        document = document[step]
    return document


def shortened(value):
    """The same with lists of two elements at most, so that what follows takes a moment."""
    if isinstance(value, dict):
        return {key: shortened(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shortened(inner) for inner in (value if len(value) <= 5 and not any(
            isinstance(v, (dict, list)) for v in value) else value[:1] + value[-1:] if len(value) > 1 else value)]
    return value


def looseness(validator, document):
    """Sentences about what the schema lets pass, on one document that keeps it."""
    seen = set()
    for path in objects(document):
        kind = tuple("*" if isinstance(step, int) else step for step in path)
        if kind in seen:
            continue
        seen.add(kind)
        changed = copy.deepcopy(document)
        place = at(changed, path)
        place["a key of nobody"] = {"a key of nobody": [None]}
        if validator.is_valid(changed):
            yield f"{'/'.join(map(str, path)) or 'the whole'} may hold any key"
        del place["a key of nobody"]
        for key in [k for k in place if k not in optional]:
            kept = place.pop(key)
            if validator.is_valid(changed):
                yield f"{'/'.join(map(str, path)) or 'the whole'} may lack {key}"
            place[key] = kept


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("schemas", type=pathlib.Path)
    parser.add_argument("places", type=pathlib.Path, nargs="+")
    parser.add_argument("--needed", default="", help="formats of which there must be a file, with commas")
    arguments = parser.parse_args()
    validators = {}
    for file in sorted(arguments.schemas.glob("*.schema.json")):
        schema = json.loads(file.read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        if file.name != schema["$id"] + ".schema.json":
            sys.exit(f"{file} is of {schema['$id']}")
        validators[schema["properties"]["format"]["const"]] = jsonschema.Draft202012Validator(schema)
    files = []
    for place in arguments.places:
        files += sorted(place.rglob("*.json")) if place.is_dir() else [place]
    wrong, count, kinds = [], collections.Counter(), {}
    for file in files:
        text = file.read_text()
        if '"format": "qfa' not in text[:200]:
            if file in arguments.places:
                wrong.append(f"{file} names no format of qfa")
            continue
        document = json.loads(text)
        form = document["format"]
        if form not in validators:
            wrong.append(f"{file} is of the format {form}, which has no schema")
            continue
        error = jsonschema.exceptions.best_match(validators[form].iter_errors(document))
        if error is not None:
            wrong.append(f"{file}: {error.json_path}: {error.message[:300]}")
            continue
        count[form] += 1
        kinds.setdefault(form, {}).setdefault(str(sorted(document)) + str(sorted(
            {key for c in document.get("conditions", []) for key in c})), shortened(document))
    for form, documents in kinds.items():
        for document in documents.values():
            wrong += [f"the schema of {form}: {sentence}" for sentence in looseness(validators[form], document)]
    missing = [form for form in arguments.needed.split(",") if form and not count[form]]
    wrong += [f"there is no file of the format {form}" for form in missing]
    print("\n".join(wrong) or ", ".join(f"{n} of {form}" for form, n in sorted(count.items())) + " keep their schemas")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Holds JSON files that the program wrote to the published schemas (examples/docs/schemas).

    validate.py SCHEMAS FILE-OR-FOLDER...      folders are searched for *.json files of a format that has a schema

Each file's "format" says which schema it keeps.  The schemas themselves must be strict: every object that they describe
refuses keys that it does not name, and no key may be missing but those that say what an option added.  Exits with 1 where
a file breaks its schema, a schema is loose, or there is nothing of a format that --needed names.
"""
import argparse
import collections
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
    "isolated_excess_loss", "role", "without_each_group", "survived_shift", "survived_bias", "made",
    "judge", "corrected_conditional_flip", "at_equal_loss",
    "code_dependence", "worst_features", "by_token", "most_by_chance", "agrees", "families", "auc_over_families",
    "predictor_reliability", "trained_in_no_more_bits", "roc", "steering", "patching", "degradation",
    "unified_degradation", "feature_noise",
    "prompts", "end_of_response", "max_new_tokens"}
# What others are put together from; they are closed there.  And what users write, where other keys are passed over.
bases = {"estimate_parts", "asked_prompt"}


def looseness(schema, name):
    """Sentences about what a schema lets pass, wherever an object is described in it."""
    if isinstance(schema, list):
        for inner in schema:
            yield from looseness(inner, name)
    if not isinstance(schema, dict):
        return
    properties = schema.get("properties")
    closed = schema.get("additionalProperties") is False or schema.get("unevaluatedProperties") is False
    if properties is not None and not closed and name not in bases:
        yield f"{name} may hold any key"
    if properties is None and "object" in schema.get("type", "") and "additionalProperties" not in schema:
        yield f"{name} may hold anything"
    for key, inner in (properties or {}).items():
        if key not in schema.get("required", []) and key not in optional and name not in bases:
            yield f"{name} may lack {key}"
        yield from looseness(inner, f"{name}/{key}")
    for key, inner in schema.get("$defs", {}).items():
        yield from looseness(inner, key)
    for key in ("items", "prefixItems", "anyOf", "additionalProperties"):
        if key in schema:
            yield from looseness(schema[key], name)


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
    wrong, count = [], collections.Counter()
    for form, validator in validators.items():
        wrong += [f"the schema of {form}: {sentence}" for sentence in looseness(validator.schema, "the whole")]
    for file in files:
        text = file.read_text()
        if "#" in file.name:  # a part of a document, which a test made up: qfa-report-1#controls.json
            form, part = file.stem.split("#")
            schema = {"$ref": f"#/$defs/{part}", "$defs": validators[form].schema["$defs"]}
            error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(json.loads(text)))
            if error is not None:
                wrong.append(f"{file}: {error.json_path}: {error.message[:300]}")
            count[form] += 1
            continue
        if '"format": "qfa' not in text[:200]:
            if file in arguments.places:
                wrong.append(f"{file} names no format of qfa")
            continue
        document = json.loads(text)
        form = document["format"]
        if form == "qfa-prompts-1" and file not in arguments.places:  # a user's, which stands beside reports
            continue
        if form not in validators:
            wrong.append(f"{file} is of the format {form}, which has no schema")
            continue
        error = jsonschema.exceptions.best_match(validators[form].iter_errors(document))
        if error is not None:
            wrong.append(f"{file}: {error.json_path}: {error.message[:300]}")
            continue
        count[form] += 1
    missing = [form for form in arguments.needed.split(",") if form and not count[form]]
    wrong += [f"there is no file of the format {form}" for form in missing]
    print("\n".join(wrong) or ", ".join(f"{n} of {form}" for form, n in sorted(count.items())) + " keep their schemas")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

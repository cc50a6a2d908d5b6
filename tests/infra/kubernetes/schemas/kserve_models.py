"""What KServe's own models say against objects: unknown fields and wrong types.

`python kserve_models.py < objects.json`, by the Python of model servers, prints a JSON list of errors. The models are
generated from the code that KServe's custom resource definitions are generated from, too.
"""

import json
import re
import sys

import kserve.models
import kubernetes.client.models

KINDS = {
    "serving.kserve.io/v1beta1 InferenceService": "V1beta1InferenceService",
    "serving.kserve.io/v1alpha1 ServingRuntime": "V1alpha1ServingRuntime",
}
PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float)}


def errors(value, kind, path):
    """Errors of `value`, which is to be of a type as the generated models write it."""
    if kind in ("object", "datetime", "ResourceQuantity") or value is None:
        return
    if kind in PLAIN:
        if not isinstance(value, PLAIN[kind]) or (kind != "bool" and isinstance(value, bool)):
            yield f"{path}: {value!r} is no {kind}"
    elif found := re.fullmatch(r"[Ll]ist\[(.+)\]", kind):
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
            return
        for number, each in enumerate(value):
            yield from errors(each, found[1], f"{path}.{number}")
    elif found := re.fullmatch(r"(?:dict\(|Dict\[)str, (.+)[)\]]", kind):
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is no map"
            return
        for name, each in value.items():
            yield from errors(each, found[1], f"{path}.{name}")
    else:
        yield from errors_of_model(value, kind, path)


def errors_of_model(value, kind, path):
    """Errors of a map with the fields of a model."""
    name = re.sub("^K8sIoApi(Core|Apps)", "", kind)
    model = getattr(kserve.models, kind, None) or getattr(kubernetes.client.models, name, None)
    if model is None:
        raise SystemExit(f"{path}: neither KServe nor Kubernetes has a model {kind}")
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no {kind}"
        return
    fields = {theirs: model.openapi_types[ours] for ours, theirs in model.attribute_map.items()}
    for field, each in value.items():
        if field not in fields:
            yield f"{path}: {kind} has no field {field}"
        else:
            yield from errors(each, fields[field], f"{path}.{field}")


if __name__ == "__main__":
    found = []
    for each in json.load(sys.stdin):
        said = f"{each['apiVersion']} {each['kind']}"
        where = f"{each['kind']}/{each['metadata']['name']}"
        found += errors(each, KINDS[said], where) if said in KINDS else [f"{where}: KServe has no {said}"]
    print(json.dumps(found))  # noqa: T201

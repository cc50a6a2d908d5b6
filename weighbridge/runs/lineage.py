"""Answers what made a model, and which models data, a span or a commit touched, by whatever people call these."""

import contextlib
import difflib
import re
from collections.abc import Iterable
from pathlib import Path

from weighbridge.common.errors import UsageError
from weighbridge.lineage.models import Catalogue, Model
from weighbridge.lineage.origins import Origins, origins_of
from weighbridge.lineage.pushed import read_destination
from weighbridge.lineage.subjects import Subject, commit_subject, data_subject, is_digest, names_of, span_subject
from weighbridge.lineage.touched import Touched, touched_by
from weighbridge.runs.models import find_model
from weighbridge.runs.store import stores_of
from weighbridge.runs.weighed_models import catalogue_of
from weighbridge.storage import inputs
from weighbridge.thresholds.delivery import PRODUCTION

_HEX = re.compile(r"[0-9a-f]{8,64}")
_MOST_TOLD = 8
_SHORTEST_RUN = 8  # of the beginning of an id: its day


def lineage(
    text: str,
    workdir: str | Path,
    destinations: Iterable[str] = (),
    *,
    pipeline: str = "",
    stages: str = "",
    store: str = "",
) -> Origins | Touched:
    """What made a model, or which models something touched.

    Args:
        text: a model (a pipeline's name, a destination or a version in it, a digest, a run's id), data (path, name,
            folder, glob or digest), a span (`span:17`, a day) or a commit. Where it could be several of these,
            `model:`, `data:`, `span:`, `commit:` and `run:` tell which is meant.
        workdir: the work directory.
        destinations: further places that models were pushed to.
        pipeline: only this one's runs and destinations; empty for all.
        stages: file that says where stages lie; empty for none.
        store: what builds share; empty for nothing.

    Raises:
        UsageError: nothing that is known is called so, or several things of different kinds are.
        InfrastructureError: the store of one of the destinations cannot be reached.
    """
    for shared in stores_of(store, workdir, pipeline or None) if store else ():
        shared.bring()
    catalogue = catalogue_of(workdir, destinations, pipeline=pipeline, stages=stages, store=store)
    found = _found(text, catalogue)
    if len(found) > 1:
        kinds = [each.kind if isinstance(each, Subject) else "model" for each in found]
        raise UsageError(
            f"{text!r} is the name of several things: {', '.join(kinds)}",
            f"Say which is meant: {' or '.join(f'{kind}:{text}' for kind in kinds)}.",
        )
    if not found:
        raise _unknown(text, catalogue, workdir)
    [one] = found
    return touched_by(one, catalogue) if isinstance(one, Subject) else origins_of(one, catalogue, text)


def _found(text: str, catalogue: Catalogue) -> list[str | Subject]:
    """What a text may mean: digests of models, and subjects that touched anything."""
    kind, colon, name = text.partition(":")
    if colon and kind in ("model", "run"):
        digest = _model(name, catalogue)
        return [digest] if digest else []
    models = catalogue.models()
    span = span_subject(text)
    given: list[Subject | None] = [span or commit_subject(text)]
    digits = f"sha256:{text}" if _HEX.fullmatch(text) else text
    if (colon and kind == "data") or is_digest(digits):
        given.append(data_subject(digits if is_digest(digits) else text, _digest_of))
    found: list[str | Subject] = [each for each in given if each is not None and _touches(each, models)]
    if span is None and not (colon and kind in ("data", "commit")):
        digest = _model(text, catalogue)
        found += [digest] if digest else []
        if not found and _touches(data := data_subject(text, _digest_of), models):
            found.append(data)
    return found


def _touches(subject: Subject, models: Iterable[Model]) -> bool:
    return any(subject.touched(weighing) for model in models for weighing in model.weighings)


def _model(text: str, catalogue: Catalogue) -> str:
    """Digest of the model that a text names; empty for none."""
    models = catalogue.models()
    prefixed = text if text.startswith("sha256:") else f"sha256:{text}"
    if is_digest(prefixed):
        matching = [model.digest for model in models if model.digest.startswith(prefixed)]
        if len(matching) > 1:
            raise UsageError(f"{len(matching)} models have digests that begin with {text}", "Give more of it.")
        return "".join(matching)
    runs = {
        weighing.run_id: model.digest
        for model in models
        for weighing in model.weighings
        if weighing.run_id.startswith(text)
    }
    if text in runs or (len(set(runs.values())) == 1 and len(text) >= _SHORTEST_RUN):
        return runs.get(text) or next(iter(runs.values()))
    with contextlib.suppress(UsageError):
        stages = catalogue.destinations
        # A pipeline's name means what is in production, before any other stage.
        found = find_model(text, sorted(stages, key=lambda place: stages[place] != PRODUCTION))
        if found.destination not in {place.destination for model in models for place in model.places}:
            read_destination(catalogue, found.destination)
        return found.record.model_digest
    return ""


def _digest_of(path: str) -> str:
    """Digest of a file that is here; empty for none."""
    with contextlib.suppress(UsageError, ValueError):
        if "://" not in path and inputs.is_file(path):
            return inputs.digest(path)
    return ""


def _unknown(text: str, catalogue: Catalogue, workdir: str | Path) -> UsageError:
    models = catalogue.models()
    names: dict[str, None] = {}
    for model in models:
        for weighing in model.weighings:
            names |= dict.fromkeys([weighing.pipeline, weighing.run_id, *names_of(weighing)])
    close = difflib.get_close_matches(text, names, n=1)
    guess = f". Did you mean {close[0]!r}?" if close else ""
    unrecorded = [model for model in models if not model.recorded]
    left = (
        f" Of {len(unrecorded)} of them it is not recorded what made them: "
        f"{', '.join(_called(model) for model in unrecorded[:_MOST_TOLD])}."
        if unrecorded
        else ""
    )
    kinds: dict[str, list[str]] = {
        "pipelines": sorted({weighing.pipeline for model in models for weighing in model.weighings}),
        "spans": _numbered([name for name in names if name.startswith("span:")]),
        "commits": sorted({each.commit[:12] for model in models for each in model.weighings if each.commit}),
        "files": sorted({file.path for model in models for origin in model.data for file in origin.files}),
    }
    known = "; ".join(f"{kind}: {_several(each)}" for kind, each in kinds.items() if each)
    if not models:
        return UsageError(
            f"No model is known in {Path(workdir).absolute()}, so none is called or was touched by {text!r}",
            "Name another work directory with --workdir, or where models were pushed to with --destination.",
        )
    if text in kinds["pipelines"]:
        last = [each for model in models for each in model.weighings if each.pipeline == text][-1]
        return UsageError(
            f"Nothing of {text} is in production",
            f"The model that it weighed last: weighbridge lineage run:{last.run_id}",
        )
    of = "the one model that is known" if len(models) == 1 else f"the {len(models)} models that are known"
    return UsageError(
        f"{text!r} is no model, data, span or commit of {of}{guess}",
        f"Known are {known}.{left} Name further places with --workdir or --destination.",
    )


def _several(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_TOLD} more" if len(names) > _MOST_TOLD else ""
    return ", ".join(names[-_MOST_TOLD:]) + more


def _numbered(spans: list[str]) -> list[str]:
    return sorted(spans, key=lambda each: int(each.partition(":")[2]))


def _called(model: Model) -> str:
    place = model.places[-1] if model.places else None
    return f"version {place.version} at {place.destination}" if place else f"run {model.run_id}"

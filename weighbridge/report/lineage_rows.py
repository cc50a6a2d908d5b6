"""What card, page and picture show of a lineage: branches of a tree, each a name, a value and what is below."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from weighbridge.evidence.provenance import DataOrigin, Machine, Provenance, Software
from weighbridge.evidence.summary import InputFile
from weighbridge.lineage.checked import CheckedFile
from weighbridge.lineage.models import PARENTS, Model
from weighbridge.lineage.origins import Origins
from weighbridge.lineage.touched import HOW, Touched, TouchedModel
from weighbridge.report.text import bytes_text, count, one_line, short_digest

NOT_RECORDED = "not recorded"

_MOST_FILES = 20
_MOST_PARENTS = 4  # generations
_MOST_EVER = 100
_STATES = {"same": "as it was used", "changed": "CHANGED since", "gone": "gone"}


@dataclass(frozen=True)
class Branch:
    """A branch of the tree.

    Attributes:
        name: what it is.
        value: what is known of it.
        below: what it consists of.
        state: `passed`, `refused` or `warning` where it is to be seen at once; empty otherwise.
    """

    name: str
    value: str = ""
    below: Sequence["Branch"] = field(default=())
    state: str = ""


def origin_branches(origins: Origins, *, everything: bool = False) -> Branch:
    """Where a model comes from, as a tree.

    Args:
        origins: of it.
        everything: all files, and all generations of models, as far as a screen can show them.
    """
    model = origins.model
    state = "passed" if model.live else "refused" if model.outcome == "refused" else ""
    return Branch(
        f"{model.pipeline or 'model'} {_where(model)}",
        "",
        [*_made_of(model, everything), *_parents(origins, model.digest, everything, 1, {model.digest})],
        state,
    )


def touched_branches(touched: Touched, checked: Sequence[CheckedFile] = (), *, everything: bool = False) -> Branch:
    """What something touched, as a tree."""
    live = len({each.model.digest for each in touched.touched if each.model.live})
    told = f"touched {count(len(touched.touched), 'model')}; {live or 'none'} of them is in production now"
    if live > 1:
        told = told.replace(" is in", " are in")
    below = []
    if touched.files:
        below.append(Branch("files", "", _files(touched.files, everything, checked)))
    if touched.in_production:
        serving = [Branch(place.told, place.destination) for place in touched.in_production]
        below.append(Branch("in production now", "", serving, "refused"))
    below.append(Branch("models", "" if touched.touched else "none", [_touched(each) for each in touched.touched]))
    never = [each for each in touched.touched if each.model.digest in touched.never_pushed]
    if never:
        below.append(Branch("refused and never pushed", "", [_called(each.model) for each in never]))
    if touched.compared:
        title = "weighed against a touched model, and not touched"
        below.append(Branch(title, "", [_called(each) for each in touched.compared]))
    if touched.unrecorded:
        listed = [_unrecorded(each) for each in touched.unrecorded]
        below.append(Branch(f"{NOT_RECORDED}: these may have been", "", listed, "warning"))
    return Branch(touched.told, told, below, "refused" if live else "")


def check_branches(checked: Sequence[CheckedFile]) -> Branch:
    """Whether files still are what they were."""
    bad = [each for each in checked if each.state != "same"]
    told = f"{count(len(checked), 'file')} read again, {len(bad) or 'none'} with other bytes or gone"
    return Branch("checked", told, [_checked(each) for each in checked], "refused" if bad else "passed")


def origins_rows(origins: Origins) -> list[tuple[str, str]]:
    """What made a model, and what it depends on, in one line each: for tables."""
    model = origins.model
    found = [
        (branch.name, branch.value or ", ".join(f"{each.name} {each.value}".strip() for each in branch.below))
        for branch in _made_of(model, everything=False)
    ]
    return found + [
        (PARENTS.get(how, how), f"{_where(each)}, {each.digest}, run {each.run_id or NOT_RECORDED}")
        for how, each in origins.parents(model.digest)
    ]


def data_text(data: Sequence[DataOrigin]) -> str:
    """The data in a few words."""
    rows = sum(sum(origin.rows.values()) for origin in data)
    files = [file for origin in data for file in origin.files]
    parts = [f"{rows:,} rows"] if rows else []
    if files:
        parts.append(count(len(files), "file"))
    if spans := spans_text(data):
        parts.append(spans)
    return ", ".join(parts) or NOT_RECORDED


def spans_text(data: Sequence[DataOrigin]) -> str:
    """`span 17`, `spans 15 to 17`, `spans 3, 17`; empty for none."""
    found = {origin.span if file.span is None else file.span for origin in data for file in origin.files}
    spans = sorted(each for each in found | {origin.span for origin in data} if each is not None)
    if len(spans) < 2:
        return f"span {spans[0]}" if spans else ""
    if spans[-1] - spans[0] == len(spans) - 1:
        return f"spans {spans[0]} to {spans[-1]}"
    return f"spans {', '.join(map(str, spans))}"


def code_text(model: Model) -> str:
    """Commit, repository and changes, in one line."""
    origin = model.provenance.origin if model.provenance else None
    if origin is None or not origin.commit:
        return f"commit {model.commit}" if model.commit else NOT_RECORDED
    changes = f", with uncommitted changes {short_digest(origin.changes)}" if origin.changes else ""
    return f"commit {origin.commit}{f' of {origin.repository}' if origin.repository else ''}{changes}"


def _made_of(model: Model, everything: bool) -> list[Branch]:
    found = [
        Branch("model", model.digest),
        *(Branch("pushed", f"{each.told}, {each.destination}") for each in model.places),
    ]
    found += [_weighed(model)]
    provenance = model.provenance
    if provenance is None:
        found.append(Branch("made of", f"{NOT_RECORDED}: {model.missing}", state="warning"))
        if model.data:
            found.append(_data(model.data, everything))
        if model.commit:
            found.append(Branch("code", code_text(model)))
        return found
    found.append(_data(provenance.data, everything))
    steps = provenance.origin.code if provenance.origin else {}
    code = [Branch(name, digest) for name, digest in sorted(steps.items())]
    found.append(Branch("code", code_text(model), code if everything else ()))
    found += _asked(provenance)
    subject = model.weighing.subject if model.weighing else {}
    if schema := subject.get("schema"):
        found.append(Branch("schema", schema))
    sections = ", ".join(sorted(provenance.thresholds)) or NOT_RECORDED
    found.append(Branch("thresholds", f"{subject.get('gates', '')} {sections}".strip()))
    software = provenance.training.software if provenance.training else provenance.software
    machine = provenance.training.machine if provenance.training else provenance.machine
    return [*found, Branch("software", _software(software)), Branch("machine", _machine(machine))]


def _weighed(model: Model) -> Branch:
    weighing = model.weighing
    if weighing is None:
        return Branch("weighed", NOT_RECORDED, state="warning")
    when = f" at {weighing.weighed_at:%Y-%m-%d %H:%M} UTC" if weighing.weighed_at else ""
    others = len(model.weighings) - 1
    again = f"; weighed {count(others, 'further time')}" if others else ""
    return Branch("weighed", f"{weighing.outcome} by run {weighing.run_id}{when}{again}")


def _asked(provenance: Provenance) -> Iterator[Branch]:
    training, origin = provenance.training, provenance.origin
    parameters = origin.parameters if origin else training.parameters if training else {}
    yield Branch("parameters", _parameters(parameters) or NOT_RECORDED)
    if training is None:
        yield Branch("training", NOT_RECORDED)
    else:
        same = "deterministic" if training.deterministic else "not deterministic"
        yield Branch("training", f"{training.run_fn}, seed {training.seed}, {same}")


def _parameters(parameters: dict[str, Any]) -> str:
    return ", ".join(f"{name}={one_line(value)}" for name, value in sorted(parameters.items()))


def _software(software: Software) -> str:
    parts = [f"Python {software.python}"]
    parts += [f"{name} {software.libraries[name]}" for name in ("tensorflow", "keras") if name in software.libraries]
    if software.lock:
        parts.append(f"lock {software.lock}")
    if software.image:
        parts.append(f"image {software.image}")
    return ", ".join(parts)


def _machine(machine: Machine) -> str:
    return ", ".join([machine.system, machine.cpu, count(machine.cores, "core"), *machine.accelerators])


def _data(data: Sequence[DataOrigin], everything: bool) -> Branch:
    files = [file for origin in data for file in origin.files]
    digests = [Branch("rows", origin.content_digest) for origin in data if origin.content_digest]
    return Branch("data", data_text(data), [*digests, *_files(files, everything)])


def _files(files: Sequence[InputFile], everything: bool, checked: Sequence[CheckedFile] = ()) -> list[Branch]:
    states = {(each.file.path, each.file.sha256): each for each in checked}
    shown = files if everything else files[:_MOST_FILES]
    found = []
    for file in shown:
        if each := states.get((file.path, file.sha256)):
            found.append(_checked(each))
        else:
            found.append(Branch(file.path, _file(file)))
    left = len(files) - len(shown)
    return [*found, Branch("…", f"{count(left, 'more file')}: --all shows all")] if left else found


def _file(file: InputFile) -> str:
    span = "" if file.span is None else f"span {file.span}, "
    return f"{span}{bytes_text(file.bytes)}, {file.sha256}"


def _checked(checked: CheckedFile) -> Branch:
    told = f"{_file(checked.file)}: {_STATES[checked.state]}"
    if checked.state == "changed":
        told += f", it is {checked.now}"
    if checked.kept:
        told += f"; a copy of what was used is {checked.kept}"
    return Branch(checked.file.path, told, state="" if checked.state == "same" else "refused")


def _parents(origins: Origins, digest: str, everything: bool, depth: int, seen: set[str]) -> Iterator[Branch]:
    for how, parent in origins.parents(digest):
        name = PARENTS.get(how, how)
        told = f"{_where(parent)}, {parent.digest}"
        if parent.digest in seen:
            yield Branch(name, f"{told}: see above")
            continue
        seen.add(parent.digest)
        if depth >= (_MOST_EVER if everything else _MOST_PARENTS):
            left = len(origins.models) - len(seen)
            more = f"{count(left, 'earlier model')}: --all shows them" if left else ""
            yield Branch(name, told, [Branch("…", more)] if more else ())
            continue
        if not parent.recorded:
            yield Branch(name, told, [Branch("made of", f"{NOT_RECORDED}: {parent.missing}", state="warning")])
            continue
        below = [_weighed(parent), Branch("data", data_text(parent.data)), Branch("code", code_text(parent))]
        yield Branch(name, told, [*below, *_parents(origins, parent.digest, everything, depth + 1, seen)])


def _where(model: Model) -> str:
    """Its newest place, or that it has none."""
    places = model.live or model.places
    if places:
        place = places[-1]
        return f"version {place.version} at {place.stage or place.destination}{', live' if place.live else ''}"
    if model.outcome == "refused":
        return "refused, never pushed"
    return "never pushed" if model.weighings else "of unknown origin"


def _called(model: Model) -> Branch:
    return Branch(_run(model), f"{_where(model)}, {model.digest}")


def _touched(touched: TouchedModel) -> Branch:
    model = touched.model
    how = HOW[touched.how] + (f" {short_digest(touched.via)}" if touched.via else "")
    below = [Branch("pushed", f"{each.told}, {each.destination}") for each in model.places]
    outcome = "passed, " if model.outcome == "passed" else ""
    told = f"{outcome}{_where(model)}: {how}, {model.digest}"
    return Branch(_run(model), told, below, "refused" if model.live else "")


def _unrecorded(model: Model) -> Branch:
    where = "; ".join(f"{each.told}, {each.destination}" for each in model.places) or _where(model)
    return Branch(
        _run(model),
        f"{where}: {model.missing or 'this is not recorded of it, or of what it started from'}, {model.digest}",
    )


def _run(model: Model) -> str:
    return f"{model.pipeline} {model.run_id}".strip() or "a model of unknown origin"

"""A lineage as a picture: what made a model, or what something touched, from left to right."""

from collections.abc import Iterable, Iterator, Sequence

from markupsafe import Markup

from weighbridge.lineage.models import PARENTS, Model
from weighbridge.lineage.origins import Origins
from weighbridge.lineage.touched import Touched
from weighbridge.report.charts.graph import Box, Edge, graph_chart
from weighbridge.report.lineage_rows import NOT_RECORDED, code_text, data_text, spans_text
from weighbridge.report.text import bytes_text, count, short_digest

_MOST_FILES = 4
_MOST_MODELS = 8


def origins_picture(origins: Origins) -> Markup:
    """What made a model, and what made those that it depends on."""
    model = origins.model
    inputs = list(_inputs(model, ""))
    edges = [Edge(box.key, model.digest) for box in inputs]
    parents: list[Box] = []
    before: list[Box] = []
    ways: dict[str, list[str]] = {}
    for how, parent in origins.parents(model.digest):
        ways.setdefault(parent.digest, []).append(PARENTS.get(how, how))
    for how, parent in origins.parents(model.digest):
        box = _model_box(parent, [", ".join(ways[parent.digest])])
        if box.key not in [each.key for each in parents]:
            parents.append(box)
            own = list(_brief(parent)) if parent.recorded else []
            grand = [_model_box(each, [PARENTS.get(way, way)]) for way, each in origins.parents(parent.digest)]
            known = {each.key for each in before} | {model.digest, *(each.key for each in parents)}
            before += [each for each in (*own, *grand) if each.key not in known]
            edges += [Edge(each.key, parent.digest, each in grand) for each in (*own, *grand)]
        edges.append(Edge(parent.digest, model.digest, faint=how == "production"))
    places = [
        Box(
            f"place {place.destination} {place.version}",
            f"{place.stage or 'destination'}, version {place.version}",
            [_end(place.destination), "live" if place.live else "not served"],
            state="passed" if place.live else "failed",
        )
        for place in model.places[-_MOST_MODELS:]
    ]
    edges += [Edge(model.digest, place.key) for place in places]
    title = "Where this model comes from"
    told = [
        f"model {short_digest(model.digest)} of pipeline {model.pipeline}: {data_text(model.data)}, {code_text(model)}"
    ]
    told += [f"{PARENTS.get(how, how)} {short_digest(each.digest)}" for how, each in origins.parents(model.digest)]
    columns = [before, [*inputs, *parents], [_model_box(model, [], heavy=True)], places]
    heads = ["what these come from", "made of, and weighed against", "the model", "pushed to"]
    return graph_chart(title, "; ".join(told) + ".", columns, edges, heads)


def touched_picture(touched: Touched) -> Markup:
    """What data, a span or a commit touched, up to where that is served."""
    shown = touched.touched[-_MOST_MODELS:] if len(touched.touched) > _MOST_MODELS else touched.touched
    generations: dict[str, int] = {}
    for each in shown:
        generations[each.model.digest] = generations.get(each.via, -1) + 1 if each.via else 0
    columns: list[list[Box]] = [[] for _ in range(max(generations.values(), default=0) + 1)]
    edges = []
    for each in shown:
        columns[generations[each.model.digest]].append(_model_box(each.model, [each.model.outcome]))
        edges.append(Edge(each.via or "subject", each.model.digest))
    places: dict[str, Box] = {}
    for each in shown:
        for place in each.model.live:
            key = f"place {place.destination} {place.version}"
            title = f"{place.stage or 'destination'}, version {place.version}"
            places[key] = Box(key, title, [_end(place.destination), "in production now"], state="refused")
            edges.append(Edge(each.model.digest, key))
    last = list(places.values())
    for model in touched.compared[-_MOST_MODELS:]:
        last.append(_model_box(model, ["weighed against a touched one"]))
        edges.append(Edge(model.parents.get("production", ""), model.digest, faint=True))
    lines = [f"{_end(file.path)} {short_digest(file.sha256)}" for file in touched.files[:_MOST_FILES]]
    left = len(touched.files) - len(lines)
    subject = Box("subject", touched.told, [*lines, *([f"and {count(left, 'more file')}"] if left else [])], heavy=True)
    missing = len(touched.touched) - len(shown)
    head = "models it touched" + (f", the newest {len(shown)} of {len(touched.touched)}" if missing else "")
    told = (
        f"{touched.told} touched {count(len(touched.touched), 'model')}; "
        f"{count(len(touched.in_production), 'version')} of them in production now."
    )
    both = "served, or weighed against these"
    served = both if places and touched.compared else "in production now" if places else "weighed against these"
    heads = [touched.kind, head, *["what started from these"] * (len(columns) - 1), served]
    return graph_chart(f"What {touched.told} touched", told, [[subject], *columns, last], edges, heads)


def _inputs(model: Model, prefix: str) -> Iterator[Box]:
    """What a model is made of, a box for each kind."""
    provenance = model.provenance
    if provenance is None:
        yield Box(f"{prefix}unknown", NOT_RECORDED, ["what it is made of"], state="warning")
        return
    files = [file for origin in provenance.data for file in origin.files]
    lines = [f"{_end(file.path)}, {bytes_text(file.bytes)}" for file in files[-_MOST_FILES:]]
    if len(files) > _MOST_FILES:
        lines.insert(0, f"{count(len(files) - _MOST_FILES, 'more file')}, and")
    yield Box(f"{prefix}data", f"data: {spans_text(provenance.data) or _rows(model)}", lines, series="train")
    yield from _code(model, prefix)
    training, origin = provenance.training, provenance.origin
    if training is not None:
        told = [training.run_fn, f"seed {training.seed}"]
        parameters = origin.parameters if origin else training.parameters
        yield Box(f"{prefix}training", f"training: {count(len(parameters), 'parameter')}", told, series="eval")
    subject = model.weighing.subject if model.weighing else {}
    named = [f"{name} {short_digest(subject[name])}" for name in ("schema", "gates") if name in subject]
    if named:
        yield Box(f"{prefix}gates", "schema and thresholds", named, series="fifth")
    software = training.software if training else provenance.software
    lines = [
        f"{name} {short_digest(value)}" for name, value in (("lock", software.lock), ("image", software.image)) if value
    ]
    yield Box(f"{prefix}software", f"Python {software.python}", lines)


def _brief(model: Model) -> Iterator[Box]:
    prefix = f"{model.digest} "
    yield Box(f"{prefix}data", f"data: {spans_text(model.data) or _rows(model)}", series="train")
    yield from _code(model, prefix)


def _code(model: Model, prefix: str) -> Iterator[Box]:
    if model.commit:
        origin = model.provenance.origin if model.provenance else None
        lines = [_end(origin.repository)] if origin and origin.repository else []
        lines += ["with uncommitted changes"] if origin and origin.changes else []
        yield Box(f"{prefix}code", f"commit {model.commit[:12]}", lines, series="candidate")


def _rows(model: Model) -> str:
    return data_text(model.data).partition(",")[0] if not model.data else f"{_sum(model):,} rows"


def _sum(model: Model) -> int:
    return sum(sum(origin.rows.values()) for origin in model.data)


def _model_box(model: Model, lines: Sequence[str], heavy: bool = False) -> Box:
    places = model.live or model.places
    named = f"{places[-1].stage or 'pushed'}, version {places[-1].version}" if places else "never pushed"
    told: Iterable[str] = [
        *lines,
        f"{model.pipeline} {model.run_id}".strip() or "of unknown origin",
        f"{named}{', live' if model.live else ''}",
        *([] if model.recorded else [f"{NOT_RECORDED} what made it"]),
    ]
    state = "warning" if not model.recorded else "refused" if model.outcome == "refused" else ""
    return Box(
        model.digest, f"model {short_digest(model.digest)}", list(told), series="production", state=state, heavy=heavy
    )


def _end(path: str) -> str:
    """The last two parts of a path or address."""
    return "/".join(path.rstrip("/").split("/")[-2:])

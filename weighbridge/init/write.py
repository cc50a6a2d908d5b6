"""The files of the package, from templates: everything but `schema.pbtxt`."""

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.init.plan import Plan
from weighbridge.init.thresholds import plain

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"
_OUTPUTS = {"binary": "probability", "classes": "probabilities", "number": "predicted"}
_WORDS = {
    "binary": "the probability of class 1, shape [batch, 1]",
    "classes": "the probability of each class, shape [batch, classes]",
    "number": "the quantity in its own unit, shape [batch, 1]",
}


def render(template: str, **values: Any) -> str:
    """A template as text, ending in one line feed."""
    return _environment().get_template(f"{template}.j2").render(**values).rstrip("\n") + "\n"


def code_files(plan: Plan, start: str, values: Mapping[str, Any]) -> dict[str, str]:
    """The texts of a tabular package's files, by their path in it: all that does not depend on a run.

    Args:
        plan: what the columns are for.
        start: `tabular`, or `bare` for the wiring by hand and the smallest model.
        values: that all templates share: `name`, `date`, `place` of the package in its repository, `data_code` (Python
            for the parameter `data`), `remote` of the shared library.
    """
    given = {**values, "bare": start == "bare", "times": ", ".join(plan.times), **_column_values(plan)}
    given["title"] = f"{values['name']}: predicts {plan.target.column!r}.".replace("\\", "\\\\").replace('"', "'")
    suffix = "_bare" if start == "bare" else ""
    return {
        "__init__.py": render("package.py", **given),
        "pipeline.py": render(f"pipeline{suffix}.py", **given),
        "features.py": render("features.py", **given),
        "model.py": render(f"model{suffix}.py", **given),
        "tests/__init__.py": "",
        "tests/test_pipeline.py": render("test_pipeline.py", **given),
        "Jenkinsfile": render("Jenkinsfile", **given),
        "README.md": render("README.md", **given),
    }


def _column_values(plan: Plan) -> dict[str, Any]:
    target = plan.target
    text = _are_text(target.classes)
    raw = "TARGET" if target.classes else "LABEL"
    return {
        "target": target.column,
        "label": plan.label,
        "task": target.task,
        "count": target.count,
        "classes": list(target.classes) if text else [float(each) for each in target.classes],
        "text_classes": text,
        "columns": plan.renamed,
        "numbers": plan.numbers,
        "missing": list(plan.missing),
        "left_out": plan.left_out,
        "drops": f"{target.missing:,} of the first {plan.rows:,} rows" if target.missing else "",
        "raw": raw,
        "epochs": plan.epochs,
        "batch_size": plan.batch_size,
        "output": _OUTPUTS[target.task],
        "output_words": _WORDS[target.task],
    }


def _are_text(classes: tuple[str, ...]) -> bool:
    try:
        return not [float(each) for each in classes]
    except ValueError:
        return True


@functools.cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=False,  # noqa: S701, Python and YAML, not HTML; texts of the data go through `quoted`
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"quoted": quoted, "tuple": as_tuple, "plain": plain}
    return environment


def quoted(text: str) -> str:
    """A text as Python and YAML write it, whatever is in it."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def as_tuple(values: list[Any]) -> str:
    """Values as a tuple in Python, a line each where they are many."""
    written = [quoted(each) if isinstance(each, str) else plain(each) for each in values]
    line = ", ".join(written) + ("," if len(written) == 1 else "")
    if len(line) <= 80:
        return f"({line})"
    return "(\n" + "".join(f"    {each},\n" for each in written) + ")"


def gate_values(values: Mapping[str, Any]) -> str:
    """The text of `gates.yaml`."""
    return render("gates.yaml", **values)

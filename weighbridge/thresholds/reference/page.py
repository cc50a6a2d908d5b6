"""The reference of `gates.yaml` as a page of Markdown."""

from collections.abc import Iterable

from weighbridge.thresholds.gates_file import Gates
from weighbridge.thresholds.reference.keys import THRESHOLD, Key, reference_keys, threshold_keys

_HEAD = """# gates.yaml

What the data and a model must be to reach production. The file lies beside the pipeline and is reviewed like code; this
page and the schema for editors are made from the models that read it (`weighbridge gates --markdown`).

`weighbridge gates PIPELINE` shows the same keys with the values in force in a pipeline, what its last run
measured, and what each gate can decide with so many rows.

## In an editor

An editor with a YAML language server (VS Code with the YAML extension, Neovim, …) completes and checks the file by its
first line, without a network:

```yaml
# yaml-language-server: $schema=gates.schema.json
```

```console
$ weighbridge gates --json-schema -o gates.schema.json    # beside gates.yaml; write it again after an update
```

## How it is read

- A key that is not known, a key without a value, a key given twice, text or `true` where a number belongs, NaN and
  infinity are errors that name the line (exit code 2). `quality` and `latency` must be there.
- Gates fail closed: what cannot be measured refuses. Only where there is nothing yet to compare with, a gate is
  `not_compared`, which lets the model through and is counted apart.
- `<name>` in a path stands for a name of your own, `[]` for each item of a list.
"""

_THRESHOLD = """
## A threshold

Where a key holds a threshold, at least one of these rules stands there, such as `{min: 0.94, min_change: -0.01}`. Each
rule is a gate of its own. A comparison with production is made on the same examples, in the same run.
"""

_STEPS = """
What a step of your own asks for is a model of its own, a subclass of `weighbridge.verdict.Section`, which it reads by
`context.gates.of_step(name, model)`.
"""


def markdown_page() -> str:
    """The page; the same models give the same text."""
    keys = reference_keys()
    parts = [_HEAD, _THRESHOLD, _table(threshold_keys(), "")]
    for section in Gates.model_fields:
        own = next(key for key in keys if key.path == section)
        below = [key for key in keys if key.path.startswith((f"{section}.", f"{section}["))]
        required = " It must be there." if own.default == "required" else ""
        parts.append(f"\n## {section}\n\n{own.description}{required}\n")
        parts.append(_STEPS if section == "steps" else _table(below, section))
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _table(keys: Iterable[Key], section: str) -> str:
    lines = [_row(*_COLUMNS), _row(*("---" for _ in _COLUMNS))]
    for key in keys:
        path = key.path.removeprefix(f"{section}.") if section else key.path
        cells = (
            f"`{path}`",
            key.type.replace(THRESHOLD, f"[{THRESHOLD}](#a-threshold)"),
            key.unit,
            key.default if key.default in ("", "required") else f"`{key.default}`",
            key.description,
            key.missing,
        )
        lines.append(_row(*cells))
    return "\n".join(lines)


_COLUMNS = ("key", "holds", "unit", "default", "what it is", "where data are missing")


def _row(*cells: str) -> str:
    return " ".join(["|", *(f"{cell} |".lstrip() for cell in (each.replace("|", "\\|") for each in cells))])

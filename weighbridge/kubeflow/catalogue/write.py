"""Writes the catalogue: a folder per component, as `kubeflow/pipelines-components` has them.

The forms are those of that repository at commit fab64a9: `docs/CONTRIBUTING.md` (files and fields),
`scripts/validate_metadata` (metadata.yaml, OWNERS) and `scripts/generate_readme` (README.md). What it generates for
whole categories (`components/<category>/README.md`, packages in `pyproject.toml`) is left to its own `make readme` and
`make sync-packages`, since others' components are in these files too.
"""

import datetime
import functools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighbridge.common import files
from weighbridge.common.errors import UsageError
from weighbridge.common.memory import gc_paused
from weighbridge.kubeflow.catalogue.entries import ENTRIES
from weighbridge.kubeflow.catalogue.literals import literal
from weighbridge.kubeflow.catalogue.page import Page, wrapped
from weighbridge.kubeflow.compile import checks
from weighbridge.kubeflow.compile.interface import component_interface

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"
_OWNER = re.compile(r"^[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}$")


def write_catalogue(
    folder: Path, *, image: str, owners: Sequence[str], verified: datetime.date, allow_tag: bool = False
) -> list[str]:
    """Write all components; the same components, image, owners and day give the same bytes.

    Args:
        folder: where `components/` is, or is made; nothing else in it is touched.
        image: that the components run in, by digest.
        owners: who approves changes, by their names on GitHub.
        verified: the day on which the components were last seen to work.
        allow_tag: accept an image that is named by a tag.

    Returns:
        The components' folders, relative to `folder`.

    Raises:
        UsageError: the image is not named by digest, or an owner is missing or no name on GitHub.
    """
    checks.check_image(image, allow_tag=allow_tag)
    _check_owners(owners)
    with gc_paused():
        pages = [Page(entry, component_interface(entry.name), image, tuple(owners), verified) for entry in ENTRIES]
    for page in pages:
        for name, text in _component_files(page).items():
            files.write_text(folder / page.entry.folder / name, text)
    return [page.entry.folder for page in pages]


def _component_files(page: Page) -> dict[str, str]:
    example = _render("example_pipelines.py.j2", page=page).lstrip("\n")
    inputs = [argument for argument in page.arguments if not argument.type.startswith("dsl.Output")]
    tests = _render(
        "test_component_unit.py.j2",
        page=page,
        required=[argument.name for argument in inputs if argument.default is None],
        optional=[argument.name for argument in inputs if argument.default is not None],
        outputs=list(page.interface.outputs),
    )
    return {
        "__init__.py": _render("__init__.py.j2", page=page),
        "component.py": _render("component.py.j2", page=page),
        "example_pipelines.py": example,
        "metadata.yaml": _render("metadata.yaml.j2", page=page),
        "OWNERS": _render("OWNERS.j2", owners=page.owners),
        "README.md": _render("README.md.j2", page=page, example=example),
        "tests/__init__.py": f"# Tests of {page.name}\n",
        "tests/test_component_unit.py": tests,
    }


def _render(template: str, **facts: Any) -> str:
    return _environment().get_template(template).render(**facts)


@functools.cache
def _environment() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701, source and Markdown made of our own components; no page is
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(literal=literal, wrapped=wrapped)
    return environment


def _check_owners(owners: Iterable[str]) -> None:
    given = list(owners)
    if not given:
        raise UsageError("Nobody owns the components", "Give --owner: who approves changes, by their name on GitHub.")
    for owner in given:
        if not _OWNER.match(owner):
            raise UsageError(f"--owner {owner!r} is no name on GitHub", "Allowed: letters, digits, single hyphens.")

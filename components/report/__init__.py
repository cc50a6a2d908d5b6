"""The report: everything that people and machines see of a run, rendered from its verdict.

Nothing here decides or computes a result; a renderer is loaded when it is first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from components.report.card import print_card
from components.report.write import write_reports

if TYPE_CHECKING:
    from components.report.evidence import Evidence
    from components.report.html import render_html
    from components.report.junit import render_junit
    from components.report.markdown import render_markdown
    from components.report.prometheus import render_prometheus

__all__ = [
    "Evidence",
    "print_card",
    "render_html",
    "render_junit",
    "render_markdown",
    "render_prometheus",
    "write_reports",
]

_LAZY = {
    "Evidence": "evidence",
    "render_html": "html",
    "render_junit": "junit",
    "render_markdown": "markdown",
    "render_prometheus": "prometheus",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"components.report.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

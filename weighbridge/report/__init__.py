"""The report: everything that people and machines see of a run, rendered from its verdict.

Nothing here decides or computes a result; a renderer is loaded when it is first asked for.
"""

from typing import TYPE_CHECKING

import lazy_loader

from weighbridge.report.card import print_card
from weighbridge.report.write import write_reports

if TYPE_CHECKING:
    from weighbridge.report.evidence import Evidence
    from weighbridge.report.html import render_html
    from weighbridge.report.junit import render_junit
    from weighbridge.report.markdown import render_markdown
    from weighbridge.report.prometheus import render_prometheus

__all__ = [
    "Evidence",
    "print_card",
    "render_html",
    "render_junit",
    "render_markdown",
    "render_prometheus",
    "write_reports",
]

__getattr__, _, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "evidence": ["Evidence"],
        "html": ["render_html"],
        "junit": ["render_junit"],
        "markdown": ["render_markdown"],
        "prometheus": ["render_prometheus"],
    },
)

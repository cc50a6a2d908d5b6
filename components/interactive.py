"""What TFX's InteractiveContext shows of our components: the gates that a step left, and the Evaluator's verdict.

TFX shows a component that was run by its inputs and outputs, and an evaluation by TFMA's viewer: of a refusal nothing.
A refusing gate is data and no error, so it would not be seen at all.
"""

import builtins
import html
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weighbridge.common.errors import UsageError
from weighbridge.verdict.verdict import GATES_FILE, VERDICT_FILE, GateList, Verdict, read_gates

_CONTEXT = "tfx.orchestration.experimental.interactive.interactive_context"


def show_gates() -> None:
    """Let InteractiveContext show gates and verdicts, where it is in use; called by every component that is made.

    Whichever comes first, the context or the component: what the context registers when it is made is replaced, too.
    """
    if not getattr(builtins, "__IPYTHON__", None) or _CONTEXT not in sys.modules:
        return
    from tfx.orchestration.experimental.interactive import execution_result, notebook_formatters, visualizations
    from tfx.orchestration.experimental.interactive import standard_visualizations as standard

    registry, kind = notebook_formatters.FORMATTER_REGISTRY, execution_result.ExecutionResult
    if getattr(registry[kind], "shows_gates", False):
        return

    class ResultFormatter(notebook_formatters.NotebookFormatter):
        """A component that was run, with its gates above what TFX shows of it."""

        shows_gates = True

        def render(self, obj: Any, *given: Any, **named: Any) -> str:
            return "".join([*component_gates(obj.component), super().render(obj, *given, **named)])

    class EvaluationVisualization(standard.ModelEvaluationVisualization):
        """The verdict above TFMA's viewer."""

        def display(self, artifact: Any) -> None:  # type: ignore[override]  # as stock ones, which return nothing
            from IPython.display import HTML, display

            for page in _of_folder(artifact.uri):
                display(HTML(page))
            super().display(artifact)

    registry[kind] = ResultFormatter(kind, registry[kind].attributes, registry[kind].title_format)
    stock = standard.ModelEvaluationVisualization
    standard.STANDARD_VISUALIZATIONS = (standard.STANDARD_VISUALIZATIONS - {stock}) | {EvaluationVisualization}
    visualizations.get_registry().register(EvaluationVisualization)
    notebook_formatters.register_formatters()


def component_gates(component: Any) -> Iterator[str]:
    """What a component left in its outputs, as HTML: a verdict, or gates; what it only looked up is not its own."""
    looked_up = getattr(getattr(component, "TRAITS", None), "looked_up", ())
    for key, channel in component.outputs.items():
        if key not in looked_up:
            for artifact in channel.get():
                yield from _of_folder(artifact.uri)


def _of_folder(folder: str) -> Iterator[str]:
    try:
        if Path(folder, VERDICT_FILE).exists():
            yield Verdict.read(Path(folder, VERDICT_FILE))._repr_html_()
        elif Path(folder, GATES_FILE).exists():
            yield GateList(gates=tuple(read_gates(folder)))._repr_html_()
    except UsageError as error:
        yield f"<pre>{html.escape(str(error))}</pre>"

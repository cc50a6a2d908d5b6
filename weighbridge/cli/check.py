"""`weighbridge check`: what is wrong with a pipeline, while nothing runs."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli.options import WORKDIR, DataOption, JsonOption, PipelineArgument, SetOption, WorkdirOption
from weighbridge.cli.output import print_json, without_output
from weighbridge.common.errors import ExitCode

if TYPE_CHECKING:
    from rich.text import Text

    from weighbridge.checks.finding import Finding


def check(
    pipeline: PipelineArgument,
    data: DataOption = None,
    settings: SetOption = None,
    kubeflow: Annotated[bool, typer.Option("--kubeflow", help="Check that it compiles for Kubeflow, too.")] = False,
    workdir: WorkdirOption = WORKDIR,
    as_json: JsonOption = False,
) -> None:
    """Check PIPELINE's definition, gates.yaml, schema.pbtxt, functions and the first rows of its data; run nothing.

    All that is wrong is told at once, each with its place, the nearest name and the mend. Errors would end or refuse a
    run; warnings may not be meant. The exit code is 2 where there is an error, else 0.
    """
    from weighbridge.checks import check_pipeline
    from weighbridge.runs.explain import explain_outside_run

    with without_output():
        try:
            found = check_pipeline(pipeline, data, settings or (), workdir, kubeflow=kubeflow)
        except Exception as error:
            raise explain_outside_run(error, f"{pipeline} cannot be checked") from error
    if as_json:
        print_json([_document(each) for each in found])
    else:
        _print(pipeline, found)
    failed = any(each.level == "error" for each in found)
    raise typer.Exit(int(ExitCode.USAGE if failed else ExitCode.PASSED))


def _document(finding: "Finding") -> dict[str, Any]:
    return finding.model_dump(mode="json")


def _print(pipeline: str, found: "list[Finding]") -> None:
    from rich.padding import Padding
    from rich.text import Text

    from weighbridge.cli.display import console

    out = console()
    for finding in found:
        hints = [Text(part, style="dim") for part in finding.hint.splitlines()]
        if out.is_terminal:
            for line in (_headline(finding), *(Padding(hint, (0, 0, 0, 2)) for hint in hints)):
                out.print(line, width=out.width, soft_wrap=False)
        else:
            for text in (_headline(finding), *(Text("  ").append(hint) for hint in hints)):
                out.print(text)
    out.print(_closing(pipeline, found), markup=False)


def _headline(finding: "Finding") -> "Text":
    from rich.text import Text

    style = "bold red" if finding.level == "error" else "bold yellow"
    line = Text(f"{finding.place}: " if finding.place else "")
    return line.append(f"{finding.level}: ", style=style).append(finding.message)


def _closing(pipeline: str, found: "list[Finding]") -> str:
    errors = sum(finding.level == "error" for finding in found)
    warnings = len(found) - errors
    parts = [
        f"{number} {word}{'s' * (number != 1)}" for number, word in ((errors, "error"), (warnings, "warning")) if number
    ]
    return f"{pipeline}: {' and '.join(parts) if parts else 'nothing found, it is ready to run'}"

"""`weighbridge doctor`: what is wrong with this machine and environment, and the mend."""

from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli.options import WORKDIR, JsonOption, WorkdirOption
from weighbridge.cli.output import print_json, without_output

if TYPE_CHECKING:
    from weighbridge.doctor.finding import Finding


def doctor(
    pipeline: Annotated[
        str | None, typer.Argument(metavar="PIPELINE", help="A pipeline to look at, too: does it load, is all there?")
    ] = None,
    workdir: WorkdirOption = WORKDIR,
    as_json: JsonOption = False,
) -> None:
    """Look at Python, libraries, disk, work directory, locks, clock, memory, GPU, Kubeflow and credentials.

    Each line says what was found, and below it how to mend what is not right. Nothing is changed, no credential is
    shown, and nothing is waited for longer than some seconds. The exit code is 0 where nothing is wrong, 2 where a
    setting or the environment is, 3 where only the machine or the network is.
    """
    from weighbridge.doctor.examine import examine, exit_code, probes

    with without_output():  # a pipeline's module may print when it is loaded
        findings = examine(probes(workdir, pipeline or ""))
    code = exit_code(findings)
    if as_json:
        counts = {state: sum(each.state == state for each in findings) for state in ("ok", "warning", "wrong")}
        print_json({"exit_code": int(code), **counts, "findings": [each.document() for each in findings]})
    else:
        _print(findings)
    raise typer.Exit(int(code))


def _print(findings: "list[Finding]") -> None:
    from rich.text import Text

    from weighbridge.cli.display import console

    out = console()
    signs = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "wrong": ("✗", "red")}
    width = max(len(each.about) for each in findings)
    for each in findings:
        sign, colour = signs[each.state]
        out.print(Text.assemble((sign, colour), f" {each.about:<{width}}  {each.found}"))
        if each.mend and each.state != "ok":
            out.print(Text(f"  {'':<{width}}  → {each.mend}"))
    wrong, warnings = (sum(each.state == state for each in findings) for state in ("wrong", "warning"))
    told = [f"{wrong} wrong" if wrong else "", f"{warnings} to look at" if warnings else ""]
    out.print(Text(", ".join(filter(None, told)) or "Nothing is wrong."))

"""`weighbridge gates`: what may stand in `gates.yaml`, and what stands there now."""

from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli.options import WORKDIR, JsonOption, WorkdirOption
from weighbridge.cli.output import print_json, print_line, without_output
from weighbridge.common.errors import UsageError

if TYPE_CHECKING:
    from weighbridge.runs.thresholds_in_force import Explained

SimulateOption = Annotated[
    int | None,
    typer.Option(
        "--simulate",
        metavar="N",
        help="Train the last run's model N times, on rows drawn anew; weigh how often PIPELINE's gates are wrong.",
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Seed of all that --simulate draws.")]
MarkdownOption = Annotated[bool, typer.Option("--markdown", help="The reference as a page of Markdown.")]
SchemaOption = Annotated[
    bool, typer.Option("--json-schema", help="The JSON Schema that editors complete and check gates.yaml from.")
]
OutputOption = Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Write the page or schema there.")]
DetailsOption = Annotated[
    bool, typer.Option("--details", help="Say of each key of PIPELINE what it is, and what happens without data.")
]


MarginOption = Annotated[
    list[str] | None,
    typer.Option(
        "--margin", metavar="KEY=MARGIN", help="Rows that a margin needs: quality.metrics.auc=-0.005; may be repeated."
    ),
]
RowsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--rows", metavar="KEY=ROWS", help="The margin that rows decide: quality.metrics.auc=20000; may be repeated."
    ),
]


def gates(
    pipeline: Annotated[
        str | None,
        typer.Argument(metavar="PIPELINE", help="Whose gates.yaml; without it the reference of all keys."),
    ] = None,
    details: DetailsOption = False,
    margin: MarginOption = None,
    rows: RowsOption = None,
    simulate: SimulateOption = None,
    seed: SeedOption = 0,
    markdown: MarkdownOption = False,
    json_schema: SchemaOption = False,
    output: OutputOption = "",
    workdir: WorkdirOption = WORKDIR,
    as_json: JsonOption = False,
) -> None:
    """Explain every key of PIPELINE's gates.yaml, or all keys that may stand in one.

    With PIPELINE: the value in force and where it is from (a line of the file, or the default), what it is compared
    with, and from the last run what was observed, its interval, and the margin that is left. Then what each gate can
    decide with the rows at hand, how often it errs, and what to change where that is more than declared. With --margin
    or --rows only what they ask is answered. Nothing is run. With --simulate N that is tried out: N models that are
    equally good are trained, apart, and weighed against each other; nothing of the pipeline changes. Without PIPELINE
    the reference: for people, as Markdown, or as the JSON Schema that editors read.
    """
    if pipeline and (markdown or json_schema or output):
        raise UsageError(
            "--markdown, --json-schema and -o write the reference, which is the same for every pipeline",
            "Leave PIPELINE out, or these options.",
        )
    if markdown + json_schema + as_json > 1:
        raise UsageError("--markdown, --json-schema and --json exclude each other", "Give one of them.")
    if output and not (markdown or json_schema):
        raise UsageError(f"What is to be written to {output}?", "Add --json-schema or --markdown.")
    if not pipeline and (margin or rows):
        raise UsageError("--margin and --rows ask about a pipeline's last run", "Name it: weighbridge gates PIPELINE …")
    if simulate is not None and (margin or rows):
        raise UsageError("--simulate tries out all gates, --margin and --rows ask about one", "Give one of them.")
    if simulate is not None:
        from weighbridge.cli import gates_simulated

        gates_simulated.simulate(pipeline, workdir, simulate, seed, as_json)
    elif pipeline:
        _explain(pipeline, workdir, as_json, details, margin or [], rows or [])
    else:
        _reference(markdown, json_schema, output, as_json)


def _reference(markdown: bool, json_schema: bool, output: str, as_json: bool) -> None:
    from dataclasses import asdict

    from weighbridge.common import files
    from weighbridge.thresholds import reference

    if not (markdown or json_schema):
        if as_json:
            print_json({"keys": [asdict(key) for key in reference.reference_keys()]})
        else:
            _print_reference()
        return
    text = files.json_text(reference.gates_schema()) if json_schema else reference.markdown_page()
    if not output:
        print_line(text.rstrip("\n"))
        return
    try:
        path = files.write_text(output, text)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}", "Choose another file with -o.") from error
    print_line(str(path))


def _print_reference() -> None:
    from weighbridge.cli.display import console
    from weighbridge.thresholds.reference.keys import THRESHOLD, reference_keys, threshold_keys

    out = console()
    described = [(key.path, key) for key in reference_keys()]
    described += [(f"<{THRESHOLD}>.{key.path}", key) for key in threshold_keys()]
    for path, key in described:
        default = {"required": "required", "": ""}.get(key.default, f"default {key.default}")
        out.print(f"{path}: " + ", ".join(filter(None, (key.type, key.unit, default))), markup=False, style="bold")
        out.print(f"    {key.description}" + (f" Missing data: {key.missing}." * bool(key.missing)), markup=False)
    out.print("\nFor an editor: weighbridge gates --json-schema -o gates.schema.json", markup=False)


def _explain(pipeline: str, workdir: str, as_json: bool, details: bool, margins: list[str], rows: list[str]) -> None:
    from weighbridge.common import invocation
    from weighbridge.definition import load
    from weighbridge.runs.explain import explain_outside_run
    from weighbridge.runs.thresholds_in_force import explain_thresholds

    definition = load(pipeline)
    with invocation.of(pipeline, *(["--workdir", workdir] if workdir != WORKDIR else [])):
        with without_output():
            try:
                found = explain_thresholds(definition, workdir)
            except Exception as error:
                raise explain_outside_run(error, f"The thresholds of {definition.name} cannot be explained") from error
        if margins or rows:
            _answer(found, margins, rows, as_json)
        elif as_json:
            from weighbridge.cli.gate_canary import steps_document

            print_json(found.document() | {"canary": steps_document(found.thresholds.gates.canary)})
        else:
            from weighbridge.cli.gates_table import print_explained

            print_explained(found, details)


def _answer(found: "Explained", margins: list[str], rows: list[str], as_json: bool) -> None:
    from weighbridge.runs.margins import margins_decided, rows_needed

    answers = [answer for asked in margins for answer in rows_needed(found, asked)]
    answers += [answer for asked in rows for answer in margins_decided(found, asked)]
    if as_json:
        print_json({"pipeline": found.pipeline, "margins": [answer.document() for answer in answers]})
    else:
        for answer in answers:
            print_line(answer.sentence)

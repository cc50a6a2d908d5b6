"""`weighbridge ci`: what a CI server asks, as JSON or Markdown, and the comment in a pull request."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from weighbridge.cli.options import (
    WORKDIR,
    DestinationsOption,
    JsonOption,
    PipelineArgument,
    StoreOption,
    WorkdirOption,
)
from weighbridge.cli.output import EXIT_CODES, print_json, print_line

app = typer.Typer(
    help="What a CI server asks: what commits touched, what waits for delivery; and a comment in the pull request.",
    no_args_is_help=True,
)


FolderArgument = Annotated[Path, typer.Argument(metavar="FOLDER", help="Where --reports put the reports.")]


@app.command("changes", epilog=EXIT_CODES)
def _changes(
    base: Annotated[str, typer.Option(metavar="REF", help="Compare with this; else what the CI server names.")] = "",
) -> None:
    """What the commits since REF touched, and which tests that asks for."""
    from weighbridge.ci.changes import base_of, changes

    print_json(changes(Path.cwd(), base or base_of(os.environ)).model_dump(mode="json"))


@app.command("pending", epilog=EXIT_CODES)
def _pending(
    pipeline: PipelineArgument,
    source: Annotated[str, typer.Option("--from", metavar="STAGE", help="Stage whose model is delivered.")] = "staging",
    destinations: DestinationsOption = "",
    store: StoreOption = "",
    workdir: WorkdirOption = WORKDIR,
) -> None:
    """The stages that the model of STAGE has yet to reach."""
    from weighbridge.ci.pending import pending

    print_json(pending(pipeline, source, workdir, destinations, store))


@app.command("summary", epilog=EXIT_CODES)
def _summary(folder: FolderArgument) -> None:
    """All verdicts of a build as one Markdown text."""
    from weighbridge.ci.summary import summary

    sys.stdout.write(summary(folder))


@app.command("comment", epilog=EXIT_CODES)
def _comment(folder: FolderArgument, as_json: JsonOption = False) -> None:
    """Say in the pull request what the build's runs came to: one comment, which the next build replaces.

    GitHub and GitLab, from GitHub Actions, GitLab CI or Jenkins: which pull request, and the token, is taken from the
    environment (WEIGHBRIDGE_GITHUB_TOKEN or GITHUB_TOKEN; WEIGHBRIDGE_GITLAB_TOKEN or GITLAB_TOKEN). The exit code says
    whether the comment is there, not what the verdict is.
    """
    from dataclasses import asdict

    from weighbridge.ci.comment.post import post_comments
    from weighbridge.cli.display import print_warnings

    posted = post_comments(folder, os.environ)
    if as_json:
        print_json([asdict(each) for each in posted])
    for each in posted:
        if not as_json:
            pictures = f" with {each.pictures} pictures" if each.pictures else ""
            print_line(f"{each.pipeline}: comment {each.action}{pictures}: {each.url}".removesuffix(": "))
        if each.warning:
            print_warnings([f"the comment on {each.pipeline} shows no pictures: {each.warning}"])

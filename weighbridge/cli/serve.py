"""`weighbridge serve`: what is in production behind a model server, on this machine."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli.options import WORKDIR, DestinationsOption, PipelineArgument, StoreOption, WorkdirOption
from weighbridge.cli.output import print_line
from weighbridge.common.errors import UsageError

if TYPE_CHECKING:
    from weighbridge.components.production_model.record import ProductionRecord
    from weighbridge.definition import Definition
    from weighbridge.runs.workspace import Workspace
    from weighbridge.serving.settings import Settings

SAMPLES_FILE = "samples.jsonl"

_LISTEN = "Listening"
_LOAD = "Load"
_LOG = "Log of requests"


def serve(
    pipeline: PipelineArgument,
    stage: Annotated[
        str,
        typer.Option("--from", "--deliver-to", "--stage", metavar="STAGE", help="Serve this stage, e.g. staging."),
    ] = "",
    destination: Annotated[
        str, typer.Option("--destination", metavar="FOLDER|URI", help="Serve what is there, e.g. gs://models/taxi.")
    ] = "",
    version: Annotated[
        int, typer.Option("--version", min=0, metavar="N", help="Serve this version; else the one in production.")
    ] = 0,
    signature: Annotated[
        str, typer.Option("--signature", metavar="NAME", help="Call this signature; else that of gates.yaml.")
    ] = "",
    watch: Annotated[
        float, typer.Option("--watch", min=0, metavar="S", help="Follow production: look every S seconds. 0: never.")
    ] = 5.0,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; 0.0.0.0 for all.", rich_help_panel=_LISTEN)
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Of REST; 0: a free one.", rich_help_panel=_LISTEN)
    ] = 8080,
    grpc_port: Annotated[
        int,
        typer.Option("--grpc-port", min=-1, max=65535, help="0: a free one, -1: none.", rich_help_panel=_LISTEN),
    ] = 8081,
    drain: Annotated[
        float,
        typer.Option(
            "--drain", min=0, metavar="S", help="On SIGTERM answer on so long, not ready.", rich_help_panel=_LISTEN
        ),
    ] = 0.0,
    workers: Annotated[
        int, typer.Option("--workers", min=0, help="Calls of the model at once; 0: one per CPU.", rich_help_panel=_LOAD)
    ] = 0,
    max_batch: Annotated[
        int,
        typer.Option("--max-batch", min=1, help="Most rows that waiting requests share.", rich_help_panel=_LOAD),
    ] = 64,
    batch: Annotated[
        bool,
        typer.Option("--batch/--no-batch", help="Let waiting requests share a call.", rich_help_panel=_LOAD),
    ] = True,
    batch_delay: Annotated[
        float,
        typer.Option(
            "--batch-delay", min=0, max=1000, metavar="MS", help="Wait for others so long.", rich_help_panel=_LOAD
        ),
    ] = 0.0,
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, help="Requests at once; more get 429.", rich_help_panel=_LOAD)
    ] = 256,
    max_request_bytes: Annotated[
        int, typer.Option("--max-request-bytes", min=1, help="Longer ones get 413.", rich_help_panel=_LOAD)
    ] = 4 << 20,
    unknown: Annotated[
        bool,
        typer.Option("--ignore-unknown", help="Drop features that the model lacks; else 400.", rich_help_panel=_LOAD),
    ] = False,
    log: Annotated[
        str, typer.Option("--log", metavar="FOLDER", help="Log requests there, as Parquet.", rich_help_panel=_LOG)
    ] = "",
    sample_log: Annotated[
        float,
        typer.Option("--sample-log", min=0, max=1, metavar="SHARE", help="Log this share.", rich_help_panel=_LOG),
    ] = 1.0,
    log_fields: Annotated[
        str,
        typer.Option(
            "--log-fields", metavar="NAMES", help="Features to log, e.g. trip_*,fare; else none.", rich_help_panel=_LOG
        ),
    ] = "",
    log_bytes: Annotated[
        int, typer.Option("--log-bytes", min=1 << 20, help="Most; the oldest goes first.", rich_help_panel=_LOG)
    ] = 256 << 20,
    tf_serving: Annotated[
        str,
        typer.Option(
            "--write-tf-serving", metavar="FOLDER", help="Start nothing: write TensorFlow Serving's configuration."
        ),
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Start nothing: print the server's command line.")] = False,
    destinations: DestinationsOption = "",
    store: StoreOption = "",
    workdir: WorkdirOption = WORKDIR,
) -> None:
    """Serve what is in production of PIPELINE: V1 and V2 over HTTP, V2 over gRPC, and metrics for Prometheus.

    The model's bytes are held against its record, and its signed verdict is verified where WEIGHBRIDGE_VERIFY_KEY is
    set. It is ready when it has answered real rows, and follows production without a failed request: a new version is
    verified and warmed up beside the old one. Ctrl-C or SIGTERM ends it when what was asked is answered.
    """
    from weighbridge.definition import load
    from weighbridge.runs.workspace import Workspace
    from weighbridge.serving.settings import Settings

    if stage and destination:
        raise UsageError("--from and --destination exclude each other", "A stage has a destination: see delivery.")
    definition = load(pipeline)
    workspace = Workspace(workdir, definition.name)
    address, chosen, inputs = _where(definition, workspace, stage, destination, destinations, store)
    record = _record(pipeline, address, version, stage, destination)
    settings = Settings(
        name=definition.name,
        model=address,
        version=version,
        pipeline=definition.name,
        signature=signature or chosen,
        inputs={} if signature and signature != chosen else inputs,
        host=host,
        port=port,
        grpc_port=grpc_port,
        watch=0.0 if version else watch,
        threads=workers,
        concurrency=concurrency,
        max_batch=max_batch if batch else 1,
        batch_delay_ms=batch_delay,
        max_request_bytes=max_request_bytes,
        ignore_unknown=unknown,
        log=str(Path(log).absolute()) if log else "",
        sample_log=sample_log,
        log_fields=log_fields,
        log_bytes=log_bytes,
        drain_seconds=drain,
    )
    if tf_serving:
        _write_tf_serving(Path(tf_serving), settings, address, record)
        return
    _serve(settings, workspace, record, dry_run)


def _where(
    definition: "Definition", workspace: "Workspace", stage: str, destination: str, destinations: str, store: str
) -> tuple[str, str, dict[str, Any]]:
    """Address of the destination, the signature that is called, and its inputs that are the same in all requests."""
    from weighbridge.runs.stages import delivery_policy, stage_destinations
    from weighbridge.storage.destination import is_remote, local_destination
    from weighbridge.thresholds.delivery import PRODUCTION

    delivery, latency = delivery_policy(definition.folder)
    if not destination:
        stage = stage or PRODUCTION
        delivery.stage(stage)  # refuses an unknown one
        destination = stage_destinations(workspace, delivery, destinations, store)[stage]
    address = destination if is_remote(destination) else str(local_destination(destination).absolute())
    return address, latency.signature if latency else "serving_default", dict(latency.inputs) if latency else {}


def _record(pipeline: str, address: str, version: int, stage: str, destination: str) -> "ProductionRecord":
    from weighbridge.components.production_model.fetch import version_record
    from weighbridge.components.production_model.standing import read_record

    record = version_record(address, version) if version else read_record(address)
    if record is None:
        place = f" --destination {shlex.quote(destination)}" if destination else ""
        first = f"weighbridge run {pipeline}" + (f" --deliver-to {stage}" if stage else place)
        raise UsageError(f"Nothing is in production of {pipeline} yet, at {address}", f"Push a model first: {first}")
    return record


def _serve(settings: "Settings", workspace: "Workspace", record: "ProductionRecord", dry_run: bool) -> None:
    import json
    from dataclasses import replace

    from weighbridge.common.files import write_text
    from weighbridge.delivery.sample_rows import label_of, sample_rows
    from weighbridge.serving.command import run, server_command

    command, environ = server_command(settings)  # first of all: whether there is anything to start
    rows = sample_rows(workspace, record)
    if rows:
        path = workspace.folder / "serving" / SAMPLES_FILE
        write_text(path, "".join(json.dumps(row) + "\n" for row in rows))
        settings = replace(settings, samples=str(path))
    settings = replace(settings, label=label_of(workspace, record))
    command = command[:3] + settings.arguments()
    if dry_run:
        print_line(shlex.join(command))
        return
    where = f"{settings.model}/{record.version}"
    print_line(f"starting {settings.name} version {record.version}, {record.model_digest}, of {where}")
    raise typer.Exit(run(command, environ))


def _write_tf_serving(folder: Path, settings: "Settings", address: str, record: "ProductionRecord") -> None:
    from weighbridge.serving.tensorflow_serving import write

    command = write(folder.absolute(), settings, address, record.version)
    print_line(f"{folder}: {settings.name} version {record.version} of {address}. Serve it:")
    print_line(command)

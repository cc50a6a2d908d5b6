"""What a model server is told: read from its command line, and written into one by whoever starts it."""

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from weighbridge.common.errors import UsageError

LOOPBACK = "127.0.0.1"
MEBIBYTE = 1 << 20


def _told(default: Any, text: str, metavar: str = "N") -> Any:
    """A field with its default and what `--help` says of it."""
    metadata = {"help": text, "metavar": metavar}
    if isinstance(default, dict):
        return field(default_factory=dict, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """The settings of one model server. Each is an option of `python -m weighbridge.serving` of the same name."""

    name: str = field(metadata={"help": "the model's name in addresses and metrics", "metavar": "NAME"})
    model: str = field(metadata={"help": "a version's folder, or a destination (folder or address)", "metavar": "DIR"})
    version: int = _told(0, "serve this version; else what production.json says, or the newest folder of a number")
    pipeline: str = _told("", "the model must have been weighed for this pipeline", "NAME")
    signature: str = _told("serving_default", "signature that is called", "NAME")
    inputs: Mapping[str, Any] = _told({}, "inputs of the signature with one value in all requests", "JSON")
    label: str = _told("", "column that is taken from rows and not sent to the model", "NAME")
    host: str = _told(LOOPBACK, "address to listen on; 0.0.0.0 for every interface", "ADDRESS")
    port: int = _told(8080, "port of REST; 0 for a free one")
    grpc_port: int = _told(8081, "port of gRPC; 0 for a free one, -1 for none")
    watch: float = _told(0.0, "look every so many seconds whether production changed, and follow; 0 never looks", "S")
    threads: int = _told(0, "calls of the model at once; 0 for one per CPU")
    concurrency: int = _told(256, "requests at once; one more is answered with 429 and Retry-After")
    max_batch: int = _told(64, "most rows that one call of the model gets from waiting requests; 1 for no batching")
    batch_delay_ms: float = _told(0.0, "how long a request waits for others; 0 takes only those that wait", "MS")
    max_request_bytes: int = _told(4 * MEBIBYTE, "a longer request is answered with 413")
    max_rows: int = _told(10_000, "a request of more rows is answered with 413")
    ignore_unknown: bool = _told(False, "drop features that the model does not have, rather than answer 400")
    samples: str = _told("", "JSON lines with rows that the model is warmed up with", "FILE")
    log: str = _told("", "folder for the log of requests, as Parquet", "FOLDER")
    sample_log: float = _told(1.0, "share of requests that are logged", "SHARE")
    log_fields: str = _told("", "features that are logged, separated by commas; * stands for anything", "NAMES")
    log_bytes: int = _told(256 * MEBIBYTE, "most bytes of logs; the oldest file goes first")
    log_file_rows: int = _told(10_000, "rows of one file of the log")
    log_seconds: float = _told(30.0, "a file of the log is closed after so many seconds", "S")
    drain_seconds: float = _told(0.0, "on SIGTERM go on answering for so long, no longer ready, then stop", "S")
    grace_seconds: float = _told(30.0, "how long requests that are being answered may take at the end", "S")

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            UsageError: names the option.
        """
        limits = {
            "port": (0, 65535),
            "grpc_port": (-1, 65535),
            "version": (0, None),
            "watch": (0, None),
            "threads": (0, 1024),
            "concurrency": (1, None),
            "max_batch": (1, None),
            "batch_delay_ms": (0, 1000),
            "max_request_bytes": (1, None),
            "max_rows": (1, None),
            "sample_log": (0, 1),
            "log_bytes": (MEBIBYTE, None),
            "log_file_rows": (1, None),
            "log_seconds": (0.1, None),
            "drain_seconds": (0, None),
            "grace_seconds": (0, None),
        }
        for name, (least, most) in limits.items():
            value = getattr(self, name)
            if not least <= value or (most is not None and value > most):
                allowed = f"from {least} to {most}" if most is not None else f"at least {least}"
                raise UsageError(f"{option(name)} {value} is not allowed", f"Give {allowed}.")
        if not self.name or not self.name.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise UsageError(f"--name {self.name!r} is no name of a model", "Use letters, digits, -, _ and dots.")

    @property
    def workers(self) -> int:
        """Calls of the model at once."""
        return self.threads or len(os.sched_getaffinity(0))

    def arguments(self) -> list[str]:
        """The command line that gives these settings; what is as by default is left out."""
        found = []
        for each in fields(self):
            value = getattr(self, each.name)
            default = each.default_factory() if each.default_factory is not MISSING else each.default
            if value is True:
                found.append(option(each.name))
            elif value != default:
                found += [option(each.name), json.dumps(dict(value)) if each.name == "inputs" else str(value)]
        return found


def option(name: str) -> str:
    """The option of a setting."""
    return f"--{name.replace('_', '-')}"


def parse(arguments: Sequence[str] | None = None) -> Settings:
    """The settings of a command line.

    Raises:
        UsageError: a value is not allowed.
        SystemExit: an option is unknown, or `--help` was asked for.
    """
    parser = argparse.ArgumentParser("python -m weighbridge.serving", description=(__doc__ or "").split(":")[0] + ".")
    for each in fields(Settings):
        required = each.default is MISSING and each.default_factory is MISSING
        if each.default is False:
            parser.add_argument(option(each.name), action="store_true", help=each.metadata["help"])
            continue
        kind: Any = {float: float, int: int}.get(type(each.default), str)
        parser.add_argument(
            option(each.name),
            type=_inputs if each.name == "inputs" else kind,
            required=required,
            default=None if required else {} if each.name == "inputs" else each.default,
            metavar=each.metadata["metavar"],
            help=each.metadata["help"] + ("" if required or not each.default else f" (default: {each.default})"),
        )
    return Settings(**vars(parser.parse_args(arguments)))


def _inputs(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no JSON: {error}") from error
    if not isinstance(given, dict) or not all(isinstance(each, bool | int | float | str) for each in given.values()):
        raise argparse.ArgumentTypeError(f'{text!r} does not give one value per input, as {{"k": 100}} does')
    return given

"""`python -m benchmarks verify`: what `weighbridge verify` costs for a large model, beside reading its bytes once.

A model of one file, as TensorFlow writes variables, signed; the file cache is warm. The programs take turns.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from weighbridge.attestation import here
from weighbridge.attestation.attest import attest
from weighbridge.attestation.manifest import read_manifest
from weighbridge.attestation.signer import signer_here
from weighbridge.common.environment import SIGNING_KEY_VARIABLE
from weighbridge.evidence.provenance import Provenance
from weighbridge.verdict import Gate, Verdict

_GATE = Gate(name="quality.auc.min", status="passed", observed=0.9, threshold=0.8, message="auc is 0.9.")


def main(
    megabytes: Annotated[int, typer.Option(help="Size of the model.")] = 1024,
    repeats: Annotated[int, typer.Option(help="How often each is run, turn about.")] = 5,
) -> None:
    """Measure `weighbridge verify` against sha256sum and against Python's own SHA-256 of the same file."""
    with tempfile.TemporaryDirectory() as folder:
        model, public = _signed(Path(folder), megabytes << 20)
        file = model / "variables/variables.data-00000-of-00001"
        digest = f"import hashlib; hashlib.file_digest(open({str(file)!r}, 'rb', buffering=0), 'sha256')"
        programs = {
            "`weighbridge verify`": [sys.executable, "-m", "weighbridge", "verify", str(model), "--key", str(public)],
            "Python's SHA-256 of the file": [sys.executable, "-c", digest],
            "`sha256sum` of the file": ["sha256sum", str(file)],
        }
        seconds: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(repeats + 1):  # the first warms the cache
            for name, words in programs.items():
                began = time.monotonic()
                subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
                seconds[name].append(time.monotonic() - began)
    ours = seconds["`weighbridge verify`"][1:]
    typer.echo(f"| {megabytes:,} MiB, {repeats} rounds | wall | verify / it |\n| --- | ---: | ---: |")
    for name, measured in seconds.items():
        ratio = statistics.median(mine / other for mine, other in zip(ours, measured[1:], strict=True))
        typer.echo(f"| {name} | {statistics.median(measured[1:]):.2f} s | {ratio:.2f}x |")


def _signed(folder: Path, size: int) -> tuple[Path, Path]:
    """A model of so many bytes with its evidence beside it, and the public key that verifies it."""
    model, evidence = folder / "model", folder / ".weighbridge/model"
    (model / "variables").mkdir(parents=True)
    evidence.mkdir(parents=True)
    (model / "saved_model.pb").write_bytes(os.urandom(1 << 20))
    with (model / "variables/variables.data-00000-of-00001").open("wb") as file:
        for _ in range(size >> 20):
            file.write(os.urandom(1 << 20))
    private, public = folder / "signing.key", folder / "signing.pub"
    for words in (
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(private)],
        ["openssl", "ec", "-in", str(private), "-pubout", "-out", str(public)],
    ):
        subprocess.run(words, check=True, capture_output=True)
    manifest = read_manifest(model)
    verdict = Verdict.of([_GATE], pipeline="bench", run_id="run-1", subject={"model": manifest.tree_digest})
    provenance = Provenance(
        pipeline="bench",
        run_id="run-1",
        weighed_at=datetime.now(UTC),
        machine=here.machine(),
        software=here.software(),
    )
    signer = signer_here({SIGNING_KEY_VARIABLE: str(private)})
    for name, data in attest(manifest, verdict, provenance, signer=signer).items():
        (evidence / name).write_bytes(data)
    return model, public

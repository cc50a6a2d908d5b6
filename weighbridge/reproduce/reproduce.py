"""Makes a pushed model again: checks first what that takes, then trains once, and compares."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import weighbridge
from weighbridge.attestation import here
from weighbridge.attestation.keys import Trust
from weighbridge.common import files
from weighbridge.common.digests import folder_digest, is_installed
from weighbridge.common.errors import UsageError
from weighbridge.components.production_model.fetch import fetch_version
from weighbridge.evidence.provenance import Origin, Provenance, TrainingOrigin
from weighbridge.reproduce import data
from weighbridge.reproduce.cleared import cleared_folder
from weighbridge.reproduce.code import Code, check_out, find_code
from weighbridge.reproduce.compare import compare_files, compare_variables
from weighbridge.reproduce.intervals import compare_metrics
from weighbridge.reproduce.libraries import find_libraries, make_environment, own_package
from weighbridge.reproduce.parents import put_into_production
from weighbridge.reproduce.result import MetricComparison, Reproduction
from weighbridge.reproduce.training import Asked, Ran, run
from weighbridge.runs.models import FoundModel
from weighbridge.verdict import Verdict

_LOOKED_UP_AT = "production_at"
_TRAINER, _EVALUATOR = "Trainer", "Evaluator"

Told = Callable[[str], None]


@dataclass(frozen=True)
class Recorded:
    """What is kept of how a model was made.

    Attributes:
        verdict: that it was pushed on.
        provenance: of it.
        origin: of the run.
        training: that made it.
    """

    verdict: Verdict
    provenance: Provenance
    origin: Origin
    training: TrainingOrigin


def recorded(found: FoundModel) -> Recorded:
    """Read how a pushed model was made; where keys are trusted, only what one of them signed.

    Raises:
        UsageError: it was pushed without that, parts of it are missing, or it is not to be believed.
        InfrastructureError: the store cannot be reached.
    """
    trust = Trust.of() or None
    attested = found.attested(trust)
    again = "Push the model again, with this version of Weighbridge and its own components."
    provenance = attested.provenance if attested else None
    if attested is None or provenance is None:
        raise UsageError(f"Nothing says how {found.path} was made: it was pushed without its provenance", again)
    weighing = attested.weighing
    if trust is not None and (weighing.problem or not weighing.signed_by):
        raise UsageError(
            f"What is attested with {found.path} is not to be believed: {weighing.problem or 'nobody signed it'}",
            "Only what a key of WEIGHBRIDGE_VERIFY_KEY signed is followed: weighbridge verify says more.",
        )
    if attested.verdict.digest != found.record.verdict_digest:
        raise UsageError(
            f"What is attested with {found.path} speaks of another verdict than the one it was pushed on",
            "Restore it from a copy: weighbridge verify says what was changed.",
        )
    if provenance.origin is None:
        raise UsageError(f"The provenance of {found.path} does not say which pipeline and code made it", again)
    if provenance.training is None:
        raise UsageError(
            f"The provenance of {found.path} does not say how it was trained", "Train with Weighbridge's Trainer."
        )
    return Recorded(attested.verdict, provenance, provenance.origin, provenance.training)


def reproduce(
    found: FoundModel,
    *,
    other_data: str = "",
    as_installed: bool = False,
    keep: str = "",
    told: Told = lambda line: None,
) -> Reproduction:
    """Make a pushed model again and compare the two.

    Everything that this takes is looked for before anything starts. Nothing is changed: the code is checked out beside
    the one here, the run has a work directory of its own, and both are gone afterwards.

    Args:
        found: the model.
        other_data: where its data are now; empty for where they were.
        as_installed: take the libraries that are installed, whatever versions they are.
        keep: folder to keep the model that was made again in; empty for none.
        told: called with a line as each piece of work ends.

    Raises:
        UsageError: data, code or a parent are missing or are not what they were; nothing was started.
        InfrastructureError: the machine, the network or a store failed.
    """
    if keep and Path(keep).exists() and not (Path(keep).is_dir() and not any(Path(keep).iterdir())):
        raise UsageError(f"--keep {keep} is there already, and not an empty folder", "Name a new folder.")
    of = recorded(found)
    told(f"{found.path}: {of.provenance.pipeline} run {of.provenance.run_id}, seed {of.training.seed}")
    given = str(of.origin.parameters.get("data") or "")
    code = find_code(of.origin)
    bases = [base for base in (code.here, code.repository) if base is not None]
    verified = data.verify(of.provenance.data, given, other_data, bases)
    told(f"code: {code.described}")
    libraries = find_libraries(of.training.software, as_installed=as_installed)
    told(f"libraries: {libraries.described}")
    with cleared_folder(code.repository if code.commit else None) as scratch:
        pushed = scratch / "pushed"
        fetch_version(found.destination, found.version, pushed)
        root = check_out(code, of.origin, scratch / "code")
        laid = data.lay(verified, given, scratch / "data")
        told(f"data: {laid.described}, each with the recorded SHA-256")
        workdir = scratch / "work"
        if of.training.warm_start:
            places = (found.destination, of.verdict.subject.get(_LOOKED_UP_AT, ""))
            version = put_into_production(
                of.training.warm_start, places, workdir / of.provenance.pipeline / "production"
            )
            told(f"start: version {version}, from which the training started")
        python, paths = sys.executable, _paths(code, scratch / "code")
        if libraries.differing:
            source = scratch / "code" if code.commit else code.repository or root
            python = str(make_environment(of.training.software, source, scratch / "environment"))
            paths = (*paths, str(own_package(scratch / "own")))
        asked = Asked(python, root, paths, of.origin.module, of.origin.parameters, laid.data, workdir)
        log = scratch / "log.txt"
        began = time.monotonic()
        ran = run(asked, _step(of.origin, _TRAINER), told, log)
        seconds = time.monotonic() - began
        made = _made(ran)
        identical = folder_digest(made) == found.record.model_digest
        metrics: tuple[MetricComparison, ...] = ()
        if not identical:
            told("the bytes differ: measuring how far")
            metrics = compare_metrics(of.verdict, run(asked, _step(of.origin, _EVALUATOR), told, log).verdict)
        result = Reproduction(
            model=found.path,
            pipeline=of.provenance.pipeline,
            run_id=of.provenance.run_id,
            commit=of.origin.commit,
            code=code.described,
            data=laid.described,
            libraries=libraries.described,
            seed=of.training.seed,
            pushed=found.record.model_digest,
            made_again=folder_digest(made),
            files=compare_files(pushed, made),
            variables=() if identical else compare_variables(pushed, made),
            metrics=metrics,
            notes=tuple(_notes(of, ran)),
            seconds=round(seconds, 1),
            folder=str(Path(keep).absolute()) if keep else "",
        )
        if keep:
            _keep(made, log, Path(keep))
    return result


def _paths(code: Code, checked_out: Path) -> tuple[str, ...]:
    """Where else modules are imported from: as here, but what lies in the repository is taken from its commit."""
    package = Path(str(weighbridge.__file__)).parents[1]
    given = list(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
    paths = [Path(path).resolve() for path in [*given, *([] if is_installed(package) else [str(package)])]]
    if code.commit and code.repository is not None:
        root = code.repository.resolve()
        paths = [checked_out / path.relative_to(root) if path.is_relative_to(root) else path for path in paths]
    return tuple(dict.fromkeys(map(str, paths)))


def _step(origin: Origin, name: str) -> str:
    """The pipeline's step of this kind: of this name, or one whose name holds it."""
    known = list(origin.code)
    return name if name in known else next((each for each in known if name in each), name)


def _made(ran: Ran) -> Path:
    made = ran.model()
    if made is None:
        why = next(iter(ran.refusals()), "its run ended before the training")
        raise UsageError(
            f"The pipeline came to no model this time: {why}",
            "Were the thresholds changed without a commit, or is a part of the data missing?",
        )
    return made


def _notes(of: Recorded, ran: Ran) -> Iterable[str]:
    """What the outcome may be owed to."""
    machine = here.machine()
    if of.training.machine.cpu != machine.cpu:
        yield f"The model was trained on {of.training.machine.cpu}, here is {machine.cpu}: the last bits may differ."
    if of.training.machine.cores != machine.cores:
        yield f"The model was trained on {of.training.machine.cores} cores, and here are {machine.cores}."
    if of.training.machine.accelerators:
        yield f"The model was trained on {', '.join(of.training.machine.accelerators)}."
    if not of.training.deterministic:
        yield "The model was trained with deterministic=False: the same seed need not give the same bits."
    versions = ran.libraries()
    for name, version in of.training.software.libraries.items():
        if versions and versions.get(name, version) != version:
            yield f"It was made again with {name} {versions[name]}; the model had {version}."
    code = ran.code()
    other = [step for step, digest in of.origin.code.items() if step in code and code[step] != digest]
    if other:
        yield f"The code of {', '.join(other)} is not what made the model: is Weighbridge itself another version?"
    digests = {origin.content_digest for origin in of.provenance.data}
    if digests.isdisjoint(ran.content_digests()):
        yield "The same files came to other examples: the code that reads them is another."


def _keep(made: Path, log: Path, folder: Path) -> None:
    files.copy_tree(made, folder / "model")
    shutil.copyfile(log, folder / "log.txt")

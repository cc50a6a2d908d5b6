"""Where the stages are: what a file or the policy says, else in the store that builds share, else in the workspace."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import RootModel, ValidationError

from weighbridge.common.errors import UsageError
from weighbridge.common.yaml_file import read_yaml
from weighbridge.components.evaluator.gates import LatencyGates
from weighbridge.runs.workspace import Workspace
from weighbridge.storage.destination import open_destination
from weighbridge.storage.git.address import is_git
from weighbridge.storage.place import open_store
from weighbridge.storage.schemes import is_address
from weighbridge.thresholds import THRESHOLDS_FILE, Delivery, Gates, load_gates
from weighbridge.thresholds.delivery import PRODUCTION


class _Destinations(RootModel[dict[str, str]]):
    pass


def delivery_policy(folder: Path) -> tuple[Delivery, LatencyGates | None]:
    """The policy in the thresholds file of a pipeline's folder, and its `latency` section, which names the signature.

    Where there is no such file it is the default policy, and None.

    Raises:
        UsageError: the file cannot be read.
    """
    gates = present_gates(folder)
    return (Delivery(), None) if gates is None else (gates.delivery, gates.latency)


def present_gates(folder: Path) -> Gates | None:
    """The thresholds of a pipeline's folder as they are now; None where there is no such file.

    Raises:
        UsageError: the file cannot be read.
    """
    path = folder / THRESHOLDS_FILE
    if not path.exists() and not path.is_symlink():
        return None
    return load_gates(path)


def run_destinations(
    workspace: Workspace, folder: Path, stage: str, destinations: str = "", store: str = ""
) -> tuple[str, str]:
    """Where a run that delivers to a stage looks up production, and where it pushes to.

    Args:
        workspace: as for `stage_destinations`.
        folder: the folder of the pipeline's definition.
        stage: the stage to deliver to.
        destinations: as for `stage_destinations`.
        store: as for `stage_destinations`.

    Raises:
        UsageError: there is no such stage, a person must approve what goes there, or as for `stage_destinations`.
    """
    delivery, _ = delivery_policy(folder)
    check_needs_no_approval(workspace.pipeline, delivery, stage)
    found = stage_destinations(workspace, delivery, destinations, store)
    return found[PRODUCTION], found[stage]


def check_needs_no_approval(pipeline: str, delivery: Delivery, stage: str) -> None:
    """A run pushes to no stage that a person must approve.

    Raises:
        UsageError: there is no such stage, or a person must approve what goes there.
    """
    if delivery.stage(stage).approval == "required":
        first = delivery.names[0]
        raise UsageError(
            f"What goes to {stage} must be approved, which a run cannot be",
            f"Run with --deliver-to {first}; then: "
            f"weighbridge promote {pipeline} --from {first} --to {stage} --approved-by NAME.",
        )


def stage_destinations(
    workspace: Workspace, delivery: Delivery, destinations: str = "", store: str = ""
) -> dict[str, str]:
    """The destination of each stage: a folder's path, or an address such as `gs://bucket/prefix`.

    Args:
        workspace: whose folder holds the stages that have no destination of their own, where there is no store.
        delivery: the policy.
        destinations: comes before the policy: a YAML or JSON file that maps stages to destinations; empty for none.
        store: folder or address in which stages that have no destination of their own lie as `<pipeline>/<stage>`;
            empty for none.

    Raises:
        UsageError: the file cannot be read, names an unknown stage, two stages lie at one destination, or a destination
            is neither a folder nor the address of a store.
    """
    given = _read(destinations, delivery) if destinations else {}
    home = open_store(store).path(workspace.pipeline) if store else str(workspace.home)
    found = {
        stage.stage: open_destination(given.get(stage.stage) or stage.destination or f"{home}/{stage.stage}").address
        for stage in delivery.root
    }
    _check_apart(found)
    return found


def _read(destinations: str, delivery: Delivery) -> Mapping[str, str]:
    if is_address(destinations):
        raise UsageError(
            f"--destinations {destinations} is an address, and no file that maps stages to destinations",
            f"One address for all builds and stages is a store: --store {destinations} (or WEIGHBRIDGE_STORE).",
        )
    if is_git(destinations):
        raise UsageError(
            f"--destinations {destinations} is an address, and no file that maps stages to destinations",
            "Name it in that file: production: git+https://…; or for one run or look: --destination ADDRESS.",
        )
    path = Path(destinations)
    try:
        given = _Destinations.model_validate(read_yaml(path).content).root
    except OSError as error:
        raise UsageError(f"--destinations {path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise UsageError(
            f"--destinations {path} is not a mapping of stages to destinations", "E.g. staging: /models/s"
        ) from error
    for name in given:
        delivery.stage(name)
    return given


def _check_apart(found: Mapping[str, str]) -> None:
    by_address: dict[str, str] = {}
    for name, address in found.items():
        if address in by_address:
            raise UsageError(
                f"The stages {by_address[address]} and {name} share one destination, {address}", "Give each its own."
            )
        by_address[address] = name

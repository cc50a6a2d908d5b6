"""Where the stages are: folders below the workspace, or what the policy or a file says."""

from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import RootModel, ValidationError

from weighbridge.common.errors import UsageError
from weighbridge.components.evaluator.gates import LatencyGates
from weighbridge.runs.workspace import Workspace
from weighbridge.storage.destination import open_destination
from weighbridge.thresholds import GATES_FILE, Delivery, load_gates


class _Places(RootModel[dict[str, str]]):
    pass


def policy(folder: Path) -> tuple[Delivery, LatencyGates | None]:
    """The policy in the thresholds file of a pipeline's folder, and its `latency` section, which names the signature.

    Where there is no such file it is the default policy, and None.

    Raises:
        UsageError: the file cannot be read.
    """
    path = folder / GATES_FILE
    if not path.is_file():
        return Delivery(), None
    gates = load_gates(path)
    return gates.delivery, gates.latency


def places(workspace: Workspace, delivery: Delivery, file: str = "") -> dict[str, str]:
    """The destination of each stage: a folder's path, or `gs://bucket/prefix`.

    Args:
        workspace: whose folder holds the stages that have no place of their own.
        delivery: the policy.
        file: YAML or JSON that maps stages to destinations and comes before the policy; empty for none.

    Raises:
        UsageError: the file cannot be read, names an unknown stage, two stages lie at one place, or a destination
            is neither a folder nor `gs://bucket/prefix`.
    """
    given = _read(Path(file), delivery) if file else {}
    found = {
        stage.stage: open_destination(
            given.get(stage.stage) or stage.destination or workspace.home / stage.stage
        ).address
        for stage in delivery.root
    }
    _check_apart(found)
    return found


def _read(path: Path, delivery: Delivery) -> Mapping[str, str]:
    try:
        given = _Places.model_validate(yaml.safe_load(path.read_text())).root
    except OSError as error:
        raise UsageError(f"--places {path} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValidationError) as error:
        raise UsageError(
            f"--places {path} is no mapping of stages to destinations", "E.g. staging: /models/s"
        ) from error
    for name in given:
        delivery.stage(name)
    return given


def _check_apart(found: Mapping[str, str]) -> None:
    by_place: dict[str, str] = {}
    for name, place in found.items():
        if place in by_place:
            raise UsageError(
                f"The stages {by_place[place]} and {name} lie at the same place, {place}", "Give each its own."
            )
        by_place[place] = name

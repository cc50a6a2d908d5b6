"""Kubeflow's own local engine, kfp.local with its DockerRunner, on podman.

Everything but the container itself is kfp's: it reads the package, orders and resolves tasks, and collects outputs.
How a container is run is replaced: some releases of kfp wait for a container that is removed by itself, and call a
failed component a success; all leave the container's user, network and file system open. Here it is created, started,
listened to, waited for and removed, under what Kubernetes' restricted profile allows, with a read-only root and no
network at all.

kfp.local knows no volumes, so what outlives a run must lie below the pipeline root, the one folder it mounts.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kfp import components, local
from kfp.local import config, docker_task_handler, status

from tests.patience import PATIENCE_S

USER = 1000


@dataclass(frozen=True)
class Ended:
    """A container that has ended: its command, exit code and log."""

    command: tuple[str, ...]
    code: int
    log: str


class Engine:
    """Runs packages; what the containers did is in `ended`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ended: list[Ended] = []
        root.mkdir(parents=True, exist_ok=True)
        os.chown(root, USER, USER)

    def run(self, package: Path, **parameters: Any) -> None:
        """Run a package.

        Raises:
            RuntimeError: kfp says that the pipeline failed.
        """
        local.init(runner=local.DockerRunner(), pipeline_root=str(self.root), raise_on_error=True)
        components.load_component_from_file(str(package))(**parameters)

    def outputs(self) -> list[Path]:
        """Folders of artifacts, in the order their steps ended: kfp.local lays them out as run/step/artifact."""
        files = sorted(self.root.glob("*/*/executor_output.json"), key=lambda path: path.stat().st_mtime)
        return [folder for file in files for folder in sorted(file.parent.iterdir()) if folder.is_dir()]


def install(engine: Engine, patch: pytest.MonkeyPatch) -> None:
    """Put the two replacements into kfp until the test ends, and its global configuration back then."""

    class Handler(docker_task_handler.DockerTaskHandler):
        def run(self) -> status.Status:
            ended = _run(self.image, self.full_command, self.get_volumes_to_mount())
            engine.ended.append(ended)
            sys.stdout.write(f"{ended.log}\nexit code {ended.code}\n")
            return status.Status.SUCCESS if ended.code == 0 else status.Status.FAILURE

    patch.setattr(docker_task_handler, "DockerTaskHandler", Handler)
    patch.setattr(config.LocalExecutionConfig, "instance", None)


def _run(image: str, command: list[str], volumes: dict[str, Any]) -> Ended:
    import docker

    client = docker.from_env(timeout=PATIENCE_S)
    try:
        container = client.containers.create(
            image,
            command,
            volumes=volumes,
            network_mode="none",
            user=f"{USER}:{USER}",
            read_only=True,
            tmpfs={"/tmp": "size=1g"},
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
        )
        try:
            container.start()
            log = b"".join(container.logs(stream=True, follow=True)).decode(errors="replace")
            return Ended(tuple(command), container.wait()["StatusCode"], log)
        finally:
            container.remove(force=True)
    finally:
        client.close()

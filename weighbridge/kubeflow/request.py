"""What `compile`, `submit` and `schedule create` share: the package that their options describe."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from weighbridge.common.errors import UsageError
from weighbridge.local.output_capture import discarded_output
from weighbridge.local.request import DEFAULT_WORKDIR

if TYPE_CHECKING:
    from weighbridge.definition import Definition
    from weighbridge.kubeflow.compile.package import Package


@dataclass(frozen=True)
class PackageRequest:
    """The options of the commands that compile a pipeline, as they were given.

    Attributes:
        pipeline: name, import path or file.
        data: input data, the default of the package's parameter; None for the pipeline's own.
        settings: changed parameters, `key=value`; None for none.
        image: that steps run in, by digest.
        pipeline_root: where artifacts go; empty for the server's own default.
        destination: what is looked up as production and pushed to; empty for a folder in a volume.
        volumes: whether production, checkpoints and earlier statistics are kept in volumes.
        allow_tag: accept an image that is named by a tag.
        fuse: whether steps that want the same machine share a pod.
        deliver_to: the stage that models are pushed to; empty for production.
        destinations: where stages lie, see `weighbridge.runs.stages`; empty for what the policy says.
        store: folder or address of what builds on all machines share, stages among it; empty for nothing.
    """

    pipeline: str
    data: str | None
    settings: list[str] | None
    image: str
    pipeline_root: str
    destination: str
    volumes: bool
    allow_tag: bool
    fuse: bool = False
    deliver_to: str = ""
    destinations: str = ""
    store: str = ""

    @cached_property
    def _definition(self) -> "Definition":
        from weighbridge.definition import load

        return load(self.pipeline)

    def compile(self, output: Path, *, pin_data: bool = True) -> "Package":
        """Compile the pipeline and write its package.

        Args:
            output: file to write, `.yaml`.
            pin_data: whether a run takes the data that are there now, and no others.

        Raises:
            UsageError: an option is not valid, something in the pipeline cannot run on Kubeflow, or a stage lies in a
                folder.
        """
        from weighbridge.kubeflow.compile.package import compile_package

        definition = self._definition
        parameters = definition.parameters(self.data, self.settings or ())
        production, deliver_to = self._places()
        with discarded_output():
            return compile_package(
                definition,
                parameters,
                output,
                image=self.image,
                pipeline_root=self.pipeline_root,
                destination=production,
                deliver_to=deliver_to,
                volumes=self.volumes,
                allow_tag=self.allow_tag,
                fuse=self.fuse,
                pin_data=pin_data,
            )

    def _places(self) -> tuple[str, str]:
        """What is looked up as production, and the stage to push to; empty for the defaults."""
        if self.destination and self.deliver_to:
            raise UsageError(
                "--destination and --deliver-to exclude each other", "Where stages lie say --store and --destinations."
            )
        if self.destination or not (self.deliver_to or self.store):
            return self.destination, ""
        from weighbridge.kubeflow.compile.checks import check_reachable
        from weighbridge.runs.stages import run_destinations
        from weighbridge.runs.workspace import Workspace
        from weighbridge.thresholds.delivery import PRODUCTION

        name, stage = self._definition.name, self.deliver_to or PRODUCTION
        workspace = Workspace(DEFAULT_WORKDIR, name)
        found = run_destinations(workspace, self._definition.folder, stage, self.destinations, self.store)
        for each, place in zip((PRODUCTION, stage), found, strict=True):
            check_reachable(each, place, name)
        return found if self.deliver_to else (found[0], "")

    @contextmanager
    def compiled(self, *, pin_data: bool = True) -> Iterator["Package"]:
        """The package in a temporary folder, which is removed when the block ends; see `compile`."""
        with tempfile.TemporaryDirectory(prefix="weighbridge-") as folder:
            yield self.compile(Path(folder, f"{self._definition.name}.yaml"), pin_data=pin_data)

"""The image of one's own: the image that steps run in, with the code of a pipeline and its libraries on top."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.common.resources import STEP_USER
from weighbridge.definition import Definition
from weighbridge.sbom.system import LEFT_IN_IMAGE

# The name that `make image` gives.
DEFAULT_BASE = "weighbridge"

# What the image is made of: written when it is built, and anew where libraries are added.
BILL_OF_MATERIALS = f"/opt/weighbridge/{LEFT_IN_IMAGE}"
# On PYTHONPATH in the image, see infra/docker/Dockerfile.
_OWN = "/own"
_REFERENCE = re.compile(r"[A-Za-z0-9][\w.:/-]{0,400}(@sha256:[0-9a-f]{64})?", re.ASCII)
_PLAIN = re.compile(r"[\w./-]+", re.ASCII)
_SHIPPED = "weighbridge.pipelines."


@dataclass(frozen=True)
class OwnImage:
    """What a Dockerfile is written from.

    Attributes:
        base: image that steps run in, by digest or name.
        root: folder that is sent to the build; all copied paths lie in it.
        copied: what is copied, relative to `root`, and where to.
        requirements: file of libraries to install, relative to `root`; None for none.
        hashed: whether it has hashes.
    """

    base: str
    root: Path
    copied: Sequence[tuple[str, str]]
    requirements: str | None = None
    hashed: bool = False

    @property
    def by_digest(self) -> bool:
        """Whether the base cannot change."""
        return "@sha256:" in self.base

    def dockerfile(self) -> str:
        """The Dockerfile: two lines, and five more where libraries are installed."""
        lines = [f"FROM {self.base}"]
        if self.requirements is not None:
            hashes = "--require-hashes " if self.hashed else ""
            lines += [
                "USER 0",
                _copy(self.requirements, "/tmp/requirements.txt"),  # noqa: S108, in an image
                f"RUN python -m pip install --no-cache-dir {hashes}-r /tmp/requirements.txt",
                f"RUN weighbridge sbom --system --output {BILL_OF_MATERIALS}",
                f"USER {STEP_USER}:{STEP_USER}",
            ]
        lines += [_copy(source, target) for source, target in self.copied]
        return "".join(f"{line}\n" for line in lines)

    def build_command(self, dockerfile: Path, tag: str, engine: str) -> list[str]:
        """The command that builds it."""
        return [engine, "build", "--file", str(dockerfile), "--tag", tag, str(self.root)]


def own_image(definition: Definition, base: str, add: Sequence[str] = (), requirements: str = "") -> OwnImage:
    """What the image of a pipeline holds: its package, or, of a module in no package, all that lies beside it.

    Args:
        definition: the pipeline.
        base: image that steps run in.
        add: further packages, folders below the one that the pipeline's package lies in.
        requirements: file of libraries to install, there too; empty for none.

    Raises:
        UsageError: the pipeline comes with the project, the base is no name of an image, or a path is not there or lies
            elsewhere.
    """
    if f"{definition.module}.".startswith(_SHIPPED):
        raise UsageError(
            f"{definition.name} comes with Weighbridge: the image that steps run in has it already",
            "Build that one: make image, see infra/docker/README.md. This command is for a pipeline of your own.",
        )
    if not _REFERENCE.fullmatch(base):
        raise UsageError(f"--base {base!r} is no name of an image", "Such as registry.example.com/weighbridge@sha256:…")
    top, *below = definition.module.split(".")
    root = Path(str(sys.modules[definition.module].__file__)).resolve().parents[len(below)]
    copied = [(top, f"{_OWN}/{top}")] if below else [(".", f"{_OWN}/")]
    for given in add:
        name = _inside(root, given, "--add")
        copied.append((name, f"{_OWN}/{name}"))
    if not requirements:
        return OwnImage(base, root, copied)
    name = _inside(root, requirements, "--requirements")
    return OwnImage(base, root, copied, name, "--hash=" in (root / name).read_text(encoding="utf-8", errors="replace"))


def find_engine() -> str:
    """The program that builds images here.

    Raises:
        UsageError: there is none.
    """
    for name in ("podman", "docker"):
        if shutil.which(name):
            return name
    raise UsageError(
        "Neither podman nor docker is on PATH",
        "Install one, or build the Dockerfile elsewhere: write it with -o, without --build.",
    )


def build(command: Sequence[str]) -> None:
    """Run a build; what it says goes to stderr.

    Raises:
        InfrastructureError: it failed: a registry or the engine may be unreachable; what it said tells.
    """
    code = subprocess.run(command, stdout=sys.stderr, check=False, stdin=subprocess.DEVNULL).returncode
    if code:
        raise InfrastructureError(
            f"The image was not built: {command[0]} ended with exit code {code}",
            "Mend what it says above, then run the same command again.",
        )


def _inside(root: Path, given: str, option: str) -> str:
    """A path relative to the folder that is sent to the build."""
    path = Path(given)
    if not path.exists():
        raise UsageError(
            f"{option} {given}: there is no such file or folder", "Give a path, relative to where you are."
        )
    found = path.resolve()
    if not found.is_relative_to(root):
        raise UsageError(f"{option} {given} does not lie in {root}, which is sent to the build", "Put it there.")
    return found.relative_to(root).as_posix()


def _copy(source: str, target: str) -> str:
    if _PLAIN.fullmatch(source):
        return f"COPY {source} {target}"
    return f"COPY {json.dumps([source, target], ensure_ascii=False)}"

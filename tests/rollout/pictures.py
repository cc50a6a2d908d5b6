"""Draws the timelines in docs/delivery.md anew, of a real delivery each: `python -m tests.rollout.pictures FOLDER`."""

import shutil
import sys
import tempfile
from pathlib import Path

from tests.rollout.models import export
from tests.rollout.test_deliveries import AT_ONCE, IN_STEPS, RATE
from tests.rollout.world import world

PICTURES = {
    "failing": (AT_ONCE, "canary-rolled-back.svg"),
    "good": (IN_STEPS, "canary-promoted.svg"),  # last: it is production then
}


def main(target: Path) -> None:
    """Deliver two models, and keep the pictures of their reports."""
    with tempfile.TemporaryDirectory() as home:
        models = {kind: export(Path(home) / kind, kind) for kind in ("stable", *PICTURES)}
        with world(Path(home) / "world", models["stable"], IN_STEPS, rate=RATE) as place:
            for kind, (gates, name) in PICTURES.items():
                place.shop.set_gates(gates)
                found = place.deliver(models[kind], kind)
                [picture] = sorted((found.verdict["folder"] / "charts").glob("*-rollout.svg"))
                shutil.copyfile(picture, target / name)
                sys.stdout.write(f"{kind}: exit {found.code} after {found.seconds:.0f} s, {target / name}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""`--store` with buckets behind real HTTP."""

import pytest

from tests.components.pusher.buckets import BUCKET, KINDS
from tests.weighbridge.local.test_run import calls
from tests.weighbridge.local.test_store import STAGE
from tests.weighbridge.shared import Machines, name_of

__all__ = ["calls"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=name_of)
def test_behind_real_http(kind, tmp_path, weighbridge, calls):
    """moto and gcp-storage-emulator, substitutes for the services."""
    with kind.server():
        machines = Machines(f"{kind.scheme}{BUCKET}/shared", tmp_path, weighbridge)
        first = machines.json("a", *STAGE)
        assert machines.json("b", *STAGE)["run"]["run_id"] == first["run"]["run_id"]
        calls()
        machines.json("c", *STAGE, "--set", "quality=0.8")
        assert calls() == ["Weigh", "found:1"]
        assert len(machines.json("d", "runs")) == 2

"""Files of thresholds and destinations that are no YAML are one error, whoever reads them."""

from pathlib import Path

import pytest

from weighbridge.common.errors import UsageError
from weighbridge.runs.stages import stage_destinations
from weighbridge.runs.workspace import Workspace
from weighbridge.thresholds import Delivery, load_gates

BROKEN = [b"a: caf\xe9", b"\xff\xfea\x00:\x00", b"[" * 5_000, b"a: [", b"a: \x00", b"a: 2020-13-45", b"? {a: b}\n: c"]


@pytest.mark.parametrize("content", BROKEN)
def test_what_cannot_be_read_is_one_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.yaml"
    path.write_bytes(content)
    workspace = Workspace(tmp_path, "taxi")
    for read in (load_gates, lambda path: stage_destinations(workspace, Delivery(), str(path))):
        with pytest.raises(UsageError) as caught:
            read(path)
        assert str(path) in caught.value.message

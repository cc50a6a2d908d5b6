"""The documents: whatever they point at is there."""

import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.documents

ROOT = Path(__file__).parents[1]
_LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s#]+)(#[^)]*)?\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def documents() -> list[Path]:
    listed = ["git", "-C", str(ROOT), "ls-files", "-coz", "--exclude-standard", "*.md"]
    names = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted({ROOT / name for name in names if name and (ROOT / name).is_file()})


def broken(document: Path, text: str) -> list[str]:
    """Relative links that lead nowhere."""
    links = [target for target, _ in _LINK.findall(_CODE.sub("", text)) if "://" not in target and ":" not in target]
    return [target for target in links if not (document.parent / target).exists()]


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    assert broken(document, document.read_text(encoding="utf-8")) == []


def test_a_link_that_leads_nowhere_is_found() -> None:
    text = "[here](README.md) [there](nowhere.md#part) `[code](nowhere.md)` [far](https://example.org/nowhere.md)"
    assert broken(ROOT / "x.md", text) == ["nowhere.md"]

"""What people expect of a repository that they may adopt, and that it keeps what it says."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FORMS = sorted(path for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")


def test_the_license_is_the_whole_text():
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    for section in range(1, 10):
        assert f"\n   {section}. " in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_asks_in_what_github_knows(form):
    content = yaml.safe_load(form.read_text())
    assert {"name", "description", "body"} <= content.keys()
    asked = [item for item in content["body"] if item["type"] != "markdown"]
    assert asked
    assert {item["type"] for item in asked} <= {"input", "textarea", "dropdown", "checkboxes"}
    identities = [item["id"] for item in asked]
    assert len(set(identities)) == len(identities)
    assert all(item["attributes"]["label"] for item in asked)
    assert any(item.get("validations", {}).get("required") for item in asked)


def test_hooks_before_a_commit_run_what_make_lint_runs():
    lint = subprocess.run(["make", "--dry-run", "lint"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    wanted = set(re.findall(r"^\.venv/bin/(?:ruff|mypy|lint-imports).*$", lint, re.MULTILINE))
    [local] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert {hook["language"] for hook in local["hooks"]} == {"system"}
    assert {hook["entry"] for hook in local["hooks"]} == {command.removesuffix(" .") for command in wanted}


def test_contributing_leads_to_what_is_there():
    """The rooms, and where to change what: every path that the tables name."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    cells = [line for line in text.splitlines() if line.startswith("| ")]
    named = {
        path
        for line in cells
        for path in re.findall(r"`((?:weighbridge|components|pipelines|tests|infra)/[^`<]*)`", line)
    }
    assert len(named) > 30
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_contributing_describes_every_room():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    rooms = {path.parent.name for path in (ROOT / "weighbridge").glob("*/__init__.py")} - {"components", "pipelines"}
    assert [room for room in sorted(rooms) if f"| `weighbridge/{room}` |" not in text] == []


def test_git_ignores_an_environment_that_is_a_link_too(tmp_path):
    """A checkout that shares the environment of another links to it."""
    (tmp_path / ".gitignore").write_bytes((ROOT / ".gitignore").read_bytes())
    for name in (".venv", ".tools"):
        (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    listed = ["git", "-C", str(tmp_path), "ls-files", "--others", "--exclude-standard"]
    assert subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split() == [".gitignore"]

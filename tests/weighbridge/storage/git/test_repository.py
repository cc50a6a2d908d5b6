"""Reading and changing a folder of a real repository, with others who push at the same time."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.config_repository import ConfigRepository
from weighbridge.common.errors import InfrastructureError, UsageError
from weighbridge.storage.git import repository as module
from weighbridge.storage.git.cache import cache_home
from weighbridge.storage.git.failures import Conflict, Declined
from weighbridge.storage.git.repository import Repository


def test_files_of_the_folder_are_read_and_changed_in_one_commit(config: ConfigRepository) -> None:
    config.commit({"other/values.yaml": b"1", "taxi/canary.json": b"{}"})
    repository = Repository.open(config.address)
    before = repository.head()
    assert repository.read("canary.json") == b"{}"
    assert repository.read("production.json") is None

    after = repository.commit({"production.json": b"7", "canary.json": None}, "Deliver", before)

    assert after == repository.head() == config.head() != before
    assert (config.read("production.json"), config.read("canary.json")) == (b"7", None)
    assert config.read("weighbridge.yaml") is not None
    assert config.run("show", "main:other/values.yaml") == "1"
    assert config.run("diff", "--name-status", before, after) == "D\ttaxi/canary.json\nA\ttaxi/production.json\n"
    assert config.messages()[0] == "Deliver"


def test_the_branch_that_the_repository_calls_its_own(tmp_path: Path) -> None:
    config = ConfigRepository(tmp_path / "config.git", branch="env/production")
    config.settings(tmp_path)
    repository = Repository.open(config.address.partition("?")[0])
    assert repository.branch == "env/production"
    repository.commit({"a": b"1"}, "A", repository.head())
    assert config.read("a") == b"1"


def test_the_root_of_the_repository_can_be_the_folder(config: ConfigRepository) -> None:
    repository = Repository.open(f"git+file://{config.path}//.")
    repository.commit({"a.json": b"1"}, "A", repository.head())
    assert config.run("show", "main:a.json") == "1"


def test_what_is_so_already_makes_no_commit(config: ConfigRepository) -> None:
    repository = Repository.open(config.address)
    head = repository.commit({"production.json": b"7"}, "Deliver", repository.head())
    assert repository.commit({"production.json": b"7", "canary.json": None}, "Deliver", head) == head
    assert len(config.messages()) == 2


def test_a_change_is_made_again_on_what_somebody_else_pushed(config: ConfigRepository) -> None:
    repository = Repository.open(config.address)
    head = repository.head()
    others = config.commit({"taxi/kustomization.yaml": b"resources: []", "other/x": b"1"}, "Others")

    made = repository.commit({"production.json": b"7"}, "Deliver", head, unchanged=["weighbridge.yaml"])

    assert config.run("rev-parse", f"{made}^").strip() == others
    assert config.read("kustomization.yaml") == b"resources: []"
    assert repository.read("kustomization.yaml") == b"resources: []"


@pytest.mark.parametrize("name", ["production.json", "weighbridge.yaml"])
def test_a_conflicting_commit_stays_and_is_named(config: ConfigRepository, name: str) -> None:
    repository = Repository.open(config.address)
    others = config.commit({f"taxi/{name}": b"models: /elsewhere"}, "Others")
    with pytest.raises(Conflict, match=f"changed {name} in .*{others[:12]}"):
        repository.commit({"production.json": b"7"}, "Deliver", repository.head(), unchanged=["weighbridge.yaml"])
    assert config.head() == others
    assert repository.head() == others


def test_a_change_from_an_older_look_is_held_against_that_look(config: ConfigRepository) -> None:
    repository = Repository.open(config.address)
    first = repository.head()
    config.commit({"taxi/canary.json": b"another's"})
    repository.refresh()
    with pytest.raises(Conflict):
        repository.commit({"canary.json": b"mine"}, "Mine", first)
    with pytest.raises(Conflict, match="no commit"):
        repository.commit({"canary.json": b"mine"}, "Mine", "f" * 40)


def test_many_pushes_at_once_are_all_kept(config: ConfigRepository) -> None:
    def push(number: int) -> None:
        repository = Repository.open(config.address)
        repository.commit({f"{number}.json": b"1"}, f"Push {number}", repository.head())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(push, range(6)))
    assert sorted(config.messages()[:-1]) == [f"Push {number}" for number in range(6)]
    assert all(config.read(f"{number}.json") for number in range(6))


def test_of_two_that_change_one_file_at_once_one_wins(config: ConfigRepository) -> None:
    opened = [Repository.open(config.address) for _ in range(3)]

    def push(number: int) -> str:
        try:
            opened[number].commit({"canary.json": str(number).encode()}, f"Push {number}", opened[number].head())
        except Conflict:
            return "lost"
        return str(number)

    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(push, range(3)))
    [winner] = [result for result in results if result != "lost"]
    assert config.read("canary.json") == winner.encode()
    assert len(config.messages()) == 2


def test_a_push_whose_answer_is_lost_is_known_to_have_arrived(
    config: ConfigRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = Repository.open(config.address)
    push = module.Git.__call__

    def lost(git: module.Git, *arguments: str, **options: object) -> bytes:
        out = push(git, *arguments, **options)  # type: ignore[arg-type]
        if arguments[0] == "push":
            raise module.GitFailure(128, "", "fatal: the remote end hung up unexpectedly")
        return out

    monkeypatch.setattr(module.Git, "__call__", lost)
    assert repository.commit({"production.json": b"7"}, "Deliver", repository.head()) == config.head()
    assert len(config.messages()) == 2


def test_a_protected_branch_is_told_with_the_way_out(config: ConfigRepository) -> None:
    config.hook("pre-receive", "echo 'GH006: Protected branch update failed'; exit 1")
    repository = Repository.open(config.address)
    with pytest.raises(Declined, match=r"takes no push to main.*GH006: Protected") as error:
        repository.commit({"production.json": b"7"}, "Deliver", repository.head())
    assert "changes: pull_request" in error.value.hint
    assert len(config.messages()) == 1


def test_a_branch_of_its_own_is_made_found_again_and_goes_on(config: ConfigRepository) -> None:
    repository = Repository.open(config.address)
    first = repository.propose({"production.json": b"7"}, "Propose", "weighbridge/taxi-7")
    assert config.head() != first == config.head("weighbridge/taxi-7")
    assert repository.head() == config.head()
    assert repository.propose({"production.json": b"7"}, "Propose", "weighbridge/taxi-7") == first

    others = config.commit({"taxi/x": b"1"})
    repository.refresh()
    second = repository.propose({"production.json": b"8"}, "Propose anew", "weighbridge/taxi-7")
    assert config.run("rev-list", "--parents", "-n1", second).split() == [second, first, others]
    assert (config.read("production.json", second), config.read("x", second)) == (b"8", b"1")

    config.run("update-ref", "refs/heads/main", second)
    repository.refresh()
    assert repository.propose({"production.json": b"8"}, "Propose", "weighbridge/taxi-7") == ""


def test_what_is_not_there_is_named(config: ConfigRepository, tmp_path: Path) -> None:
    def says(address: str) -> str:
        with pytest.raises(UsageError) as error:
            Repository.open(address)
        return str(error.value)

    assert "There is no repository" in says(f"git+file://{tmp_path}/none.git//taxi?ref=main")
    assert "has no branch mian; did you mean main?" in says(f"git+file://{config.path}//taxi?ref=mian")
    assert "did you mean taxi?" in says(f"git+file://{config.path}//tax?ref=main")
    assert "is a file, not a folder" in says(f"git+file://{config.path}//taxi/weighbridge.yaml?ref=main")
    empty = ConfigRepository(tmp_path / "empty.git")
    assert "has no commit yet" in says(empty.address)
    assert "has no commit yet" in says(empty.address.partition("?")[0])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "There is no .*weighbridge.yaml"),
        (b"", "the file"),
        (b"models: [", "line 1 is not valid YAML"),
        (b"\xff\xfe", "not valid YAML"),
        (b"changes: commit\n", "models: field required"),
        (b"models: /m\nchange: commit\n", "change is not known; did you mean .changes."),
        (b"models: /m\nchanges: force\n", "changes: input should be"),
        (b"models: git+https://h/c.git//m\n", "no place for models"),
        (b"models: models/taxi\n", "another folder for everyone"),
    ],
)
def test_settings_that_are_missing_or_malformed_are_named(
    config: ConfigRepository, text: bytes | None, says: str
) -> None:
    config.commit({"taxi/weighbridge.yaml": text, "taxi/README.md": b"x"})
    with pytest.raises(UsageError, match=says):
        _ = Repository.open(config.address).settings


def test_a_repository_that_goes_in_the_middle_is_safe_to_retry(config: ConfigRepository) -> None:
    repository = Repository.open(config.address)
    config.path.rename(config.path.with_name("away.git"))
    with pytest.raises(InfrastructureError, match="was there before"):
        repository.refresh()
    with pytest.raises(InfrastructureError, match="is gone"):
        repository.commit({"production.json": b"7"}, "Deliver", repository.head())
    config.path.with_name("away.git").rename(config.path)
    repository.commit({"production.json": b"7"}, "Deliver", repository.head())
    assert config.read("production.json") == b"7"


@pytest.mark.parametrize("odd", ["file", "empty", "torn", "locked", "checkout", "link"])
def test_whatever_is_left_in_the_cache_does_no_harm(config: ConfigRepository, odd: str, tmp_path: Path) -> None:
    Repository.open(config.address)
    [copy] = cache_home().glob("*.git")
    if odd in ("file", "empty", "link"):
        copy.rename(tmp_path / "kept")
    if odd == "file":
        copy.write_text("not a repository")
    elif odd == "empty":
        copy.mkdir()
    elif odd == "link":
        copy.symlink_to(tmp_path / "kept")
    elif odd == "torn":
        for path in (copy / "objects").rglob("*"):
            if path.is_file():
                path.chmod(0o600)
                os.truncate(path, path.stat().st_size // 2)
    elif odd == "locked":
        (copy / "shallow.lock").touch()
        (copy / "index.lock").touch()
    else:
        (copy / "taxi").mkdir()
        (copy / "taxi" / "production.json").write_text("dirty")
        (copy / "config").write_text("[core]\nbare = false\nworktree = /\n")
    config.commit({"taxi/x": b"1"})
    repository = Repository.open(config.address)
    assert repository.read("production.json") is None
    assert repository.read("x") == b"1"
    repository.commit({"production.json": b"7"}, "Deliver", repository.head())
    assert config.read("production.json") == b"7"
    assert (tmp_path / "kept").exists() == (odd in ("file", "empty", "link"))


def test_where_nothing_can_be_cached_a_copy_goes_with_the_process(
    config: ConfigRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "no-folder").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no-folder"))
    repository = Repository.open(config.address)
    repository.commit({"production.json": b"7"}, "Deliver", repository.head())
    assert config.read("production.json") == b"7"


def test_a_user_without_a_home_is_no_obstacle(config: ConfigRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", none)
    repository = Repository.open(config.address)
    repository.commit({"production.json": b"7"}, "Deliver", repository.head())
    assert config.read("production.json") == b"7"


def test_a_hook_s_surroundings_lead_nowhere(
    config: ConfigRepository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = ConfigRepository(tmp_path / "other.git")
    other.settings(tmp_path)
    head = other.head()
    monkeypatch.setenv("GIT_DIR", str(other.path))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path))
    repository = Repository.open(config.address)
    repository.commit({"production.json": b"7"}, "Deliver", repository.head())
    assert config.read("production.json") == b"7"
    assert other.head() == head
    assert not (tmp_path / "index").exists()


def test_a_link_is_not_followed(config: ConfigRepository) -> None:
    oid = config.run("hash-object", "-w", str(config.path / "HEAD")).strip()
    config.run("read-tree", "main")
    config.run("update-index", "--add", "--cacheinfo", f"120000,{oid},taxi/production.json")
    commit = config.run("commit-tree", "-p", "main", "-m", "A link", config.run("write-tree").strip()).strip()
    config.run("update-ref", "refs/heads/main", commit)
    assert Repository.open(config.address).read("production.json") == b""


def test_however_long_the_history_is_one_commit_of_it_is_brought_here(config: ConfigRepository) -> None:
    for number in range(5):
        config.commit({"other/x": str(number).encode()})
    repository = Repository.open(config.address)
    config.commit({"other/x": b"again"})
    repository.refresh()
    repository.commit({"production.json": b"7"}, "Deliver", repository.head())
    [copy] = cache_home().glob("*.git")
    kept = subprocess.run(["git", "--git-dir", copy, "rev-list", "--count", "--all"], capture_output=True, check=True)
    assert int(kept.stdout) <= 3, "the two looks and the commit"
    assert len(config.messages()) == 8


@pytest.mark.parametrize("lazy", [True, False])
def test_files_of_others_stay_where_they_are_if_the_server_can_leave_them_out(
    config: ConfigRepository, lazy: bool
) -> None:
    config.run("config", "uploadpack.allowFilter", str(lazy).lower())
    config.commit({f"other/{number}": os.urandom(100_000) for number in range(5)} | {"taxi/sub/x": os.urandom(100_000)})
    config.commit({"taxi/large": os.urandom(2_000_000), "taxi/small": b"1"})
    repository = Repository.open(config.address)
    assert repository.read("small") == b"1"
    assert repository.read("large") is None, "no file of ours has megabytes"
    repository.commit({"production.json": b"7", "small": None}, "Deliver", repository.head())
    assert (config.read("production.json"), config.read("small")) == (b"7", None)
    assert config.run("ls-tree", "-r", "--name-only", "main").count("other/") == 5
    [copy] = cache_home().glob("*.git")
    kept = sum(path.stat().st_size for path in copy.rglob("*") if path.is_file())
    assert (kept < 2_300_000) is lazy

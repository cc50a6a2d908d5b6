"""A machine that fails while a model is weighed says nothing of the model: exit 3, and no gate that stays."""

import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from weighbridge.common import interruption
from weighbridge.common.errors import InfrastructureError
from weighbridge.components.evaluator import signature
from weighbridge.components.evaluator.unmeasurable import Unmeasurable, gates_or_refusal
from weighbridge.verdict import Gate

Models = Callable[[str], Path]


@contextmanager
def no_more_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd")))  # noqa: PTH208
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
    taken: list[int] = []
    try:
        while True:  # what is free below it
            try:
                taken.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                break
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def load(folder: Path) -> list[Gate]:
    signature.load(folder, "serving_default")
    return []


def test_a_model_that_is_whole_is_not_refused_for_lack_of_open_files(models: Models) -> None:
    from weighbridge.components.artifacts.models import find_saved_model

    folder = find_saved_model(models("good"))
    assert folder is not None
    assert load(folder) == []  # TensorFlow has opened by now what it keeps open
    with no_more_files(), pytest.raises(InfrastructureError, match="The machine failed while a model was weighed"):
        gates_or_refusal("quality", lambda: load(folder))


@pytest.mark.parametrize(
    "cause", [MemoryError(), OSError(12, "Cannot allocate memory"), RuntimeError("std::bad_alloc")]
)
def test_the_machines_failure_is_no_gate(cause: Exception) -> None:
    def weigh() -> list[Gate]:
        try:
            raise cause
        except Exception as error:
            raise Unmeasurable("model", "loadable", "The exported model cannot be loaded") from error

    with pytest.raises(InfrastructureError):
        gates_or_refusal("quality", weigh)


def test_an_interruption_that_a_library_turned_into_its_own_error_is_no_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    def weigh() -> list[Gate]:
        monkeypatch.setattr(interruption, "_asked_at", 0.0)
        raise Unmeasurable("model", "loadable", "UnknownError: KeyboardInterrupt")

    with pytest.raises(KeyboardInterrupt):
        gates_or_refusal("quality", weigh)


def test_a_damaged_model_is_refused_still(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"no model")
    assert [gate.name for gate in gates_or_refusal("quality", lambda: load(tmp_path))] == ["quality.model.loadable"]

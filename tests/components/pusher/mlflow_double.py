"""A double of MLflow's client and artifact store in this process, which lets every request be the last one.

What it promises is what MLflow's SQL store promises, no more: a version is numbered above all that were ever made, the
deleted ones too, and made with its tags in one step; an alias and a tag are overwritten by whoever comes, but an alias
only points at a version that is there, and goes when that is deleted; files are overwritten, and have no checksum.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos import databricks_pb2 as codes

from weighbridge.storage.registry import client

URI = "http://mlflow.test:5000"


class Page(list[Any]):
    """An answer to a search."""

    token = ""


class MlflowDouble:
    """MLflow's client, and what is behind it.

    Attributes:
        models: registered models by name: aliases, tags and versions.
        runs: runs by their id.
        experiments: their ids by name.
        deleted: names of those that were deleted.
        stored: files by their artifact address.
        requests: what was asked so far: the method's name, and what is written.
        before: called with each request before it is served; may raise.
        after: called with each write after it was served; may raise, as a lost answer does.
        repeat: whether every write is served twice, as when the client asks again because the first answer was lost.
    """

    def __init__(self) -> None:
        self.models: dict[str, SimpleNamespace] = {}
        self.runs: dict[str, SimpleNamespace] = {}
        self.experiments: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.stored: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.before: Callable[[str], None] = lambda request: None
        self.after: Callable[[str], None] = lambda request: None
        self.repeat = False
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    def served(self, request: str, work: Callable[[], Any], *, writes: bool = False) -> Any:
        """Serve a request: in one step, as a transaction is."""
        answer = None
        for _ in range(2 if writes and self.repeat else 1):
            self.requests.append(request)
            self.before(request)
            with self._lock:
                answer = work()
            if writes:
                self.after(request)
        return answer

    def create_registered_model(self, name: str) -> None:
        def work() -> None:
            if name in self.models and not self.repeat:
                raise MlflowException(f"Registered Model (name={name}) already exists.", codes.RESOURCE_ALREADY_EXISTS)
            self.models.setdefault(name, SimpleNamespace(aliases={}, tags={}, versions={}, last=0))

        self.served(f"create_registered_model {name}", work, writes=True)

    def get_registered_model(self, name: str) -> Any:
        def work() -> Any:
            found = self._model(name)
            return SimpleNamespace(aliases=dict(found.aliases), tags=dict(found.tags))

        return self.served(f"get_registered_model {name}", work)

    def search_model_versions(self, text: str, most: int, order: list[str], token: str | None = None) -> Page:
        def work() -> Page:
            assert order == ["version_number ASC"]
            [_, name, _] = text.split("'")
            found = self.models[name].versions.values() if name in self.models else ()
            return Page(SimpleNamespace(**vars(each) | {"tags": dict(each.tags)}) for each in found)

        return self.served(f"search_model_versions {text}", work)

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: dict[str, str] | None = None,
        description: str | None = None,
        await_creation_for: int | None = None,
    ) -> Any:
        def work() -> Any:
            model = self._model(name)
            if source.startswith("mlflow-artifacts:") and f"/{run_id}/" not in source:
                raise MlflowException(f"Invalid model version source: '{source}'", codes.INVALID_PARAMETER_VALUE)
            model.last += 1
            model.versions[model.last] = SimpleNamespace(
                version=str(model.last),
                source=source,
                run_id=run_id,
                tags=dict(tags or {}),
                description=description,
                creation_timestamp=int(time.time() * 1000),
            )
            return model.versions[model.last]

        return self.served(f"create_model_version {name}", work, writes=True)

    def delete_model_version(self, name: str, version: str) -> None:
        def work() -> None:
            model = self._model(name)
            self._version(name, version)
            del model.versions[int(version)]
            model.aliases = {alias: number for alias, number in model.aliases.items() if number != version}

        self.served(f"delete_model_version {name} {version}", work, writes=not self.repeat)

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        def work() -> None:
            self._version(name, version)
            self._model(name).aliases[alias] = version

        self.served(f"set_registered_model_alias {name} {alias} {version}", work, writes=True)

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        def work() -> None:
            self._version(name, version).tags[key] = value

        self.served(f"set_model_version_tag {name} {version} {key} {value}", work, writes=True)

    def set_registered_model_tag(self, name: str, key: str, value: str) -> None:
        def work() -> None:
            self._model(name).tags[key] = value

        self.served(f"set_registered_model_tag {name} {key}", work, writes=True)

    def get_experiment_by_name(self, name: str) -> Any:
        def work() -> Any:
            if name not in self.experiments:
                return None
            stage = "deleted" if name in self.deleted else "active"
            return SimpleNamespace(experiment_id=self.experiments[name], lifecycle_stage=stage)

        return self.served(f"get_experiment_by_name {name}", work)

    def create_experiment(self, name: str) -> None:
        self.served("create_experiment", lambda: self.experiments.setdefault(name, str(next(self._ids))), writes=True)

    def create_run(self, experiment: str, tags: dict[str, str], run_name: str) -> Any:
        def work() -> Any:
            run_id = f"{next(self._ids):032x}"
            info = SimpleNamespace(
                run_id=run_id,
                artifact_uri=f"mlflow-artifacts:/{experiment}/{run_id}/artifacts",
                start_time=int(time.time() * 1000),
                status="RUNNING",
            )
            self.runs[run_id] = SimpleNamespace(info=info, tags=dict(tags))
            return self.runs[run_id]

        return self.served("create_run", work, writes=True)

    def set_terminated(self, run_id: str, status: str) -> None:
        def work() -> None:
            if run_id not in self.runs:
                raise MlflowException(f"Run with id={run_id} not found", codes.RESOURCE_DOES_NOT_EXIST)
            self.runs[run_id].info.status = status

        self.served("set_terminated", work, writes=True)

    def delete_run(self, run_id: str) -> None:
        self.served("delete_run", lambda: self.runs.pop(run_id, None), writes=True)

    def search_runs(self, experiments: list[str], text: str) -> list[Any]:
        def work() -> list[Any]:
            [_, address, _, status, _] = text.split("'")
            return [
                run
                for run in self.runs.values()
                if run.info.status == status and run.tags.get("weighbridge.staged_for") == address
            ]

        return self.served("search_runs", work)

    def _model(self, name: str) -> Any:
        if name not in self.models:
            raise MlflowException(f"Registered Model with name={name} not found", codes.RESOURCE_DOES_NOT_EXIST)
        return self.models[name]

    def _version(self, name: str, version: str) -> Any:
        if int(version) not in self._model(name).versions:
            raise MlflowException(
                f"Model Version (name={name}, version={version}) not found", codes.RESOURCE_DOES_NOT_EXIST
            )
        return self.models[name].versions[int(version)]


class _Artifacts:
    """The artifact store below an address."""

    def __init__(self, double: MlflowDouble, uri: str) -> None:
        self._double, self._uri = double, uri

    def list_artifacts(self, path: str | None = None) -> list[Any]:
        parent = f"{self._uri}/{path}/" if path else f"{self._uri}/"

        def work() -> Iterator[Any]:
            found: dict[str, int | None] = {}
            for name, data in self._double.stored.items():
                if name.startswith(parent):
                    first, _, rest = name.removeprefix(parent).partition("/")
                    found[first] = None if rest else len(data)
            for name, size in sorted(found.items()):
                yield SimpleNamespace(path=f"{path}/{name}" if path else name, is_dir=size is None, file_size=size)

        return list(self._double.served("list_artifacts", lambda: list(work())))

    def _download_file(self, remote: str, local: str) -> None:
        self._double.served("download", lambda: Path(local).write_bytes(self._double.stored[f"{self._uri}/{remote}"]))

    def log_artifact(self, local: str, folder: str | None = None) -> None:
        path = Path(local)
        name = "/".join(part for part in (self._uri, folder, path.name) if part)

        def work() -> None:
            self._double.stored[name] = path.read_bytes()

        self._double.served(f"upload {path.name}", work, writes=True)

    def delete_artifacts(self, path: str | None = None) -> None:
        def work() -> None:
            for name in [name for name in self._double.stored if name.startswith(f"{self._uri}/")]:
                del self._double.stored[name]

        self._double.served("delete_artifacts", work, writes=True)


def mlflow_double(monkeypatch: pytest.MonkeyPatch) -> MlflowDouble:
    """A double that the code under test takes for MLflow's client."""
    double = MlflowDouble()
    monkeypatch.setenv(client.TRACKING, URI)
    monkeypatch.delenv(client.REGISTRY, raising=False)
    monkeypatch.setattr(client, "client", lambda: double)
    monkeypatch.setattr(client, "artifacts", lambda uri: _Artifacts(double, uri))
    return double

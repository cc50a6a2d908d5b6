"""A registered model of MLflow: its log is read, and versions, aliases and tags are written. No tfx.

What lies in the registry is small; the files of versions are in the artifact store behind the server, each push's in a
run of its own: `model/` as MLflow loads it, with the exported files in `model/data/`, and `evidence/` beside it.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from weighbridge.common.errors import UsageError
from weighbridge.storage.registry import client
from weighbridge.storage.registry.address import RegistryAddress
from weighbridge.storage.registry.log import Entry, Log, Settled

MODEL_FOLDER = "model"  # what MLflow's version names as its source
DATA_FOLDER = "data"  # in it, the exported model's own files, of which the digest is
EVIDENCE = "evidence"

_PREFIX = "weighbridge."
_SETTLED = f"{_PREFIX}settled"
_STAGED = f"{_PREFIX}staged_for"
_NAME, _CONTENT = f"{_PREFIX}name", f"{_PREFIX}content"
_NO_FILES = "weighbridge:/attempts"  # MLflow wants an address, of whatever kind
_VERSIONS = 10_000  # in one answer
_VALUE = 5_000  # characters of a tag that every server takes

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Note:
    """A small record that is a version without files.

    Attributes:
        number: the version's.
        name: of the record.
        content: its text.
        created: seconds since 1970, by the server's clock.
    """

    number: int
    name: str
    content: str
    created: float


class Registry:
    """A registered model, and one of its aliases.

    Every method raises a UsageError for what is refused and an InfrastructureError where the server, or the way to it,
    fails; both name the address. A request whose answer was lost may be repeated by the client.

    Args:
        address: of both.
    """

    def __init__(self, address: RegistryAddress) -> None:
        self.address = address

    def log(self) -> Log:
        """What the registry holds now.

        The alias is read before the versions, so it points at none that is newer than these; and once more where it is
        not at the head.
        """
        while True:
            model = self._model()
            if model is None:
                return Log(self.address)
            entries = {entry.number: entry for entry in map(_entry, self._versions()) if entry is not None}
            points_at = int(model.aliases.get(self.address.alias, 0))
            log = Log(self.address, points_at, entries, f"{_PREFIX}{self.address.alias}" in model.tags)
            if points_at == log.head:
                return log
            again = self._model()  # else it may have been moved between the two answers
            if again is not None and int(again.aliases.get(self.address.alias, 0)) == points_at:
                return log

    def _model(self) -> Any:
        return self._ask(lambda mlflow: mlflow.get_registered_model(self.address.name), missing=True)

    def notes(self) -> list[Note]:
        """The small records of this model and alias, those made first before the others."""
        found = []
        for version in self._versions():
            name, content = version.tags.get(_NAME, ""), version.tags.get(_CONTENT)
            if content is not None and name.startswith(f"{self.address.alias}/"):
                name = name.removeprefix(f"{self.address.alias}/")
                found.append(Note(int(version.version), name, content, version.creation_timestamp / 1000))
        return found

    def make_note(self, name: str, content: str) -> int:
        """Write a small record, whatever others there are of its name; its number.

        Raises:
            UsageError: it is larger than what every server takes.
        """
        if len(content) > _VALUE:
            raise UsageError(f"{self.address} {name} is larger than the {_VALUE} characters that MLflow takes in a tag")
        tags = {_NAME: f"{self.address.alias}/{name}", _CONTENT: content}
        made = self._ask(
            lambda mlflow: mlflow.create_model_version(
                self.address.name, _NO_FILES, tags=tags, description=name, await_creation_for=0
            )
        )
        return int(made.version)

    def make_model(self) -> None:
        """Register the model, if it is not."""
        self._ask(lambda mlflow: mlflow.create_registered_model(self.address.name), taken=True)

    def make_version(self, entry: Entry, description: str, tags: Mapping[str, str]) -> int:
        """Make a version with all its tags in one step.

        Args:
            entry: what it says; its number is the server's to give.
            description: what people read, Markdown.
            tags: further ones, for people and other programs; values are cut to what every server takes.

        Returns:
            Its number.
        """
        own = {
            "alias": entry.alias,
            "after": str(entry.after),
            "replaces": str(entry.replaces),
            "push": entry.push,
            "record": entry.record,
            "evidence": entry.evidence,
            "digest.model": entry.model_digest,
        }
        all_tags = {f"{_PREFIX}{key}": value[:_VALUE] for key, value in tags.items()}
        all_tags |= {f"{_PREFIX}{key}": value for key, value in own.items()}
        made = self._ask(
            lambda mlflow: mlflow.create_model_version(
                self.address.name,
                entry.source,
                run_id=entry.run_id,
                tags=all_tags,
                description=description,
                await_creation_for=0,
            )
        )
        return int(made.version)

    def remove_version(self, number: int) -> None:
        """Delete a version; the server never gives its number again."""
        self._ask(lambda mlflow: mlflow.delete_model_version(self.address.name, str(number)), missing=True)

    def move_alias(self, number: int) -> None:
        """Point the alias at a version, wherever it points now."""
        self._ask(lambda mlflow: mlflow.set_registered_model_alias(self.address.name, self.address.alias, str(number)))

    def settle(self, number: int, how: Settled) -> None:
        """Say on a version what became of it."""
        if how == "production":
            key = f"{_PREFIX}{self.address.alias}"  # stays when versions are deleted: it was not "nothing yet"
            self._ask(lambda mlflow: mlflow.set_registered_model_tag(self.address.name, key, f"version {number}"))
        self._ask(lambda mlflow: mlflow.set_model_version_tag(self.address.name, str(number), _SETTLED, how))

    def begin_run(self, name: str, tags: Mapping[str, str]) -> tuple[str, str]:
        """A run that holds a push's files.

        Returns:
            Its id, and the artifact address of its files.
        """
        experiment = self._experiment()
        own = {"mlflow.runName": name, _STAGED: str(self.address)}
        own |= {f"{_PREFIX}{key}": value[:_VALUE] for key, value in tags.items()}
        run = self._ask(lambda mlflow: mlflow.create_run(experiment, tags=own, run_name=name))
        return run.info.run_id, run.info.artifact_uri

    def end_run(self, run_id: str) -> None:
        """Say that a run has all its files."""
        self._ask(lambda mlflow: mlflow.set_terminated(run_id, "FINISHED"))

    def remove_run(self, run_id: str) -> None:
        """Delete a run; `mlflow gc` removes its files."""
        self._ask(lambda mlflow: mlflow.delete_run(run_id), missing=True)

    def staged_runs(self, older: timedelta) -> list[str]:
        """Runs that were begun for this alias longer ago than that, and never ended."""
        experiment = self._experiment()
        runs = self._ask(
            lambda mlflow: mlflow.search_runs(
                [experiment], f"tags.`{_STAGED}` = '{self.address}' AND attributes.status = 'RUNNING'"
            )
        )
        before = (time.time() - older.total_seconds()) * 1000
        return [run.info.run_id for run in runs if run.info.start_time < before]

    def _versions(self) -> list[Any]:
        """All versions that were not deleted, by number."""
        found: list[Any] = []
        page = self._page("")
        while page.token:
            found += page
            page = self._page(page.token)
        return [*found, *page]

    def _page(self, token: str) -> Any:
        wanted = f"name='{self.address.name}'"
        return self._ask(
            lambda mlflow: mlflow.search_model_versions(wanted, _VERSIONS, ["version_number ASC"], token or None)
        )

    def _experiment(self) -> str:
        """The experiment of pushes: the one that MLflow's own variables name, else of the model's name."""
        if given := os.environ.get("MLFLOW_EXPERIMENT_ID"):
            return given
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or self.address.name
        found = self._ask(lambda mlflow: mlflow.get_experiment_by_name(name))
        if found is None:
            self._ask(lambda mlflow: mlflow.create_experiment(name), taken=True)
            found = self._ask(lambda mlflow: mlflow.get_experiment_by_name(name))
        if found.lifecycle_stage != "active":
            raise UsageError(
                f"MLflow's experiment {name} was deleted, and {self.address} keeps its files there",
                f"mlflow experiments restore --experiment-id {found.experiment_id}, or name another: "
                "MLFLOW_EXPERIMENT_NAME.",
            )
        return str(found.experiment_id)

    def _ask(self, ask: Callable[[Any], Answer], *, missing: bool = False, taken: bool = False) -> Any:
        """An answer; None where nothing is there and `missing` says that this is one, or a name is and `taken` does."""
        with client.explained(str(self.address)):
            mlflow = client.client()
            try:
                return ask(mlflow)
            except Exception as error:
                if (missing and client.is_missing(error)) or (taken and client.is_taken(error)):
                    return None
                raise


def _entry(version: Any) -> Entry | None:
    """What a version's tags say; None where no Pusher made it."""
    tags = {key.removeprefix(_PREFIX): value for key, value in version.tags.items() if key.startswith(_PREFIX)}
    try:
        json.loads(tags["record"])
        settled = tags.get("settled", "")
        return Entry(
            number=int(version.version),
            alias=tags["alias"],
            after=int(tags["after"]),
            replaces=int(tags["replaces"]),
            push=tags["push"],
            record=tags["record"],
            source=version.source,
            evidence=tags["evidence"],
            run_id=version.run_id or "",
            model_digest=tags["digest.model"],
            settled="production" if settled == "production" else "overtaken" if settled else "",
        )
    except (KeyError, ValueError):
        return None

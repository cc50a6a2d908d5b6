"""`weighbridge.yaml` in a configuration repository: what people decide about the folder that it lies in."""

import difflib
from pathlib import PurePosixPath
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from weighbridge.common.errors import UsageError
from weighbridge.storage.git.address import is_git
from weighbridge.storage.git.serving import ServingSettings

SETTINGS_FILE = "weighbridge.yaml"
EXAMPLE = "models: gs://models/taxi\nchanges: commit\n"


class GitSettings(BaseModel):
    """What `weighbridge.yaml` says.

    Attributes:
        models: destination that holds the versions' files and evidence: a folder, a bucket's prefix, or `models:/name`.
        changes: whether a push commits to the branch, or proposes that in a pull request.
        rollbacks: the same of rollbacks, which may be in a hurry; None for as `changes` says.
        manifests: what is written as `model.yaml` for the cluster.
        serving: how the cluster is to run it, beyond what was measured.
        reports: where the pages of runs are, with `{run_id}` and `{pipeline}` in it, for links in commits; empty for
            nowhere.
        reviewers: whom a pull request asks, by their names on GitHub or GitLab.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: str = Field(min_length=1)
    changes: Literal["commit", "pull_request"] = "commit"
    rollbacks: Literal["commit", "pull_request"] | None = None
    manifests: Literal["kserve", "deployment", "rollout", "none"] = "none"
    serving: ServingSettings = ServingSettings()
    reports: str = ""
    reviewers: tuple[str, ...] = ()


def parse_settings(data: bytes | None, where: str) -> GitSettings:
    """The settings in the bytes of a file.

    Args:
        data: of `weighbridge.yaml`; None where there is none.
        where: its address, for messages.

    Raises:
        UsageError: there is none, or it is malformed.
    """
    if data is None:
        raise UsageError(
            f"There is no {where}: whoever owns the repository says there where the models lie",
            f"Commit that file with, for example: {EXAMPLE.strip().replace(chr(10), ' and ')}",
        )
    try:
        content = yaml.safe_load(data.decode("utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise UsageError(f"{where}{line} is not valid YAML: {getattr(error, 'problem', None) or error}") from error
    try:
        settings = GitSettings.model_validate(content)
    except ValidationError as error:
        told = "; ".join(map(_problem, error.errors()))
        known = ", ".join(GitSettings.model_fields)
        below = ", ".join(ServingSettings.model_fields)
        hint = f"Its keys are {known}; models is needed. Below serving: {below}."
        raise UsageError(f"{where}: {told}", hint) from error
    _check_models(settings.models, where)
    return settings


def _problem(found: ErrorDetails) -> str:
    """What is wrong at one place, in a phrase."""
    *above, key = map(str, found["loc"] or ("the file",))
    place = ".".join([*above, key])
    if found["type"] != "extra_forbidden":
        return f"{place}: {found['msg'][0].lower()}{found['msg'][1:]}"
    fields = ServingSettings.model_fields if above == ["serving"] else GitSettings.model_fields
    near = difflib.get_close_matches(key, list(fields), n=1)
    return f"{place} is not known" + (f"; did you mean {near[0]!r}?" if near else "")


def _check_models(models: str, where: str) -> None:
    if is_git(models):
        raise UsageError(
            f"{where}: models is {models}, a Git repository, which is no place for models",
            "Name a bucket, a folder or models:/NAME there.",
        )
    if ":" not in models and not PurePosixPath(models).is_absolute():
        raise UsageError(
            f"{where}: models is {models!r}, which is another folder for everyone who reads it",
            "Give an absolute path, or an address such as gs://models/taxi.",
        )

"""What is reached over a network: Kubeflow, stores, registries. Of credentials only whether they are there."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from weighbridge.common.text import mask
from weighbridge.doctor.finding import Finding

_TIMEOUT_S = 3.0
_SKEW_S = 60.0
# Variables that name a place.
_PLACES = ("WEIGHBRIDGE_STORE", "WEIGHBRIDGE_DATA", "WEIGHBRIDGE_DESTINATIONS")


def kubeflow() -> Iterator[Finding]:
    """Whether the endpoint answers within three seconds, as what, and whether it takes the credentials."""
    from weighbridge.kubeflow.client.endpoint import ENDPOINT, from_environment

    if not os.environ.get(ENDPOINT):
        yield Finding("kubeflow", "ok", f"{ENDPOINT} is not set: only commands that speak to Kubeflow need it")
        return
    endpoint = from_environment()
    import requests

    where = mask(endpoint.url)
    try:
        answer = requests.get(
            f"{endpoint.url}/apis/v2beta1/healthz",
            headers=endpoint.headers(),
            timeout=_TIMEOUT_S,
            allow_redirects=False,
            verify=endpoint.ca_bundle or True,
            stream=True,
        )
        with answer:
            body = answer.raw.read(65536, decode_content=True)
    except requests.exceptions.SSLError:
        mend = "Set WEIGHBRIDGE_KFP_CA_BUNDLE to the PEM file of the authority that signed its certificate."
        yield Finding("kubeflow", "wrong", f"{where}: its certificate cannot be checked", mend)
        return
    except (requests.exceptions.RequestException, OSError) as error:
        kind = "no answer within 3 s" if isinstance(error, requests.exceptions.Timeout) else "it cannot be reached"
        mend = f"Is it up, and is this the address? curl -sS {where}/apis/v2beta1/healthz"
        yield Finding("kubeflow", "wrong", f"{where}: {kind}", mend, retryable=True)
        return
    yield from _answered(where, answer, body, endpoint)
    yield from _skew(where, answer.headers.get("Date", ""))


def _answered(where: str, answer: Any, body: bytes, endpoint: Any) -> Iterator[Finding]:
    from weighbridge.kubeflow.client.endpoint import NAMESPACE

    moved = answer.headers.get("Location", "")
    if 300 <= answer.status_code < 400 and moved.startswith("https://") and where.startswith("http://"):
        moved = moved.partition("/apis/")[0]
        yield Finding(
            "kubeflow", "wrong", f"{where} sends on to https", f"export WEIGHBRIDGE_KFP_ENDPOINT={mask(moved)}"
        )
        return
    if answer.status_code in (401, 403) or 300 <= answer.status_code < 400:
        given = "the credentials are not taken" if endpoint.headers() else "it asks for credentials"
        mend = "Set WEIGHBRIDGE_KFP_TOKEN, WEIGHBRIDGE_KFP_TOKEN_FILE or WEIGHBRIDGE_KFP_COOKIES: docs/kubeflow.md."
        yield Finding("kubeflow", "wrong", f"{where}: {given} (HTTP {answer.status_code})", mend)
        return
    if answer.status_code >= 500:
        mend = "Try again; if it stays so, look at the pod ml-pipeline."
        yield Finding("kubeflow", "wrong", f"{where}: HTTP {answer.status_code}", mend, retryable=True)
        return
    try:
        health = json.loads(body)
    except ValueError:
        health = None
    if answer.status_code != 200 or not isinstance(health, dict):
        mend = "Give the address of Kubeflow Pipelines' pages, often ending in /pipeline."
        yield Finding("kubeflow", "wrong", f"{where} is no Kubeflow Pipelines 2 (HTTP {answer.status_code})", mend)
        return
    version = str(health.get("tagName") or health.get("apiServerTagName") or "of unknown version")
    if health.get("multiUser") and not endpoint.namespace:
        mend = f"export {NAMESPACE}=your-namespace"
        yield Finding("kubeflow", "wrong", f"{where}, {version}, is for many users, and no namespace is named", mend)
        return
    space = f", namespace {endpoint.namespace}" if endpoint.namespace else ""
    yield Finding("kubeflow", "ok", f"{where}, {version}{space}")


def _skew(where: str, date: str) -> Iterator[Finding]:
    """The server's clock against this machine's: tokens are valid for minutes."""
    try:
        skew = parsedate_to_datetime(date).timestamp() - time.time()
    except (TypeError, ValueError):
        return
    if abs(skew) > _SKEW_S:
        found = f"this machine's clock is {abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} that of {where}"
        yield Finding("kubeflow", "warning", found, "Set the clock, e.g. timedatectl set-ntp true.")


def google() -> Iterator[Finding]:
    """Credentials for gs://."""
    file = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    usual = Path("~/.config/gcloud/application_default_credentials.json").expanduser()
    login = "gcloud auth application-default login"
    if file and not Path(file).is_file():
        found = f"GOOGLE_APPLICATION_CREDENTIALS names {file}, which is not there"
        yield Finding("gs://", "wrong", found, f"Correct it, or unset it and: {login}")
        return
    sources = {
        "an emulator, STORAGE_EMULATOR_HOST": bool(os.environ.get("STORAGE_EMULATOR_HOST")),
        "GOOGLE_APPLICATION_CREDENTIALS": bool(file),
        str(usual): usual.is_file(),
        "the account of the pod": bool(os.environ.get("KUBERNETES_SERVICE_HOST")),
    }
    yield from _credentials("gs://", sources, "google-cloud-storage", login)


def amazon() -> Iterator[Finding]:
    """Credentials for s3://."""
    pair = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    given = [name for name in pair if os.environ.get(name)]
    if len(given) == 1:
        [other] = set(pair) - set(given)
        yield Finding("s3://", "wrong", f"{given[0]} is set, and {other} is not", f"Set {other}, or unset {given[0]}.")
        return
    token = os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE")
    if token and not Path(token).is_file():
        found = f"AWS_WEB_IDENTITY_TOKEN_FILE names {token}, which is not there"
        yield Finding("s3://", "wrong", found, "Correct it, or unset it.")
        return
    usual = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials").expanduser()
    sources = {
        " and ".join(pair): len(given) == 2,
        "AWS_WEB_IDENTITY_TOKEN_FILE": bool(token),
        "AWS_PROFILE": bool(os.environ.get("AWS_PROFILE")),
        str(usual): usual.is_file(),
        "the role of the container": bool(os.environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")),
    }
    yield from _credentials("s3://", sources, "boto3", "aws configure")


def _credentials(scheme: str, sources: Mapping[str, bool], library: str, login: str) -> Iterator[Finding]:
    from weighbridge.common.pinned import installed

    needed = [name for name in _PLACES if os.environ.get(name, "").startswith(scheme)]
    there = [name for name, present in sources.items() if present]
    verb = "lies" if len(needed) == 1 else "lie"
    wants = f"{', '.join(needed)} {verb} there" if needed else "nothing here needs them"
    if needed and library not in installed():
        yield Finding(scheme, "wrong", f"{wants}, and {library} is not installed", f"uv pip install {library}")
    elif there:
        yield Finding(scheme, "ok", f"credentials: {', '.join(there)}")
    elif needed:
        yield Finding(scheme, "warning", f"{wants}, and there are no credentials", login)
    else:
        yield Finding(scheme, "ok", f"no credentials; {wants}")


def registry() -> Iterator[Finding]:
    """Registries that podman or docker may push to, by name."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    files = (
        Path(os.environ.get("REGISTRY_AUTH_FILE") or Path(runtime, "containers/auth.json")),
        Path(os.environ.get("DOCKER_CONFIG") or Path("~/.docker").expanduser(), "config.json"),
    )
    known: set[str] = set()
    for path in files:
        try:
            content = json.loads(path.read_bytes())
        except OSError:
            continue
        except ValueError:
            yield Finding("registry", "warning", f"{path} is no JSON", "Sign in anew: podman login REGISTRY")
            continue
        if isinstance(content, dict):
            known |= {*_names(content.get("auths")), *_names(content.get("credHelpers"))}
    told = ", ".join(sorted(map(mask, known))) or "none: only pushing an image needs it"
    yield Finding("registry", "ok", f"signed in to {told}")


def _names(entries: Any) -> list[str]:
    return [str(name) for name in entries] if isinstance(entries, dict) else []

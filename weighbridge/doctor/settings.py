"""Environment variables: what is set for Weighbridge, what is mistyped, and what a build of Jenkins brings."""

import difflib
import os
from collections.abc import Iterator
from pathlib import Path

from weighbridge.attestation.keys import Trust, is_pem
from weighbridge.attestation.signer import SIGSTORE, signer_here
from weighbridge.common.environment import SIGNING_KEY_VARIABLE
from weighbridge.common.errors import UsageError
from weighbridge.doctor.finding import Finding

# Those that anything here reads: commands, set-up, the image, Jenkins' library and its controller.
KNOWN = frozenset(
    f"WEIGHBRIDGE_{name}"
    for name in [
        "AGENT_IMAGE",
        "BASE_IMAGE",
        "COMPLETE",
        "DATA",
        "DELIVERY_AGENTS",
        "DESTINATIONS",
        "GIT_SIGNING_KEY",
        "GIT_TOKEN",
        "GIT_USER",
        "GITHUB_APP",
        "GITHUB_TOKEN",
        "GITHUB_USER",
        "GITLAB_TOKEN",
        "GITLAB_USER",
        "HOOKS",
        "IMAGE",
        "JENKINS_TOKEN",
        "JENKINS_USER",
        "KFP_CA_BUNDLE",
        "KFP_COOKIES",
        "KFP_ENDPOINT",
        "KFP_NAMESPACE",
        "KFP_SERVICE_ACCOUNT",
        "KFP_TOKEN",
        "KFP_TOKEN_FILE",
        "KFP_USER",
        "MLFLOW_MODELS",
        "NOTIFY",
        "PREPARED",
        "PROMETHEUS",
        "PROMETHEUS_PASSWORD",
        "PROMETHEUS_TOKEN",
        "PROMETHEUS_USER",
        "PYTHON",
        "REPORTS",
        "REPOSITORY",
        "SERVING_PYTHON",
        "SIGNING_KEY",
        "SIGNING_KEY_PASSWORD",
        "SIGNING_PUBLIC_KEY",
        "SMTP",
        "SNAPSHOT_DATA",
        "STORE",
        "VERIFY_IDENTITY",
        "VERIFY_KEY",
        "WORKDIR",
        "WORKERS",
    ]
)


def variables() -> Iterator[Finding]:
    """Which variables are set, by name; one that nothing reads is mistyped."""
    given = sorted(name for name in os.environ if name.startswith("WEIGHBRIDGE_"))
    for name in given:
        if name not in KNOWN and not name.startswith("_"):
            close = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.8)
            mend = f"Did you mean {close[0]}?" if close else f"unset {name}"
            yield Finding("variables", "warning", f"{name} is set, and nothing reads it", mend)
    known = ", ".join(name for name in given if name in KNOWN)
    yield Finding("variables", "ok", known or "none of WEIGHBRIDGE_* is set")


def keys() -> Iterator[Finding]:
    """Whether the keys that models are signed and verified with can be used. No token, cloud or Sigstore is asked."""
    named = os.environ.get(SIGNING_KEY_VARIABLE, "")
    try:
        trust = Trust.of()
        remote = named == SIGSTORE or (":" in named and not is_pem(named) and not Path(named).exists())
        signer = None if remote else signer_here()
    except UsageError as error:
        yield Finding("keys", "wrong", error.message, error.hint)
        return
    signs = (
        f"signs as {signer.name[:12]}"
        if signer
        else f"signs by {named.partition(':')[0]}"
        if remote
        else "signs nothing"
    )
    trusted = [key.fingerprint[:12] for key in trust.keys] + ([trust.identity] if trust.identity else [])
    yield Finding("keys", "ok", f"{signs}; trusts {', '.join(trusted) or 'nobody'}")
    if signer is not None and trust and signer.name not in [key.fingerprint for key in trust.keys]:
        found = f"what is signed here, as {signer.name[:12]}, is trusted by no key here, so no push passes"
        yield Finding("keys", "warning", found, "Add its public key to WEIGHBRIDGE_VERIFY_KEY.")


def jenkins() -> Iterator[Finding]:
    """What a build of Jenkins is told."""
    if not (os.environ.get("JENKINS_URL") or os.environ.get("BUILD_URL")):
        yield Finding("jenkins", "ok", "this is no build of Jenkins")
        return
    missing = [name for name in ("JENKINS_URL", "BUILD_URL", "WORKSPACE", "JOB_NAME") if not os.environ.get(name)]
    if missing:
        found = f"not set: {', '.join(missing)}"
        yield Finding("jenkins", "warning", found, "Start the command in a build's sh step, inside `node` or `agent`.")
    if not os.environ.get("WEIGHBRIDGE_STORE"):
        found = "WEIGHBRIDGE_STORE is not set: builds on other agents see nothing that this one keeps"
        yield Finding("jenkins", "warning", found, "Set it for the controller, e.g. gs://models: docs/delivery.md.")
    yield Finding("jenkins", "ok", f"build {os.environ.get('BUILD_URL') or os.environ.get('BUILD_NUMBER') or '?'}")

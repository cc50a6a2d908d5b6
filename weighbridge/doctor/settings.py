"""Environment variables: what is set for Weighbridge, what is mistyped, and what a build of Jenkins brings."""

import difflib
import os
from collections.abc import Iterator

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
        "PYTHON",
        "REPORTS",
        "REPOSITORY",
        "SMTP",
        "STORE",
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

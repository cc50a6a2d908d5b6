"""Names of the environment variables that more than one place reads."""

IMAGE_VARIABLE = "WEIGHBRIDGE_IMAGE"
"""The image that a step runs in, by digest; part of what a verdict is bound to."""

HOOKS_VARIABLE = "WEIGHBRIDGE_HOOKS"
"""`off` calls no hooks when a run ends, as within a backtest."""

SIGNING_KEY_VARIABLE = "WEIGHBRIDGE_SIGNING_KEY"
"""What models are signed with: a private key's file, the address of a key in a token or a cloud, or `sigstore`."""

SIGNING_PASSWORD_VARIABLE = "WEIGHBRIDGE_SIGNING_KEY_PASSWORD"  # noqa: S105, the name of it
"""What the private key's file is encrypted with."""

SIGNING_PUBLIC_VARIABLE = "WEIGHBRIDGE_SIGNING_PUBLIC_KEY"
"""The public key of a signing key that lies in a token or a cloud."""

VERIFY_KEY_VARIABLE = "WEIGHBRIDGE_VERIFY_KEY"
"""The public keys whose signatures are trusted: files, separated as in PATH."""

VERIFY_IDENTITY_VARIABLE = "WEIGHBRIDGE_VERIFY_IDENTITY"
"""Who may sign by Sigstore without a key, and who vouches for that: `IDENTITY ISSUER`."""

SERVING_PYTHON_VARIABLE = "WEIGHBRIDGE_SERVING_PYTHON"
"""The Python of the environment that model servers run in."""

GIT_TOKEN_VARIABLE = "WEIGHBRIDGE_GIT_TOKEN"  # noqa: S105, the name of it
"""What a configuration repository is read and written with over https."""

GIT_USER_VARIABLE = "WEIGHBRIDGE_GIT_USER"
"""The name that a server wants beside that token; most take any."""

GIT_SIGNING_KEY_VARIABLE = "WEIGHBRIDGE_GIT_SIGNING_KEY"
"""What commits to a configuration repository are signed with: the file of an ssh key, or a key that GnuPG knows."""

SERVICE_TOKENS = {
    "GitHub": ("WEIGHBRIDGE_GITHUB_TOKEN", "GITHUB_TOKEN"),
    "GitLab": ("WEIGHBRIDGE_GITLAB_TOKEN", "GITLAB_TOKEN"),
}
"""What requests to a service's REST API are authorised with; the first that is set counts."""
PROMETHEUS_VARIABLE = "WEIGHBRIDGE_PROMETHEUS"
"""Address of the Prometheus that a live canary is judged by."""

PROMETHEUS_TOKEN_VARIABLE = "WEIGHBRIDGE_PROMETHEUS_TOKEN"  # noqa: S105, the name of it
"""A bearer token for it."""

PROMETHEUS_USER_VARIABLE = "WEIGHBRIDGE_PROMETHEUS_USER"
"""Or a user, for basic authentication,"""

PROMETHEUS_PASSWORD_VARIABLE = "WEIGHBRIDGE_PROMETHEUS_PASSWORD"  # noqa: S105, the name of it
"""and that user's password."""

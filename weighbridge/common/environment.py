"""Names of the environment variables that more than one place reads."""

IMAGE_VARIABLE = "WEIGHBRIDGE_IMAGE"
"""The image that a step runs in, by digest; part of what a verdict is bound to."""

HOOKS_VARIABLE = "WEIGHBRIDGE_HOOKS"
"""`off` calls no hooks when a run ends, as within a backtest."""

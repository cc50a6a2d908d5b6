"""Ours has no module of this name."""

OWNER = "payments team"

"""Runs and where they are kept: the workspace, the record of a run, and the fingerprint of what it depends on."""

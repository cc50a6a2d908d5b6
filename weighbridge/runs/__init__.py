"""Runs and where they are kept: the workspace, the record of a run, and the fingerprint of what it depends on."""

from weighbridge.common.callable_module import make_callable

make_callable(__name__, "weighbridge.api.listing.runs")
